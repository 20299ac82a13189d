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
   below. Changed prefixes without such an entry between them form a region, and regions may be made in any
   order too: only one region's changes mean anything to any one address.
5. Withdrawing from the top down, with nothing left above, leaves each address with the entry that decides or
   with the default.

A region takes room for all that it adds before it gives back what it withdraws. So regions that give back at
least what they take go first, the cheapest of them first; then those that take more, the most generous first.
With one pool, if any order of regions fits, then this one does. What does not fit takes a detour: the region
and all that is installed above it are withdrawn from the top down (5), and then set anew, longest first (1);
for that moment its traffic takes the default.

CacheFlow (Katta, Alipourfard, Rexford, Walker, SOSR 2016) has the dependencies between rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from arm.model import Family, Prefix
from arm.rib.prefixmap import PrefixMap, key
from arm.selection.regions import Free, Region, Room, changes, regions, together

__all__ = ["Room", "Step", "plan"]

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Step(Generic[Value]):
    """One change. It may be made once all earlier steps on the prefixes of `after` have taken effect. These
    are the nearest on its chain only: they wait for theirs in turn."""

    prefix: Prefix
    value: Value | None  # None: withdraw
    after: frozenset[Prefix]


def plan(
    old: Mapping[Prefix, Value], new: Mapping[Prefix, Value], family: Family, room: Room
) -> list[Step[Value]]:
    """The steps from `old` to `new`: if both are safe, then so is every table between, and it fits the room.

    A prefix occurs once; or, in a detour, withdrawn and then set. What comes first in `new` comes early.
    Should `new` itself not fit, the plan ends with the steps that there is no room for.
    """
    changed = changes(old, new)
    if not changed:
        return []
    free = Free(room, family, old)
    steps: list[Step[Value]] = []

    def straight(region: Region[Value]) -> None:
        steps.extend(_straight(region))

    left = _all_that_fit(regions(changed, old, family, free), free, free.has_for_all, straight)
    if not left:
        return steps
    made = PrefixMap(family, {step.prefix: None for step in steps})
    now = PrefixMap(family, old)
    for step in steps:
        _make(step, now)

    def detour(region: Region[Value]) -> None:
        steps.extend(_detour(region, now, made))

    left = _all_that_fit(_trees(left, now), free, free.has_in_the_end, detour)
    if left:
        rest = together(left)
        (detour if free.has_in_the_end(rest) else straight)(rest)
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


def _trees(stuck: Iterable[Region[Value]], now: PrefixMap[Value]) -> list[Region[Value]]:
    """Regions under one topmost entry take their detour together: it should come and go only once."""
    trees: dict[Prefix, list[Region[Value]]] = {}
    for region in stuck:
        first = region.changes[0].prefix
        top = [first, *(prefix for prefix, _ in now.covering(first))][-1]
        trees.setdefault(top, []).append(region)
    return [together(tree) for tree in trees.values()]


def _detour(region: Region[Value], now: PrefixMap[Value], made: PrefixMap[None]) -> Iterator[Step[Value]]:
    """Withdraw the region and all above it, then set it anew. Each step waits for every earlier one that
    shares addresses with it: detours are rare, and need not be quick."""
    back = {
        prefix: value
        for change in region.changes
        if change.above is None
        for prefix, value in now.covering(change.prefix)
    }
    gone = {*back, *(change.prefix for change in region.changes if change.installed)}
    for change in region.changes:
        if change.value is None:
            back.pop(change.prefix, None)
        else:
            back[change.prefix] = change.value
    down = sorted(gone, key=lambda prefix: key(prefix)[::-1])
    up = sorted(back, key=lambda prefix: key(prefix)[::-1], reverse=True)
    for prefix, value in (*((each, None) for each in down), *((each, back[each]) for each in up)):
        step = Step(prefix, value, frozenset(made.related(prefix)))
        made[prefix] = None
        _make(step, now)
        yield step


def _make(step: Step[Value], table: PrefixMap[Value]) -> None:
    if step.value is None:
        del table[step.prefix]
    else:
        table[step.prefix] = step.value
