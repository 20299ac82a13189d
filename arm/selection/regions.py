"""What differs between two tables, cut into regions that can be changed one after the other. Pure.

A region is what hangs together: changed prefixes that cover each other, with none between them that stays,
be it ours or fixed. steps.py says why regions may be made in any order, and what order one needs inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from arm.model import Family, Pool, Prefix
from arm.rib.hoptable import DEFAULT
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
    tied: bool  # with nothing of it left, it would not be the default that decides, but a fixed entry
    changes: list[Change[Value]] = field(default_factory=list)

    @property
    def grows(self) -> bool:
        """Does it take more of a pool than it gives back?"""
        return any(need > give for need, give in zip(self.needs, self.gives, strict=True))

    def turn(self) -> tuple[bool, int, int]:
        """Its place among others: those that give back what they take, by what they take; then those that
        give back less, the most generous first."""
        rank = min(each.rank for each in self.changes)
        return (True, -sum(self.gives), rank) if self.grows else (False, sum(self.needs), rank)


def together(regions: Sequence[Region[Value]]) -> Region[Value]:
    """Several regions as one."""
    return Region(
        [sum(each) for each in zip(*(region.needs for region in regions), strict=True)],
        [sum(each) for each in zip(*(region.gives for region in regions), strict=True)],
        any(region.tied for region in regions),
        [change for region in regions for change in region.changes],
    )


class Free:
    """Free slots by pool, while one table of one family changes."""

    def __init__(self, room: Room, family: Family, installed: Iterable[Prefix]) -> None:
        self._costs = [[pool.cost(family, n) for pool in room.pools] for n in range(family.bits + 1)]
        own = self.none()
        if room.pools:
            # Tens of thousands of prefixes, but few ways in which they end: "/24", "6/8", "128".
            for end, many in Counter([prefix[-3:] for prefix in installed]).items():
                self.count(own, int(end.rpartition("/")[2]), many)
        self._slots = [
            pool.slots - room.taken.get(pool.name, 0) - taken
            for pool, taken in zip(room.pools, own, strict=True)
        ]
        self._lent = self.none()

    def none(self) -> Slots:
        return [0] * len(self._costs[0])

    def count(self, slots: Slots, length: int, many: int = 1) -> None:
        """Add what so many entries of one length take."""
        for pool, cost in enumerate(self._costs[length]):
            slots[pool] += cost * many

    def lend(self, prefix: Prefix) -> None:
        """An entry has made room, for a while."""
        self.count(self._lent, key(prefix)[1])

    def give_back(self) -> None:
        """All that was lent."""
        self._lent = self.none()

    def helps(self, missing: Slots, prefix: Prefix) -> bool:
        """Does an entry take anything of which there is too little?"""
        return any(need and cost for need, cost in zip(missing, self._costs[key(prefix)[1]], strict=True))

    def without(self, missing: Slots, prefix: Prefix) -> Slots:
        """What is still missing once an entry has made room."""
        costs = self._costs[key(prefix)[1]]
        return [max(0, need - cost) for need, cost in zip(missing, costs, strict=True)]

    def missing(self, region: Region[Value]) -> Slots:
        """What there is too little of for everything it adds before anything has gone."""
        each = zip(region.needs, self._slots, self._lent, strict=True)
        return [max(0, need - free - lent) if need else 0 for need, free, lent in each]

    def has_for_all(self, region: Region[Value]) -> bool:
        """Is there room for everything it adds before anything has gone?"""
        return not any(self.missing(region))

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
    changed: list[Change[Value]], old: PrefixMap[Value], fixed: PrefixMap[int], free: Free
) -> list[Region[Value]]:
    """The changes by region, each with what it comes after."""
    stay: list[PrefixMap[Value] | PrefixMap[int]] = [fixed] if fixed else []
    if len(old) > sum(change.installed for change in changed):
        stay.append(old)
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
            if not any(True for each in stay for _ in each.covering(change.prefix, above.length)):
                change.above, region = above, around
        if region is None:
            region = Region(free.none(), free.none(), ground(change.prefix, fixed)[1])
            found.append(region)
        region.changes.append(change)
        if change.value is None:
            free.count(region.gives, length)
        elif not change.installed:
            free.count(region.needs, length)
        nested.append((start + (1 << (old.family.bits - length)), change, region))
    for region in found:
        if len(region.changes) > 1:
            _order(region.changes)
    return found


def ground(prefix: Prefix, fixed: PrefixMap[int]) -> tuple[int, bool]:
    """What addresses of a prefix fall to with none of our entries left: the length of the fixed entry, -1 if
    it is the default; and whether that does anything else than the default."""
    for cover, hop in fixed.covering(prefix) if fixed else ():
        return key(cover)[1], hop != DEFAULT
    return -1, False


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
