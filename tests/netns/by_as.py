"""Whose traffic it is, by what the lab's senders send and by what BIRD says of the routes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from arm.model import Attributes, Family
from lab.lab import Lab

MEMORY = 30.0  # seconds over which ARM averages
ALLOWED = 5.0  # standard deviations


def path_of(lab: Lab, prefix: str) -> str:
    """The AS path in BIRD's table; empty if there is no route."""
    table = f"full{Family.of(prefix).number}"
    shown = lab.birdc("switch", f"show route {prefix} table {table} primary all")
    found = re.search(r"BGP\.as_path: (.*)", shown)
    return found[1].strip() if found is not None else ""


def words(path: str) -> set[str]:
    """All that BIRD's way to write a path can be called."""
    numbers = re.findall(r"\d+", path)
    return {path, *(f"AS{number}" for number in numbers), *re.findall(r"\{.*?\}", path)}


def sent(
    lab: Lab, family: Family, shares: Mapping[str, float]
) -> tuple[dict[str, Counter[str]], dict[str, str]]:
    """Shares of the family's packets, by what they are named by; and a prefix of each AS path."""
    found: dict[str, Counter[str]] = {by: Counter() for by in ("as_path", "destination_as", "peer_as")}
    examples: dict[str, str] = {}
    total = sum(share for prefix, share in shares.items() if Family.of(prefix) is family)
    for prefix, share in shares.items():
        route = lab.table.get(prefix) if Family.of(prefix) is family else None
        if route is not None:
            path = route.attributes[route.best.name]
            examples[path.as_path_text] = prefix
            for by, name in names(path).items():
                found[by][name] += share / total  # type: ignore[assignment]
    return found, examples


def names(path: Attributes) -> dict[str, str]:
    """What a route is called."""
    first, last = path.as_path[0], path.as_path[-1]
    destination = f"AS{last.numbers[-1]}" if last.kind == "as-sequence" else str(last)
    return {
        "as_path": path.as_path_text,
        "destination_as": destination,
        "peer_as": f"AS{first.numbers[0]}",
    }


def differences(
    shown: Mapping[str, Any], expected: Mapping[str, float], samples_per_second: float
) -> list[tuple[str, float, float, float]]:
    """Names whose share is not what was sent: name, shown, sent, what sampling allows."""
    rates = {
        part["name"]: next(rate for rate in reversed(part["bits_per_second"]) if rate is not None)
        for part in shown["series"]
    }
    total, found = sum(rates.values()), []
    for name, rate in rates.items():
        share, true = rate / total, expected.get(name, 0.0)
        # Sizes are even, from 114 to 1414 octets: their mean square is 1.24 of their squared mean.
        error = ALLOWED * (1.24 * true / (2 * MEMORY * samples_per_second)) ** 0.5
        # Who is not among a second's largest had nothing in it, so that a small share may be shown smaller.
        if name != "other" and true >= 0.02 and abs(share - true) > error:
            found.append((name, share, true, error))
    return found
