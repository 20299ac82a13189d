"""From one table to another in steps, none of which misforwards or exceeds the capacity. Pure.

A table is safe if every address goes where the full table or the default sends it. Both tables are safe; why
is every table between them? Look at one address and at its chain: the prefixes that hold it, of which the
longest one installed decides.

1. Set what is new or different, the longest prefix of the chain first. If the deciding entry has been set,
   then so has everything longer: it decides in `new` as well. If it has not, it stands as in `old`, and
   nothing longer has come: it decides in `old`.
2. Withdraw what is not in `new`, the shortest first. If the deciding entry is to go, nothing longer has gone
   and nothing longer is in `new`: it decided in `old`. If it is in `new`, it decides there too, as all of
   `new` is installed.
3. Prefixes of which none covers the other are on no common chain: their steps may be made in any order.
4. An entry that is the same in both tables never moves, so what changes above it means nothing to an address
   below; nor does a fixed entry, which others have in the FIB. Changed prefixes without such an entry between
   them form a region, and regions may be made in any order too: only one region's changes mean anything to
   any one address.

A region takes room for all that it adds before it gives back what it withdraws. So regions that give back at
least what they take go first, the cheapest of them first; then those that take more, the most generous first.
With one pool, if any order of regions fits, then this one does. Else there are detours (detours.py).

CacheFlow (Katta, Alipourfard, Rexford, Walker, SOSR 2016) has the dependencies between rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from arm.model import Family, Prefix
from arm.rib.prefixmap import PrefixMap
from arm.selection.detours import Detours, Step
from arm.selection.regions import Free, Region, Room, Value, changes, regions, together

__all__ = ["Room", "Step", "plan"]


def plan(
    old: Mapping[Prefix, Value],
    new: Mapping[Prefix, Value],
    family: Family,
    room: Room,
    fixed: PrefixMap[int] | None = None,
) -> list[Step[Value]]:
    """The steps from `old` to `new`: if both are safe, then so is every table between, and it fits the room.

    `fixed` are the next hops of the entries that others have in the FIB, DEFAULT where they follow the
    default; the prefixes of `old` and `new` are not among them.

    A prefix occurs once; or, in a detour, withdrawn and then set. What comes first in `new` comes early.
    Should `new` itself not fit, the plan ends with the steps that there is no room for. Where fixed entries
    leave no safe way, the steps are left out, and so is what would have had their room: the plan then ends in
    a table between the two.
    """
    changed = changes(old, new)
    if not changed:
        return []
    before = old if isinstance(old, PrefixMap) else PrefixMap(family, old)
    fixed = PrefixMap(family) if fixed is None else fixed
    free = Free(room, family, old)
    steps: list[Step[Value]] = []
    detours = Detours(before, new, changed, fixed, steps)

    def straight(region: Region[Value]) -> None:
        steps.extend(_straight(region))

    def go(waiting: Iterable[Region[Value]]) -> list[Region[Value]]:
        return _all_that_fit(waiting, free, free.has_for_all, straight)

    waiting = regions(changed, before, fixed, free)
    if any(region.tied for region in waiting):
        # What is tied goes before what only takes room, as it cannot make any by a detour of its own.
        left = go(region for region in waiting if region.tied or not region.grows)
        tied = detours.others((region for region in left if region.tied), free, straight)
        waiting = [region for region in waiting if region.grows and not region.tied]
        waiting += [region for region in left if not region.tied] + tied
    left = go(waiting)
    if left:
        trees = detours.trees(region for region in left if not region.tied)
        stuck = _all_that_fit(trees, free, free.has_in_the_end, detours.own)
        tied = go(region for region in left if region.tied)
        stuck += [region for region in tied if not free.has_in_the_end(region)]
        left_out = any(map(free.has_in_the_end, tied))
        if stuck:
            rest = together(stuck)
            if not free.has_in_the_end(rest):
                if not left_out:  # whose room it may be that is missing
                    straight(rest)
            elif rest.tied:
                detours.others([rest], free, straight)
            else:
                detours.own(rest)
    return steps


def _all_that_fit(
    waiting: Iterable[Region[Value]],
    free: Free,
    fits: Callable[[Region[Value]], bool],
    make: Callable[[Region[Value]], None],
) -> list[Region[Value]]:
    """Make regions for as long as any fits; returns the others. One pool needs one round."""
    waiting = sorted(waiting, key=Region.turn)
    while True:
        left = []
        for region in waiting:
            if fits(region):
                free.done(region)
                make(region)
            else:
                left.append(region)
        if len(left) in (0, len(waiting)):
            return left
        waiting = left


def _straight(region: Region[Value]) -> Iterator[Step[Value]]:
    """What is set, longest first, then what is withdrawn, shortest first."""
    new = [change for change in region.changes if change.value is not None]
    gone = [change for change in region.changes if change.value is None]
    new.sort(key=lambda change: (-change.length, change.rank))
    gone.sort(key=lambda change: (change.length, change.rank))
    for change in (*new, *gone):
        yield Step(change.prefix, change.value, frozenset(change.after))
