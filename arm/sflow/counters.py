"""Counter records read, and the latest of each agent kept.

Records too short for their kind say nothing that can be trusted and are left out; what newer agents append to
them is stepped over.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from arm.sflow.counter_records import (
    BroadcomTables,
    Counters,
    Ethernet,
    HostCpu,
    HostDisk,
    HostMemory,
    HostNetwork,
    Interface,
    PortName,
    Usage,
)
from arm.sflow.wire import CounterSample

__all__ = [
    "BroadcomTables",
    "CounterStore",
    "Counters",
    "Ethernet",
    "HostCpu",
    "HostDisk",
    "HostMemory",
    "HostNetwork",
    "Interface",
    "Latest",
    "PortName",
    "Usage",
    "read",
]

PORT_NAME = 1005  # 0:1005
BROADCOM_TABLES = 4413 << 12 | 3  # 4413:3

_UNKNOWN = {"I": 0xFFFFFFFF, "Q": 0xFFFFFFFFFFFFFFFF}

# Records that are plain sequences of numbers: their class and what its fields are on the wire (I: 4 octets,
# Q: 8 octets, f: a float of 4).
_PLAIN: dict[int, tuple[Callable[..., Counters], str]] = {
    1: (Interface, "IIQIIQIIIIIIQIIIIII"),
    2: (Ethernet, "IIIIIIIIIIIII"),
    2003: (HostCpu, "fffIIIIIIIIIIIIIIIII"),
    2004: (HostMemory, "QQQQQQQIIII"),
    2005: (HostDisk, "QQIIQIIQI"),
    2006: (HostNetwork, "QIIIQIII"),
}
_OPTIONAL = {2003: 3}  # words at the end that older agents leave out

_Counters = TypeVar("_Counters", bound=Counters)


def read(sample: CounterSample) -> list[Counters]:
    """The records of a sample that are known here."""
    found = (_record(kind, body) for kind, body in sample.records)
    return [each for each in found if each is not None]


def _record(kind: int, body: bytes) -> Counters | None:
    if kind in _PLAIN:
        return _plain(kind, body)
    if kind == PORT_NAME:
        return _port_name(body)
    if kind == BROADCOM_TABLES:
        return _broadcom_tables(body)
    return None


def _plain(kind: int, body: bytes) -> Counters | None:
    record, fields = _PLAIN[kind]
    size = struct.calcsize("!" + fields)
    if len(body) < size - 4 * _OPTIONAL.get(kind, 0):
        return None
    words = body.ljust(size, b"\xff")  # all ones: unknown
    values = struct.unpack_from("!" + fields, words)
    return record(*map(_known, fields, values))


def _known(form: str, value: float) -> float | None:
    """None if unknown. A float of 4 octets tells six digits; below zero, infinite or NaN it tells nothing."""
    if form == "f":
        return round(value, 3) if math.isfinite(value) and value >= 0 else None
    return None if value == _UNKNOWN[form] else value


def _port_name(body: bytes) -> PortName | None:
    """An XDR string."""
    if len(body) < 4:
        return None
    length = int.from_bytes(body[:4], "big")
    if 4 + length > len(body):
        return None
    return PortName(body[4 : 4 + length].decode(errors="replace"))


def _broadcom_tables(body: bytes) -> BroadcomTables | None:
    """36 words: eight tables, four plain counts, eight tables of the packet filter."""
    if len(body) < 144:
        return None
    words = struct.unpack_from("!36I", body)
    tables = [_usage(*pair) for pair in zip(words[::2], words[1::2], strict=True)]
    counts = [_known("I", word) for word in words[16:20]]
    fields: list[Any] = [*tables[:8], *counts, *tables[10:]]
    return BroadcomTables(*fields)


def _usage(used: int, maximum: int) -> Usage:
    """An agent that cannot read a table leaves zeros."""
    if maximum in (0, _UNKNOWN["I"]):
        return Usage(used if used not in (0, _UNKNOWN["I"]) else None, None)
    return Usage(None if used == _UNKNOWN["I"] else used, maximum)


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest record of its kind from one data source; `seen` is when it came, in the caller's seconds."""

    agent: bytes
    source_id: tuple[int, int]
    counters: Counters
    seen: float

    def age(self, now: float) -> float:
        """Seconds since it came."""
        return now - self.seen


class CounterStore:
    """The latest counters of each agent's data sources.

    Anybody who reaches the socket can invent agents: at most `limit` data sources are kept, and the one that
    has been silent longest makes room.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._limit = limit
        self._sources: dict[tuple[bytes, tuple[int, int]], dict[type[Counters], Latest]] = {}

    def add(self, agent: bytes, sample: CounterSample, now: float) -> None:
        """Take in what one sample says."""
        records = read(sample)
        if not records:
            return
        key = agent, sample.source_id
        source = self._sources.pop(key, {})
        for record in records:
            source[type(record)] = Latest(agent, sample.source_id, record, now)
        self._sources[key] = source  # put back last: the order is that of the latest word
        while len(self._sources) > self._limit:
            del self._sources[next(iter(self._sources))]

    def forget(self, before: float) -> None:
        """Drop the data sources that have been silent since `before`."""
        for key, source in list(self._sources.items()):
            if max(latest.seen for latest in source.values()) < before:
                del self._sources[key]

    def get(self, agent: bytes, source_id: tuple[int, int], kind: type[_Counters]) -> _Counters | None:
        """The latest record of a kind from a data source."""
        source = self._sources.get((agent, source_id), {})
        latest = source.get(cast("type[Counters]", kind))
        return None if latest is None else cast("_Counters", latest.counters)

    def __iter__(self) -> Iterator[Latest]:
        """Everything that is known, the data source that spoke last at the end."""
        for source in self._sources.values():
            yield from source.values()

    def __len__(self) -> int:
        """How many data sources."""
        return len(self._sources)
