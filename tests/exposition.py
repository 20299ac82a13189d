"""What tests of rules and dashboard know of the metrics page, from the golden one: names, types, labels."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "web" / "metrics.txt"

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"(?<![\w:$])(?:arm_\w+|\w+:arm_\w+:\w+)")
_RATED = re.compile(r"\b(?:rate|increase|irate)\((\w+)")
_SELECTOR = re.compile(r"(arm_\w+)\{([^}]*)\}")
_LABEL = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')


@dataclass(slots=True)
class Exposed:
    """One name of the page: "gauge" or "counter", how many series it has, and their labels."""

    type: str
    series: int = 0
    labels: set[str] = field(default_factory=set)


def exposed(page: str | None = None) -> dict[str, Exposed]:
    """By the names of the series, so that a counter's ends with _total."""
    found: dict[str, Exposed] = {}
    for line in (page or GOLDEN.read_text()).splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found[name] = Exposed(kind)
        elif not line.startswith("#"):
            name, _, rest = line.replace(" ", "{", 1).partition("{")
            found[name].series += 1
            found[name].labels |= set(_LABEL.findall(rest))
    return found


def named(expression: str) -> set[str]:
    """The metrics of ARM, exposed and recorded, that an expression names."""
    return set(_NAME.findall(_TEXT.sub('""', expression)))


def faults(expression: str, recorded: set[str]) -> list[str]:
    """What an expression asks of the page that the page does not have."""
    known, found = exposed(), []
    rated = set(_RATED.findall(expression))
    for name in sorted(named(expression) - recorded):
        if name not in known:
            found.append(f"{name} does not exist")
        elif (known[name].type == "counter") != (name in rated):
            found.append(f"{name} is a {known[name].type}")
    selected: dict[str, set[str]] = defaultdict(set)
    for name, selector in _SELECTOR.findall(expression):
        selected[name] |= set(_LABEL.findall(selector)) - {"job", "instance"}
    for name, labels in selected.items():
        if name in known and labels - known[name].labels:
            found.append(f"{name} has no {', '.join(sorted(labels - known[name].labels))}")
    return found
