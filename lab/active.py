"""Which prefixes carry traffic, how much, and to which addresses."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from arm.model import Family, Prefix
from lab.plan import LabError
from lab.tables import FamilyTable, Table

_ADDRESSES = 3  # at most, per prefix


@dataclass(frozen=True, slots=True)
class ActivePrefix:
    """A prefix with traffic; its weight is its share of all packets at start."""

    prefix: Prefix
    weight: float
    addresses: tuple[str, ...]  # their longest match is this very prefix


def choose_active(
    table: Table, counts: dict[Family, int], share6: float, alpha: float, seed: int
) -> list[ActivePrefix]:
    """Random prefixes with Zipf(`alpha`) weights in random order; IPv6 has `share6` of the packets."""
    chance = random.Random(seed)
    shares = {Family.IPV4: 1.0 - share6, Family.IPV6: share6}
    present = [family for family in Family if counts[family] and len(table[family])]
    total = sum(shares[family] for family in present)
    chosen: list[ActivePrefix] = []
    for family in present:
        found = list(_with_addresses(table[family], counts[family], chance))
        weights = [rank**-alpha for rank in range(1, len(found) + 1)]
        scale = shares[family] / total / sum(weights)
        chosen += (
            ActivePrefix(prefix, weight * scale, addresses)
            for weight, (prefix, addresses) in zip(weights, found, strict=True)
        )
    return chosen


def _with_addresses(
    table: FamilyTable, count: int, chance: random.Random
) -> Iterator[tuple[Prefix, tuple[str, ...]]]:
    """`count` random prefixes that have addresses of their own, or all that there are."""
    for index in chance.sample(range(len(table)), len(table)):
        if not count:
            return
        addresses = table.pure_addresses(index, chance.randint(1, _ADDRESSES), chance)
        if addresses:
            count -= 1
            yield table.prefixes[index], tuple(addresses)


def save(path: Path, active: list[ActivePrefix]) -> None:
    """Write what a sender reads."""
    path.write_text(json.dumps([[p.prefix, p.weight, p.addresses] for p in active]))


def load(path: Path) -> list[ActivePrefix]:
    """Read what `save` wrote."""
    try:
        return [ActivePrefix(Prefix(p), w, tuple(a)) for p, w, a in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError) as error:
        raise LabError(f"cannot read {path}: {error}", "start the lab again") from error
