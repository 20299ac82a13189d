"""What a routing change makes of what stands and of what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from arm.announce.speaker import Speaker
from arm.model import Entry, Prefix, Route
from arm.rib.prefixmap import PrefixMap, text
from arm.rib.table import RouteTable
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


def follow(speaker: Speaker, changed: Prefix, table: RouteTable) -> None:
    """What the strategy `top` does instead: entries are routes, and go where these go."""
    route = table.get(changed)
    entry = Entry(changed, route.next_hop, route.attributes) if route is not None else None
    for entries, tell in (
        (speaker.standing(table.family), speaker.correct),
        (speaker.wanted(table.family), speaker.amend),
    ):
        if changed in entries:
            tell(changed, entry)


def default_instead(
    entries: PrefixMap[Entry], wrong: Iterable[int], bits: int, tell: Callable[[Prefix, Entry], None]
) -> None:
    """Whatever sends these addresses (keys of so many bits) somewhere follows the default from now on.

    That is always safe, though not the most that could be done: the next choice is soon.
    """
    family = entries.family
    for address in wrong:
        at = text(family, address << (family.bits - bits), bits)
        place = at if at in entries else next((cover for cover, _ in entries.covering(at)), None)
        if place is not None:
            tell(place, Entry.guard(place))
