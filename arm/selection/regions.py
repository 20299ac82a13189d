"""What differs between two tables, cut into regions that can be changed one after the other. Pure.

A region is what hangs together: changed prefixes that cover each other, with no unchanged entry between them.
steps.py says why regions may be made in any order, and what the order inside one must be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from arm.model import Family, Pool, Prefix
from arm.rib.prefixmap import PrefixMap, key

Value = TypeVar("Value")
Slots = list[int]  # by pool


@dataclass(frozen=True, slots=True)
class Room:
    """The hardware's tables. `taken`: their slots, by name, that others than the table to be changed take."""

    pools: Sequence[Pool]
    taken: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Change(Generic[Value]):
    """One prefix that changes."""

    prefix: Prefix
    value: Value | None  # None: withdraw
    installed: bool  # in the old table, perhaps with another value
    rank: int  # importance, 0 is the highest
    above: Change[Value] | None = None  # the nearest one that covers it, of its region
    after: set[Prefix] = field(default_factory=set)  # the nearest ones of its region that must come first

    @property
    def length(self) -> int:
        return key(self.prefix)[1]


@dataclass(slots=True, eq=False)
class Region(Generic[Value]):
    """Changes that hang together, what covers before what is covered; the first one covers all."""

    needs: Slots  # what it adds takes
    gives: Slots  # what it withdraws took
    changes: list[Change[Value]] = field(default_factory=list)

    def turn(self) -> tuple[bool, int, int]:
        """Its place among others: those that give back what they take, by what they take; then those that
        give back less, the most generous first."""
        grows = any(need > give for need, give in zip(self.needs, self.gives, strict=True))
        return grows, -sum(self.gives) if grows else sum(self.needs), min(each.rank for each in self.changes)


def together(regions: Sequence[Region[Value]]) -> Region[Value]:
    """Several regions as one."""
    return Region(
        [sum(each) for each in zip(*(region.needs for region in regions), strict=True)],
        [sum(each) for each in zip(*(region.gives for region in regions), strict=True)],
        [change for region in regions for change in region.changes],
    )


class Free:
    """Free slots by pool, while one table of one family changes."""

    def __init__(self, room: Room, family: Family, installed: Iterable[Prefix]) -> None:
        self._costs = [[pool.cost(family, n) for pool in room.pools] for n in range(family.bits + 1)]
        own = self.none()
        for prefix in installed:
            self.count(own, key(prefix)[1])
        self._slots = [
            pool.slots - room.taken.get(pool.name, 0) - taken
            for pool, taken in zip(room.pools, own, strict=True)
        ]

    def none(self) -> Slots:
        return [0] * len(self._costs[0])

    def count(self, slots: Slots, length: int) -> None:
        """Add what one entry takes."""
        for pool, cost in enumerate(self._costs[length]):
            slots[pool] += cost

    def has_for_all(self, region: Region[Value]) -> bool:
        """Is there room for everything it adds before anything has gone?"""
        return all(not need or need <= free for need, free in zip(region.needs, self._slots, strict=True))

    def has_in_the_end(self, region: Region[Value]) -> bool:
        """Is there room for everything it adds once all that it withdraws has gone?"""
        each = zip(region.needs, region.gives, self._slots, strict=True)
        return all(need <= free + give for need, give, free in each)

    def done(self, region: Region[Value]) -> None:
        for pool, (need, give) in enumerate(zip(region.needs, region.gives, strict=True)):
            self._slots[pool] += give - need


def changes(old: Mapping[Prefix, Value], new: Mapping[Prefix, Value]) -> list[Change[Value]]:
    """What differs, in the order of `new`, then what is to go."""
    had = dict(old.items())
    found: list[Change[Value]] = []
    for prefix, value in new.items():
        before = had.pop(prefix, None)
        if before is not value and before != value:
            found.append(Change(prefix, value, before is not None, len(found)))
    return found + [Change(prefix, None, True, rank) for rank, prefix in enumerate(had, len(found))]


def regions(
    changed: list[Change[Value]], old: Mapping[Prefix, Value], family: Family, free: Free
) -> list[Region[Value]]:
    """The changes by region, each with what it comes after."""
    unchanged = len(old) - sum(change.installed for change in changed)
    still = (
        (old if isinstance(old, PrefixMap) else PrefixMap(family, old)) if unchanged else PrefixMap(family)
    )
    found: list[Region[Value]] = []
    # What covers the next change or did so before, the longest last, each with the first address behind it.
    nested: list[tuple[int, Change[Value], Region[Value]]] = []
    for change in sorted(changed, key=lambda change: key(change.prefix)):
        start, length = key(change.prefix)
        while nested and nested[-1][0] <= start:
            nested.pop()
        region = None
        if nested:
            _, above, around = nested[-1]
            if next(still.covering(change.prefix, longer_than=above.length), None) is None:
                change.above, region = above, around
        if region is None:
            region = Region(free.none(), free.none())
            found.append(region)
        region.changes.append(change)
        if change.value is None:
            free.count(region.gives, length)
        elif not change.installed:
            free.count(region.needs, length)
        nested.append((start + (1 << (family.bits - length)), change, region))
    for region in found:
        if len(region.changes) > 1:
            _order(region.changes)
    return found


def _order(region: list[Change[Value]]) -> None:
    """Say what each change comes after; the nearest are enough, as they wait for theirs.

    What is set: after the nearest below it that are set. What is withdrawn: after the nearest above it that
    is withdrawn, and the topmost of these after all that is set. The last of those is the region's top, or if
    the top itself is withdrawn, each of the highest below it is the last of its branch.
    """
    top = region[0]
    for change in region:
        goes = change.value is None
        near = change.above
        while near is not None and (near.value is None) is not goes:
            near = near.above
        if goes and change is not top:
            change.after.add((near or top).prefix)
        elif not goes and (near is not None or top.value is None):
            (near or top).after.add(change.prefix)
