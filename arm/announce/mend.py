"""What a routing change makes of what stands and of what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from arm.announce.speaker import Speaker
from arm.model import Entry, Kind, Prefix, Route
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import DEFAULT, MIXED, ONE, HopTable, network
from arm.rib.paint import everything, paint
from arm.rib.prefixmap import PrefixMap, key, text
from arm.rib.table import RouteTable
from arm.selection.check import with_fixed
from arm.selection.repair import repair


class Numbers(Protocol):
    """How one family's next hops compare."""

    def hop_of(self, route: Route) -> int: ...

    def entry_hop(self, entry: Entry) -> int: ...

    def fixed_hops(self) -> PrefixMap[int]: ...

    def entry(self, prefix: Prefix, hop: int, table: RouteTable) -> Entry:
        """An entry that sends its addresses to `hop`."""


def mend(speaker: Speaker, changed: Prefix, table: RouteTable, numbers: Numbers) -> None:
    """Make both safe again, at once. `table` is what it is after the change."""
    family, fixed = table.family, numbers.fixed_hops()
    standing, wanted = speaker.standing(family), speaker.wanted(family)
    for entries, tell in ((standing, speaker.correct), (wanted, speaker.amend)):
        fixes = repair(changed, table, numbers.hop_of, entries, numbers.entry_hop, fixed)
        new = [place for place, _ in fixes if place not in entries]
        fits = speaker.fits if entries is standing else speaker.wanted_fits
        if new and not fits(new):
            fixes = repair(changed, table, numbers.hop_of, entries, numbers.entry_hop, fixed, room=False)
        for place, hop in fixes:
            tell(place, numbers.entry(place, hop, table))


def follow(speaker: Speaker, changed: Prefix, table: RouteTable, dead: frozenset[str]) -> None:
    """What the strategy `top` does instead: entries are routes, and go where these go; those whose next hops
    are `dead` follow the default."""
    route = table.get(changed)
    entry = Entry(changed, route.next_hop, route.attributes) if route is not None else None
    if entry is not None and entry.next_hop in dead:
        entry = Entry.guard(changed)
    for entries, tell in (
        (speaker.standing(table.family), speaker.correct),
        (speaker.wanted(table.family), speaker.amend),
    ):
        if changed in entries:
            tell(changed, entry)


def default_instead(
    entries: PrefixMap[Entry],
    installed: HopTable,
    full: FullTable,
    fixed: HopTable,
    tell: Callable[[Prefix, Entry], None],
) -> None:
    """Whatever decides on addresses that it sends the wrong way follows the default from now on.

    `installed` are the entries by numbers. The default is always safe, though not the most that could be
    done: the next choice is soon. Of entries longer than a key nothing is known, so they follow it too.
    """
    bits, family = full.runs.bits, entries.family
    deciders = paint(with_fixed(installed, fixed), everything(bits))
    ends = np.append(deciders.starts[1:] - ONE, np.uint64((1 << bits) - 1))
    right = (deciders.hops == DEFAULT) | (full.runs.uniform(deciders.starts, ends) == deciders.hops)
    rows = np.flatnonzero(~right | (deciders.hops == MIXED))
    lengths = deciders.owners[rows]
    starts = network(deciders.starts[rows], lengths, bits)
    own = fixed.find(starts, lengths) < 0
    wrong = {*zip(starts[own].tolist(), lengths[own].tolist(), strict=True)}
    places = [text(family, start << (family.bits - bits), length) for start, length in wrong]
    places += [prefix for prefix, entry in entries.items() if key(prefix)[1] > bits]
    for place in places:
        if entries[place].kind is not Kind.GUARD:
            tell(place, Entry.guard(place))
