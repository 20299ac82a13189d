"""What the hardware says of itself: how full its route tables are, and so how many entries fit. Pure.

Every figure may be unknown (None): the platform does not tell, a key is missing, a number is none. Nothing is
ever worked out from what is not there.

The room for ARM's entries is what it has in the kernel and what is free beside that, at the same moment. It
only limits growth: a reading may be old, or wrong, and takes no entry away that is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from arm.model import ArmError, Family, HardwareStatus, Prefix

PORTION = 500  # prefixes that the event loop takes at once
LASTING = 30.0  # seconds that less room must have lasted: what left the kernel is in the hardware for a while
STEADY = 0.01  # share that the room must have grown by to count: else the choice would follow every flicker


@dataclass(frozen=True, slots=True)
class Usage:
    """One family's table, in its entries."""

    used: int | None = None
    available: int | None = None


UNKNOWN = Usage()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a platform said at one moment. A family that is not in `usage` is unknown.

    `tells`: the platform knows of single prefixes; then `came` and `went` are what the hardware has, and has
    no longer, beyond the reading before.
    """

    usage: Mapping[Family, Usage]
    tells: bool = False
    came: Mapping[Family, frozenset[Prefix]] = field(default_factory=dict)
    went: Mapping[Family, frozenset[Prefix]] = field(default_factory=dict)

    def parts(self) -> Iterator[Reading]:
        """The same in portions of a few prefixes: after a start there are tens of thousands at once."""
        for came, prefixes in ((True, self.came), (False, self.went)):
            for family, some in prefixes.items():
                rest = iter(some)
                while portion := frozenset(islice(rest, PORTION)):
                    change = {family: portion}
                    yield Reading(self.usage, self.tells, *((change, {}) if came else ({}, change)))
        if not any((*self.came.values(), *self.went.values())):
            yield self


class Platform(Protocol):
    """A network operating system that can be asked."""

    @property
    def name(self) -> str: ...

    @property
    def interval(self) -> float:
        """Seconds from one reading to the next."""
        ...

    def read(self) -> Reading:
        """The newest. Blocks, for seconds at most; ArmError if there is no answer, and what was known of
        single prefixes is then unknown."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Shortage:
    """More entries are configured than the hardware has room for."""

    family: Family
    configured: int
    installed: int  # ARM's in the kernel, at the reading
    available: int  # free, at the reading

    @property
    def room(self) -> int:
        return self.installed + self.available


class Hardware:
    """The newest that is known. `platform`: its name; empty where nobody is asked."""

    def __init__(self, platform: str = "") -> None:
        self.platform = platform
        self.error: ArmError | None = None
        self.tells = False
        self._usage: Mapping[Family, Usage] = {}
        self._read_at: float | None = None
        self._rooms: dict[Family, tuple[int, int]] = {}  # installed and free, when that was looked at
        self._seen: dict[Family, list[tuple[float, tuple[int, int]]]] = {}  # the same of late, and when
        self._counts: set[Family] = set()  # where it has ever said that there is room

    def take(self, reading: Reading, installed: Mapping[Family, int], now: float) -> None:
        """A new reading. `installed`: BIRD's entries in the kernel. `now` in seconds, never backwards."""
        for family in Family:
            usage = reading.usage.get(family, UNKNOWN)
            # The same figures again may be as old as the ones before, and the kernel has gone on.
            if usage != self._usage.get(family, UNKNOWN):
                self._look(family, usage, installed[family], now)
            self._settle(family, now)
        self._usage, self._read_at = reading.usage, now
        self.error, self.tells = None, reading.tells

    def fail(self, error: ArmError) -> None:
        """There was no answer. The room stays: tables do not grow because nobody looks."""
        self.error, self.tells = error, False

    def limits(self) -> dict[Family, int]:
        """The most entries that ARM may have, where known. Never 0, which would switch a family off."""
        return {family: max(1, installed + free) for family, (installed, free) in self._rooms.items()}

    def shortages(self, configured: Mapping[Family, int]) -> Iterator[Shortage]:
        """Where more is configured than there is room for. `configured` in entries."""
        for family, limit in self.limits().items():
            if configured[family] > limit:
                yield Shortage(family, configured[family], *self._rooms[family])

    def shown(self, family: Family, now: float) -> HardwareStatus | None:
        """For the page; None where nobody is asked."""
        if not self.platform:
            return None
        usage = self._usage.get(family, UNKNOWN)
        age = now - self._read_at if self._read_at is not None else None
        return HardwareStatus(self.platform, usage.used, usage.available, age)

    def _look(self, family: Family, usage: Usage, installed: int, now: float) -> None:
        if usage.used is None or usage.available is None:
            return  # what was known to fit still does
        if usage.available:
            self._counts.add(family)
        elif family not in self._counts:
            return  # a driver that cannot count says 0 as well
        free = usage.available
        if installed > usage.used:  # the hardware has yet to take some, or does not count as ARM does
            free = max(0, usage.used + usage.available - installed)
        self._seen.setdefault(family, []).append((now, (installed, free)))

    def _settle(self, family: Family, now: float) -> None:
        """What the latest looks make of the room. Each counts until the next."""
        seen = self._seen.get(family)
        if not seen:
            return
        while len(seen) > 1 and seen[1][0] <= now - LASTING:
            del seen[0]
        latest = seen[-1][1]
        before = sum(self._rooms.setdefault(family, latest))
        most = max((room for _, room in seen), key=sum)
        if sum(most) < before or sum(latest) > before * (1.0 + STEADY):
            self._rooms[family] = most


def number(value: object) -> int | None:
    """A count as a platform writes it: a number or its digits. Anything else is unknown."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        return int(value)
    return None


def usage_of(used: int | None, available: int | None) -> Usage:
    """A table without any room or use at all is none: so does a driver answer that cannot count."""
    if not used and not available:
        return UNKNOWN
    return Usage(used, available)


def smallest(*available: int | None) -> int | None:
    """What is free where several tables must each take the entry. Unknown, if one of them is."""
    known = [each for each in available if each is not None]
    return min(known) if len(known) == len(available) else None


def by_family(prefixes: Iterable[Prefix]) -> dict[Family, frozenset[Prefix]]:
    """The prefixes of each family; none that has none."""
    found: dict[Family, set[Prefix]] = {}
    for prefix in prefixes:
        found.setdefault(Family.of(prefix), set()).add(prefix)
    return {family: frozenset(each) for family, each in found.items()}
