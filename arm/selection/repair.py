"""After a routing change: the fewest changes that make the installed entries safe again. Pure.

When the route of a prefix comes, moves or goes, the table changes its mind about the prefix's gap only: the
addresses in it that no longer route has. So only what decides there can become wrong: entries inside that no
longer route covers, or what decides on the prefix as a whole; and none of them that has the right next hop.

A suspect's range is cut into pieces, one for each prefix in it that is a route, an entry, or an entry that
ARM does not own ("fixed"): the addresses that it shares with no longer such prefix. On a piece the full table
does one thing and so do the installed entries. Pieces that go wrong are mended at the entry that sends them
there or, if that is further up, at the changed prefix. Nothing is ever removed, because that could expose an
entry further up. Prefixes are compared at full width, so IPv6 beyond /64 is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from arm.model import Prefix, Route
from arm.rib.hoptable import DEFAULT
from arm.rib.prefixmap import PrefixMap, key
from arm.rib.table import RouteTable

Value = TypeVar("Value")

ROUTES = 1000  # at most so many are looked at for a change: what takes longer would hold up everything else


def repair(
    changed: Prefix,
    table: RouteTable,
    hop_of: Callable[[Route], int],
    entries: PrefixMap[Value],
    hop_at: Callable[[Value], int],
    fixed: PrefixMap[int] | None,
    room: bool = True,
) -> list[tuple[Prefix, int]]:
    """Entries to set, with their next hops: those in place first, then new ones, each longest prefix first.

    Afterwards every address of `changed` goes where the full table or the default sends it, if nothing but
    the route of `changed` has changed since that was so.

    `table` is what it is after the change; `hop_of` numbers the next hop of a route. `entries` is what ARM
    has installed, `hop_at` numbers an entry's next hop (DEFAULT: a guard). `fixed` is what else is in the
    FIB; addresses whose longest match among routes and fixed entries is a fixed one are never wrong.

    An entry in place gets the next hop that is right for all that it decides, or DEFAULT if there is none. So
    does `changed` if it has to be added. With more than ROUTES routes inside of suspects, the rest of these
    get DEFAULT unseen: that is always safe, but one of them may not have been wrong.

    Without `room` for new prefixes, an entry further up that sends addresses of `changed` astray becomes
    DEFAULT instead, for all that it decides. Only what a fixed entry does to longer routes stays wrong then.
    """
    if changed == table.family.default:
        return []  # DEFAULT is whatever the default route does
    installed = _Installed(entries, hop_at, PrefixMap(table.family) if fixed is None else fixed)
    exact, unseen = _suspects(changed, table, hop_of, installed)
    decided: dict[Prefix, set[int]] = {}  # by place: what the table does with the pieces to be mended there
    wrong = set(unseen)
    for prefix in exact:
        for piece in _pieces(prefix, table, hop_of, installed):
            if piece.own and piece.place is not None:
                decided.setdefault(piece.place, set()).add(piece.truth)
                if not piece.fixed and piece.hop not in (DEFAULT, piece.truth):
                    wrong.add(piece.place)
    if not room:
        above = installed.cover(changed)[0] if changed in wrong and changed not in entries else None
        wrong = {place for place in wrong if place in entries}
        if above is not None and above in entries and above not in installed.fixed:
            wrong.add(above)
    fixes = []
    for _, _, _, place in sorted(
        (place not in entries, -key(place)[1], key(place)[0], place) for place in wrong
    ):
        hops = decided.get(place, ())
        fixes.append((place, next(iter(hops)) if len(hops) == 1 else DEFAULT))
    return fixes


@dataclass(frozen=True, slots=True)
class _Installed(Generic[Value]):
    """What is in the FIB."""

    entries: PrefixMap[Value]
    hop_at: Callable[[Value], int]
    fixed: PrefixMap[int]

    def cover(self, prefix: Prefix) -> tuple[Prefix | None, int]:
        """The longest one strictly above `prefix`, and its next hop; without any, the default's."""
        found = next(self.entries.covering(prefix), None) if self.entries else None
        other = next(self.fixed.covering(prefix), None) if self.fixed else None
        if other is not None and (found is None or key(other[0])[1] >= key(found[0])[1]):
            return other
        return (None, DEFAULT) if found is None else (found[0], self.hop_at(found[1]))

    def decider(self, prefix: Prefix) -> tuple[Prefix | None, int]:
        """The longest one at or above `prefix`."""
        if prefix in self.fixed:
            return prefix, self.fixed[prefix]
        if prefix in self.entries:
            return prefix, self.hop_at(self.entries[prefix])
        return self.cover(prefix)

    def fixed_at(self, prefix: Prefix) -> Prefix | None:
        """The longest fixed one at or above `prefix`."""
        if prefix in self.fixed:
            return prefix
        return next((found for found, _ in self.fixed.covering(prefix)), None) if self.fixed else None


def _suspects(
    changed: Prefix, table: RouteTable, hop_of: Callable[[Route], int], installed: _Installed[Value]
) -> tuple[list[Prefix], list[Prefix]]:
    """What may have become wrong as the route of `changed` did: entries inside, or `changed` itself for what
    decides on it as a whole. First what to look at, without anything that this looks at anyway; then those
    with too many routes inside."""
    hop, entries = installed.decider(changed)[1], installed.entries.inside(changed)
    if hop == DEFAULT and not entries:
        return [], []  # most changes end here
    values = dict(entries)
    places = table.gaps(changed, [*values] if hop == DEFAULT else [changed, *values])
    hops = {place: installed.hop_at(values[place]) if place in values else hop for place in places}
    if all(does == DEFAULT for does in hops.values()):
        return [], []
    route, other = table.nearest(changed), installed.fixed_at(changed)
    truth, known = (DEFAULT, -1) if route is None else (hop_of(route), key(route.prefix)[1])
    if other is not None and key(other)[1] >= known:
        return [], []  # the gap is a fixed entry's to say
    suspects = [place for place, does in hops.items() if does not in (DEFAULT, truth)]
    exact, unseen = list[Prefix](), list[Prefix]()
    left, behind = ROUTES, 0
    for prefix in suspects:  # what covers comes before what is covered
        start, length = key(prefix)
        if start < behind:
            continue
        routes = table.crowd(prefix)
        if routes > left:
            unseen.append(prefix)
            continue
        exact.append(prefix)
        left -= routes + 1
        behind = start + (1 << (table.family.bits - length))
    return exact, unseen


@dataclass(slots=True)
class _Piece:
    """What happens to the addresses that a prefix shares with no longer one."""

    after: int  # the first address behind the prefix
    own: int  # how many such addresses there are
    truth: int  # what the full table does with them
    fixed: bool  # their longest match is a fixed entry
    hop: int  # what the installed entries do with them
    place: Prefix | None  # where to change that; None: it is a fixed entry's to say


def _pieces(
    prefix: Prefix, table: RouteTable, hop_of: Callable[[Route], int], installed: _Installed[Value]
) -> list[_Piece]:
    """All pieces of a prefix, of which some have no addresses of their own."""
    entries, hop_at, fixed = installed.entries, installed.hop_at, installed.fixed
    routes = {route.prefix: hop_of(route) for route in table.inside(prefix)}
    prefixes = {key(each): each for each in routes}
    prefixes.update((key(each), each) for each, _ in entries.inside(prefix))
    prefixes.update((key(each), each) for each, _ in fixed.inside(prefix))
    if prefix in entries or prefix in fixed:
        prefixes[key(prefix)] = prefix
    pieces = [_whole(prefix, table, hop_of, installed)]
    nested = pieces[:]
    for (start, length), each in sorted(prefixes.items()):
        while nested[-1].after <= start:
            nested.pop()
        around = nested[-1]
        size = 1 << (table.family.bits - length)
        around.own -= size
        piece = _Piece(start + size, size, around.truth, around.fixed, around.hop, around.place)
        if each in fixed:
            piece.truth = piece.hop = fixed[each]
            piece.fixed, piece.place = True, None
        else:
            if each in routes:
                piece.truth, piece.fixed = routes[each], False
            if each in entries:
                piece.hop, piece.place = hop_at(entries[each]), each
            elif piece.place is None:
                piece.place = each  # a route under a fixed entry, which cannot be changed in its stead
        pieces.append(piece)
        nested.append(piece)
    return pieces


def _whole(
    prefix: Prefix, table: RouteTable, hop_of: Callable[[Route], int], installed: _Installed[Value]
) -> _Piece:
    """The addresses of a prefix, as if nothing were known but what covers it."""
    start, length = key(prefix)
    size = 1 << (table.family.bits - length)
    route = table.covering(prefix)
    truth, known = (DEFAULT, 0) if route is None else (hop_of(route), key(route.prefix)[1])
    other = next(installed.fixed.covering(prefix), None)
    of_others = other is not None and key(other[0])[1] >= known
    return _Piece(
        after=start + size,
        own=size,
        truth=other[1] if other is not None and of_others else truth,
        fixed=of_others,
        hop=installed.cover(prefix)[1],
        place=prefix,
    )
