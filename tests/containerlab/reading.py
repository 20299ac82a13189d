"""arm.clab.yml as containerlab reads it, written from its documentation and apart from lab/topology.py.

Lists of the levels are joined from general to particular, without repetitions; of binds to one place the most
particular counts, and of a mapping's keys too.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lab.plan import TOPOLOGY

_VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Reading:
    """One node."""

    interfaces: frozenset[str]
    binds: frozenset[tuple[str, str, str]]  # absolute source, target, mode
    exec: tuple[tuple[str, ...], ...]
    env: Mapping[str, str]
    sysctls: Mapping[str, str]
    image: str


def read(variables: Mapping[str, str]) -> dict[str, Reading]:
    """Every node, by name."""
    text = _VARIABLE.sub(lambda found: variables.get(found[1], found[2]), TOPOLOGY.read_text())
    topology = yaml.safe_load(text)["topology"]
    ends = [end.split(":") for link in topology["links"] for end in link["endpoints"]]
    nodes = {}
    for name, own in topology["nodes"].items():
        levels = [
            topology.get("defaults", {}),
            topology.get("kinds", {}).get("linux", {}),
            topology.get("groups", {}).get(own.get("group"), {}),
            own,
        ]
        nodes[name] = Reading(
            frozenset(interface for node, interface in ends if node == name),
            frozenset(_bind(text, name) for text in _binds(levels)),
            tuple(tuple(shlex.split(line)) for line in dict.fromkeys(_joined(levels, "exec"))),
            _merged(levels, "env"),
            _merged(levels, "sysctls"),
            next(level["image"] for level in reversed(levels) if "image" in level),
        )
    return nodes


def _joined(levels: list[dict[str, Any]], key: str) -> list[str]:
    return [item for level in levels for item in level.get(key, [])]


def _binds(levels: list[dict[str, Any]]) -> list[str]:
    return list({text.split(":")[1]: text for text in _joined(levels, "binds")}.values())


def _bind(text: str, node: str) -> tuple[str, str, str]:
    source, target, mode = [*text.split(":"), "rw"][:3]
    folder = TOPOLOGY.parent
    return os.path.normpath(folder / source.replace("__clabNodeName__", node)), target, mode


def _merged(levels: list[dict[str, Any]], key: str) -> dict[str, str]:
    return {name: str(value) for level in levels for name, value in level.get(key, {}).items()}
