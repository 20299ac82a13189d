"""What survives a restart, and whether it can be true. Pure."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arm.model import Entry, Family, Kind, Prefix
from arm.rib.hoptable import key_bits
from arm.traffic.blocks import Memory

COLUMNS = tuple(each.name for each in fields(Memory) if each.name not in ("observed", "rate"))
_LENGTHS = {family: frozenset(map(str, range(family.bits + 1))) for family in Family}


class SavedEntry(NamedTuple):
    """An entry without its attributes: those come with the route when it is learned again. (Made by the ten
    thousand, for which a dataclass takes four times as long.)"""

    prefix: Prefix
    next_hop: str
    kind: Kind

    @staticmethod
    def of(entry: Entry) -> SavedEntry:
        return SavedEntry(entry.prefix, entry.next_hop, entry.kind)


@dataclass(frozen=True, slots=True)
class SavedFamily:
    """One family. Any part may be missing."""

    entries: Sequence[SavedEntry] = ()  # wanted, the most important first
    memory: Memory | None = None  # of its meter
    routes: int | None = None  # of BIRD's table when it was last complete


@dataclass(frozen=True, slots=True)
class Saved:
    """Everything, as it was at `time` (Unix seconds). `sections` are others' bytes by their names."""

    time: float
    families: Mapping[Family, SavedFamily] = field(default_factory=dict)
    sections: Mapping[str, bytes] = field(default_factory=dict)

    def age(self, time: float) -> float:
        """Seconds that have passed at `time`. If the clock was set back meanwhile nobody knows, and it is
        taken for fresh. If it was set far ahead it is taken for old, and its weights fade."""
        return max(0.0, time - self.time)


def check_entries(family: Family, entries: Sequence[SavedEntry]) -> None:
    """ValueError unless each is a prefix of the family, once, with the address of a next hop."""
    for entry in entries:
        address, _, length = entry.prefix.partition("/")
        start = int.from_bytes(_packed(family, address), "big")
        if length not in _LENGTHS[family] or start & ((1 << family.bits - int(length)) - 1):
            raise ValueError(f"{entry.prefix!r} is no {family.title} prefix")
        _packed(Family.of(entry.next_hop), entry.next_hop)
    if len({entry.prefix for entry in entries}) != len(entries):
        raise ValueError(f"an {family.title} prefix has two entries")


def check_memory(family: Family, memory: Memory) -> None:
    """ValueError unless these can be sums of traffic, by ascending keys."""
    keys = memory.keys
    if len(keys) and (int(keys[-1]) >> key_bits(family) or not bool((keys[1:] > keys[:-1]).all())):
        raise ValueError(f"{family.title} blocks are not in order")
    columns: list[NDArray[np.float64]] = [getattr(memory, name) for name in COLUMNS if name != "keys"]
    columns.append(np.array([memory.observed, memory.rate]))
    for column in columns:
        if not bool(np.isfinite(column).all() and (column >= 0.0).all()):
            raise ValueError(f"{family.title} weights are not numbers from 0")


def _packed(family: Family, address: str) -> bytes:
    try:
        return socket.inet_pton(family.af, address)
    except (OSError, ValueError):
        raise ValueError(f"{address!r} is no {family.title} address") from None
