"""After a routing change: the fewest changes that make the installed entries safe again. Pure.

The range of a changed prefix is cut into pieces, one for each prefix in it that is a route, an entry, or an
entry that ARM does not own ("fixed"): the addresses that it shares with no longer such prefix. On a piece the
full table does one thing and so do the installed entries. Pieces that go wrong are mended at the entry that
sends them there or, if that is further up, at the changed prefix. Nothing is ever removed, because that could
expose an entry further up. Prefixes are compared at full width, so IPv6 beyond /64 is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from arm.model import Prefix, Route
from arm.rib.hoptable import DEFAULT
from arm.rib.prefixmap import PrefixMap, key
from arm.rib.table import RouteTable

Value = TypeVar("Value")


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

    Afterwards every address of `changed` goes where the full table or the default sends it. `table` is what
    it is after the change; `hop_of` numbers the next hop of a route. `entries` is what ARM has installed,
    `hop_at` numbers an entry's next hop (DEFAULT: a guard). An entry in place gets the next hop that is right
    for all that it decides, or DEFAULT if there is none. `fixed` is what else is in the FIB; addresses whose
    longest match among routes and fixed entries is a fixed one are never wrong. What changed may also be one
    of `fixed`, new or gone.

    Without `room` for new prefixes, an entry further up that sends addresses of `changed` astray becomes
    DEFAULT instead, for all that it decides. Only what a fixed entry does to longer routes stays wrong then.
    """
    family = table.family
    if changed == family.default:
        return []  # DEFAULT is whatever the default route does
    fixed = PrefixMap(family) if fixed is None else fixed
    if not _may_misforward(changed, entries, hop_at, fixed):
        return []
    decided: dict[Prefix, set[int]] = {}  # by place: what the table does with the pieces to be mended there
    wrong: set[Prefix] = set()
    for piece in _pieces(changed, table, hop_of, entries, hop_at, fixed):
        if piece.own and piece.place is not None:
            decided.setdefault(piece.place, set()).add(piece.truth)
            if not piece.fixed and piece.hop not in (DEFAULT, piece.truth):
                wrong.add(piece.place)
    if not room:
        above = _to_blame(changed, entries, fixed) if changed in wrong and changed not in entries else set()
        wrong = {place for place in wrong if place in entries} | above
    fixes = []
    for place in sorted(wrong, key=lambda place: (place not in entries, -key(place)[1])):
        hops = decided.get(place, ())
        fixes.append((place, next(iter(hops)) if len(hops) == 1 else DEFAULT))
    return fixes


def _may_misforward(
    changed: Prefix, entries: PrefixMap[Value], hop_at: Callable[[Value], int], fixed: PrefixMap[int]
) -> bool:
    """Does anything but the default decide on addresses of `changed`? Most changes end here."""
    if changed in entries and hop_at(entries[changed]) != DEFAULT:
        return True
    if changed in fixed and fixed[changed] != DEFAULT:
        return True
    if any(hop_at(value) != DEFAULT for _, value in entries.inside(changed)):
        return True
    if any(hop != DEFAULT for _, hop in fixed.inside(changed)):
        return True
    if changed in entries or changed in fixed:
        return False
    return _longest(_above(changed, fixed, _same), _above(changed, entries, hop_at))[1] != DEFAULT


def _same(hop: int) -> int:
    return hop


def _above(prefix: Prefix, installed: PrefixMap[Value], hop_at: Callable[[Value], int]) -> tuple[int, int]:
    """Length and next hop of the longest one that covers `prefix`; without any, -1 and the default's."""
    if installed:
        for cover, value in installed.covering(prefix):
            return key(cover)[1], hop_at(value)
    return -1, DEFAULT


def _to_blame(changed: Prefix, entries: PrefixMap[Value], fixed: PrefixMap[int]) -> set[Prefix]:
    """The entry above `changed` that decides there, unless a fixed one does."""
    above = next((prefix for prefix, _ in entries.covering(changed)), None)
    other = next((prefix for prefix, _ in fixed.covering(changed)), None)
    if above is None or (other is not None and key(other)[1] >= key(above)[1]):
        return set()
    return {above}


def _longest(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """Of two lengths with next hops; the first if the lengths are equal."""
    return other if other[0] > one[0] else one


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
    changed: Prefix,
    table: RouteTable,
    hop_of: Callable[[Route], int],
    entries: PrefixMap[Value],
    hop_at: Callable[[Value], int],
    fixed: PrefixMap[int],
) -> list[_Piece]:
    """All pieces of `changed`, of which some have no addresses of their own."""
    routes = {route.prefix: hop_of(route) for route in table.inside(changed)}
    prefixes = {key(prefix): prefix for prefix in routes}
    prefixes.update((key(prefix), prefix) for prefix, _ in entries.inside(changed))
    prefixes.update((key(prefix), prefix) for prefix, _ in fixed.inside(changed))
    if changed in entries or changed in fixed:
        prefixes[key(changed)] = changed
    pieces = [_whole(changed, table, hop_of, entries, hop_at, fixed)]
    nested = pieces[:]
    for (start, length), prefix in sorted(prefixes.items()):
        while nested[-1].after <= start:
            nested.pop()
        around = nested[-1]
        size = 1 << (table.family.bits - length)
        around.own -= size
        piece = _Piece(start + size, size, around.truth, around.fixed, around.hop, around.place)
        if prefix in fixed:
            piece.truth = piece.hop = fixed[prefix]
            piece.fixed, piece.place = True, None
        else:
            if prefix in routes:
                piece.truth, piece.fixed = routes[prefix], False
            if prefix in entries:
                piece.hop, piece.place = hop_at(entries[prefix]), prefix
            elif piece.place is None:
                piece.place = prefix  # a route under a fixed entry, which cannot be changed in its stead
        pieces.append(piece)
        nested.append(piece)
    return pieces


def _whole(
    changed: Prefix,
    table: RouteTable,
    hop_of: Callable[[Route], int],
    entries: PrefixMap[Value],
    hop_at: Callable[[Value], int],
    fixed: PrefixMap[int],
) -> _Piece:
    """The addresses of `changed`, as if nothing were known but what covers it."""
    start, length = key(changed)
    size = 1 << (table.family.bits - length)
    above = _above(changed, fixed, _same)
    route = table.covering(changed)
    known = (key(route.prefix)[1], hop_of(route)) if route is not None else (-1, DEFAULT)
    return _Piece(
        after=start + size,
        own=size,
        truth=_longest(above, known)[1],
        fixed=above[0] >= max(known[0], 0),
        hop=_longest(above, _above(changed, entries, hop_at))[1],
        place=changed,
    )
