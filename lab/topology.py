"""The containerlab topology file, read without containerlab.

The subset: `name`, nodes merged from defaults, kind, group and node, links between them. Whatever else a file
says would silently behave differently here, so it is refused by name.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.plan import LabError

_LISTS = {"binds", "exec"}
_MAPPINGS = {"env", "sysctls"}
_WORDS = {"image", "kind", "group", "cmd", "network-mode"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class Bind:
    """A path of this machine as the node sees it."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node, merged; commands are already split into words."""

    name: str
    image: str
    cmd: tuple[str, ...]
    exec: tuple[tuple[str, ...], ...]
    binds: tuple[Bind, ...]
    env: Mapping[str, str]
    sysctls: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a link."""

    node: str
    interface: str


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole file."""

    name: str
    nodes: Mapping[str, NodePlan]
    links: tuple[tuple[Endpoint, Endpoint], ...]


def load(path: Path, variables: Mapping[str, str] | None = None) -> Topology:
    """Read `path`; `variables` go before the environment where the file says ${NAME:-default}."""
    try:
        text = path.read_text()
    except OSError as error:
        raise LabError(f"cannot read {path}: {error.strerror}", "give a topology file") from error
    return parse(text, path.parent, {**os.environ, **(variables or {})})


def parse(text: str, folder: Path, variables: Mapping[str, str]) -> Topology:
    """The topology in `text`; relative binds start at `folder`."""
    try:
        document = yaml.safe_load(_expand(text, variables))
    except yaml.YAMLError as error:
        raise LabError(f"the topology is not YAML: {error}", "correct the file") from error
    top = _mapping(document, "the file")
    _only(top, {"name", "topology"}, "the file")
    topology = _mapping(top.get("topology"), "topology")
    _only(topology, {"defaults", "kinds", "groups", "nodes", "links"}, "topology")
    name = top.get("name")
    if not isinstance(name, str):
        raise LabError("the topology has no name", "add `name: arm`")
    nodes = {
        node: _node(node, _layers(node, own, topology), folder)
        for node, own in _mapping(topology.get("nodes"), "topology.nodes").items()
    }
    return Topology(name, nodes, tuple(_links(topology.get("links") or [], nodes)))


def _layers(node: str, own: object, topology: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a node is made of, most general first, as containerlab merges it."""
    where = f"topology.nodes.{node}"
    mine = _mapping(own, where)
    defaults = _mapping(topology.get("defaults"), "topology.defaults")
    group_name = mine.get("group", defaults.get("group"))
    group = _group(topology, str(group_name), where) if group_name else {}
    kind_name = mine.get("kind", group.get("kind", defaults.get("kind")))
    if kind_name != "linux":
        raise LabError(f"{where}.kind is {kind_name!r}", "only linux is understood here")
    kind = _mapping(_mapping(topology.get("kinds"), "topology.kinds").get("linux"), "topology.kinds.linux")
    layers = {"topology.defaults": defaults, "topology.kinds.linux": kind, "its group": group, where: mine}
    for place, layer in layers.items():
        _only(layer, _LISTS | _MAPPINGS | _WORDS, place)
    return list(layers.values())


def _group(topology: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    groups = _mapping(topology.get("groups"), "topology.groups")
    if name not in groups:
        raise LabError(f"{where} names group {name!r}, which topology.groups does not have", "add it there")
    return _mapping(groups[name], f"topology.groups.{name}")


def _node(name: str, layers: list[Mapping[str, Any]], folder: Path) -> NodePlan:
    words: dict[str, str] = {}
    lists: dict[str, list[str]] = {key: [] for key in _LISTS}
    mappings: dict[str, dict[str, str]] = {key: {} for key in _MAPPINGS}
    for layer in layers:
        for key, value in layer.items():
            where = f"{key} of node {name}"
            if key in _LISTS:
                if not isinstance(value, list):
                    raise LabError(f"{where} is not a list", "write one item a line, each after `- `")
                lists[key] += map(str, value)
            elif key in _MAPPINGS:
                mappings[key] |= {str(k): str(v) for k, v in _mapping(value, where).items()}
            else:
                words[key] = str(value)
    if words.get("network-mode", "none") != "none":
        raise LabError(f"network-mode of node {name} is not none", "nodes have no other network here")
    if "image" not in words:
        raise LabError(f"node {name} has no image", "name one")
    # A later layer's bind replaces an earlier one to the same target.
    binds = {bind.target: bind for bind in (_bind(text, name, folder) for text in lists["binds"])}
    return NodePlan(
        name,
        words["image"],
        tuple(shlex.split(words.get("cmd", ""))),
        tuple(tuple(shlex.split(line)) for line in lists["exec"]),
        tuple(binds.values()),
        mappings["env"],
        mappings["sysctls"],
    )


def _bind(text: str, node: str, folder: Path) -> Bind:
    source, target, mode = [*text.replace("__clabNodeName__", node).split(":"), "rw", ""][:3]
    if not target.startswith("/") or mode not in ("ro", "rw"):
        raise LabError(f"bind {text!r} of node {node} is not understood", "write SOURCE:/TARGET or …:ro")
    return Bind((folder / source).resolve(), target, mode == "ro")


def _links(links: object, nodes: Mapping[str, NodePlan]) -> Iterator[tuple[Endpoint, Endpoint]]:
    used: set[Endpoint] = set()
    for number, link in enumerate(links if isinstance(links, list) else [links]):
        where = f"topology.links[{number}]"
        _only(_mapping(link, where), {"endpoints"}, where)
        ends = [Endpoint(*str(text).partition(":")[::2]) for text in link.get("endpoints") or []]
        if len(ends) != 2:
            raise LabError(f"{where} has {len(ends)} endpoints", 'write ["node:eth1", "node:eth1"]')
        for end in ends:
            if end.node not in nodes:
                raise LabError(f"{where} names node {end.node!r}, which does not exist", "add the node")
            if not re.fullmatch(r"eth[1-9]\d*", end.interface) or end in used:
                raise LabError(
                    f"{where}: {end.node}:{end.interface} is taken or no data interface",
                    "use a free one of eth1, eth2, …",
                )
            used.add(end)
        yield ends[0], ends[1]


def _expand(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        found = variables.get(match[1]) or match[2]
        if found is None:
            raise LabError(f"the topology needs {match[1]}", "set it in the environment")
        return found

    return _VARIABLE.sub(value, text)


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise LabError(f"{where} is not a mapping", "write `key: value` lines")
    return value


def _only(found: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in found:
        if key not in known:
            raise LabError(f"{where} has `{key}`, which the lab does not understand", "remove it")
