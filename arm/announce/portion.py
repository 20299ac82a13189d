"""A part of a big change, to be planned and made before the rest: planning 20,000 takes a second. Pure.

A changed prefix that no other changed one covers makes a tree with all changed ones that it covers. Trees may
be changed one after the other: all that is changed on the way to any one address belongs to one of them. So
with some trees as they shall be and the others as they are, a table is as safe as both.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping

from arm.announce.slots import Slots
from arm.model import Entry, Prefix
from arm.rib.prefixmap import PrefixMap, key

MOST = 500  # changes, unless a tree has more: to plan them takes 30 ms


def portion(
    old: PrefixMap[Entry], new: PrefixMap[Entry], slots: Slots, waits: Callable[[Prefix], bool]
) -> Mapping[Prefix, Entry]:
    """The table to go to next: `new` itself where that is not far, or cannot be divided. What `waits` cannot
    change now."""
    had, wanted = dict(old.items()), dict(new.items())  # quicker to ask
    different = _different(had, wanted)
    if len(different) <= MOST:
        return new
    free, seen = slots.free(), set[Prefix]()
    made: dict[Prefix, None] = {}
    for prefix in different:
        if len(made) >= MOST:
            break
        if prefix in seen or not (prefix in had or slots.take(free[:], prefix)):
            continue
        tree = dict.fromkeys(_tree(prefix, old, new, different))
        seen.update(tree)
        left = free[:]
        come = (each for each in tree if each in wanted and not slots.holds(each))
        if not any(map(waits, tree)) and all(slots.take(left, each) for each in come):
            free = left
            made.update(tree)
    if not made:
        return new
    table = {prefix: wanted[prefix] for prefix in made if prefix in wanted}
    table.update((prefix, entry) for prefix, entry in had.items() if prefix not in made)
    return table


def _different(old: Mapping[Prefix, Entry], new: Mapping[Prefix, Entry]) -> dict[Prefix, None]:
    """What to set, in the order of `new`, then what to withdraw."""
    found = dict[Prefix, None]()
    for prefix, entry in new.items():
        before = old.get(prefix)
        if before is not entry and before != entry:
            found[prefix] = None
    found.update((prefix, None) for prefix in old if prefix not in new)
    return found


def _tree(
    prefix: Prefix, old: PrefixMap[Entry], new: PrefixMap[Entry], different: Container[Prefix]
) -> Iterator[Prefix]:
    """All changed prefixes of a changed one's tree, some of them perhaps twice."""
    top = prefix
    for table in (old, new):
        for cover, _ in table.covering(prefix):
            if cover in different and key(cover)[1] < key(top)[1]:
                top = cover
    yield top
    for table in (old, new):
        yield from (inside for inside, _ in table.inside(top) if inside in different)
