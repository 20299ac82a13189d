"""A part of a big change, to be planned and made before the rest: planning 20,000 takes a second. Pure.

A changed prefix that no other changed one covers makes a tree with all changed ones that it covers. Trees may
be changed one after the other: all that is changed on the way to any one address belongs to one of them. So
with some trees as they shall be and the others as they are, a table is as safe as both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice

from arm.announce.slots import Slots
from arm.model import Entry, Prefix
from arm.rib.prefixmap import PrefixMap, key

MOST = 250  # changes, unless a tree has more: to plan them takes 10 ms


def portion(
    old: PrefixMap[Entry], new: PrefixMap[Entry], slots: Slots, waits: Callable[[Prefix], bool]
) -> Mapping[Prefix, Entry]:
    """The table to go to next: `new` itself where that is not far, or cannot be divided. What `waits` cannot
    change now."""
    had, wanted = dict(old.items()), dict(new.items())  # quicker to ask
    different = _different(had, wanted)
    first = list(islice(different, MOST + 1))
    if len(first) <= MOST:
        return new
    free, seen = slots.free(), set[Prefix]()
    made: dict[Prefix, None] = {}
    for prefix in chain(first, different):
        if len(made) >= MOST:
            break
        if prefix in seen or not (prefix in had or slots.take(free[:], prefix)):
            continue
        tree = dict.fromkeys(_tree(prefix, old, new, lambda each: _differs(had.get(each), wanted.get(each))))
        seen.update(tree)
        left = free[:]
        come = (each for each in tree if each in wanted and not slots.holds(each))
        if not any(map(waits, tree)) and all(slots.take(left, each) for each in come):
            free = left
            made.update(tree)
    if not made:
        return new
    for prefix in made:  # what comes first in `new` comes first of what changes
        had.pop(prefix, None)
        if prefix in wanted:
            had[prefix] = wanted[prefix]
    return had


def _different(old: Mapping[Prefix, Entry], new: Mapping[Prefix, Entry]) -> Iterator[Prefix]:
    """What to set, in the order of `new`, then what to withdraw."""
    for prefix, entry in new.items():
        if _differs(old.get(prefix), entry):
            yield prefix
    yield from (prefix for prefix in old if prefix not in new)


def _differs(one: Entry | None, other: Entry | None) -> bool:
    return one is not other and (one is None or one != other)


def _tree(
    prefix: Prefix, old: PrefixMap[Entry], new: PrefixMap[Entry], different: Callable[[Prefix], bool]
) -> Iterator[Prefix]:
    """All changed prefixes of a changed one's tree, some of them perhaps twice."""
    covers = {each for table in (old, new) for each, _ in table.covering(prefix)}
    top = min([prefix, *filter(different, covers)], key=lambda each: key(each)[1])
    yield top
    for table in (old, new):
        yield from (inside for inside, _ in table.inside(top) if different(inside))
