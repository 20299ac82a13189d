"""Why an address or prefix is, or is not, in hardware: from what the rooms know of its family. Pure.

In two steps, because rooms change with every event and arrays do not: `look` belongs to the thread that runs
the rooms and is quick; `explain` may run in any other. How it is put in words is in explain_words.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from arm.explain_seen import EntrySeen, Explanation, RouteSeen, Way
from arm.explain_traffic import Columns, block_around
from arm.explain_words import Circumstances, because
from arm.family import FamilyLoop
from arm.model import Entry, Family, KernelRoute, Kind, Prefix, Route
from arm.picture import Watched
from arm.rib.fulltable import FullTable
from arm.rib.hops import RAW_LOCAL
from arm.rib.hoptable import DEFAULT, MIXED, HopTable, Runs, key_bits
from arm.rib.prefixmap import key, text

FIRST = 5  # hidden routes that are named


@dataclass(frozen=True, slots=True)
class Known:
    """One family as all rooms know it. Times in the clock of `now`, but `since`, which is Unix time."""

    watched: Watched
    default: KernelRoute | None  # the kernel's
    standing: Mapping[Prefix, Entry]  # what BIRD has from ARM
    since: Mapping[Prefix, float]  # when the kernel first showed an entry
    blocked: bool  # BIRD lets nothing new in
    now: float


@dataclass(frozen=True, slots=True)
class Case:
    """One question and what was known when it was asked; nothing in here changes any more, but `wanted`, of
    which single prefixes may."""

    asked: Prefix
    known: Known
    loop: FamilyLoop
    tables: tuple[FullTable, FullTable]  # the full one, what is installed
    columns: Columns
    route: Route | None
    covering: tuple[Prefix, ...]
    entry: EntrySeen | None
    coming: EntrySeen | None
    circumstances: Circumstances


def look(known: Known, asked: Prefix) -> Case:
    """Take what is known of a canonical prefix; an address is one of full length."""
    watched, loop = known.watched, known.watched.loop
    route = watched.table.nearest(asked)
    above = [asked, *_above(loop.family, asked)]
    present = [prefix for prefix in above if prefix in watched.kernel or prefix in loop.fixed]
    entry = present[0] if present else None
    on_their_way = (p for p in above if p in watched.wanted or p in known.standing)
    coming = next((p for p in on_their_way if p not in present), None)
    if coming is not None and entry is not None and key(coming)[1] < key(entry)[1]:
        coming = None
    columns = Columns.of(loop)
    return Case(
        asked,
        known,
        loop,
        (loop.full, loop.installed),
        columns,
        route,
        tuple(_routes_above(watched, route)),
        None if entry is None else _entry(known, entry),
        None if coming is None else _entry(known, coming),
        _circumstances(known, route, columns, present[1:]),
    )


def explain(case: Case) -> Explanation:
    """The answer."""
    known, loop, watched = case.known, case.loop, case.known.watched
    family, (full, installed) = loop.family, case.tables
    first, last = keys(family, case.asked)
    ways = [_hop(table.runs, first, last) for table in (full, installed)]
    subject = case.asked
    if case.route is not None and key(case.asked)[1] == family.bits:
        subject = case.route.prefix
    hidden, examples = _inside(family, full.routes, subject)
    block = block_around(full.routes, family, case.asked)
    of_route = None
    if case.route is not None:
        of_route = case.columns.of_route(full, keys(family, case.route.prefix), key(case.route.prefix)[1])
    found = Explanation(
        asked=case.asked,
        family=family,
        route=None if case.route is None else _seen(case.route),
        covering=case.covering,
        hidden=hidden,
        hidden_first=examples,
        block=block,
        here=case.columns.between(*keys(family, block or case.asked)),
        of_route=of_route,
        rank=None if case.route is None else _rank(watched, case.route.prefix),
        active=len(watched.active),
        chosen=len(watched.wanted),
        capacity=watched.capacity,
        entry=case.entry,
        coming=case.coming,
        full=_way(loop, ways[0], known.default),
        kernel=_way(loop, ways[1], known.default),
        verdict=_verdict(*ways),
        reasons=(),
    )
    circumstances = replace(case.circumstances, least=_least(watched))
    return replace(found, reasons=tuple(because(found, circumstances)))


def keys(family: Family, prefix: Prefix) -> tuple[int, int]:
    """First and last key that a prefix has addresses of."""
    start, length = key(prefix)
    last = start + (1 << (family.bits - length)) - 1
    dropped = family.bits - key_bits(family)
    return start >> dropped, last >> dropped


def _above(family: Family, prefix: Prefix) -> Iterator[Prefix]:
    """Everything that covers it but the default, the longest first."""
    start, length = key(prefix)
    for shorter in range(length - 1, 0, -1):
        low = family.bits - shorter
        yield text(family, start >> low << low, shorter)


def _routes_above(watched: Watched, route: Route | None) -> Iterator[Prefix]:
    while route is not None:
        route = watched.table.covering(route.prefix)
        if route is not None:
            yield route.prefix


def _entry(known: Known, prefix: Prefix) -> EntrySeen:
    watched, loop = known.watched, known.watched.loop
    told, shown = known.standing.get(prefix), watched.kernel.get(prefix)
    entry = told or watched.wanted.get(prefix)
    gateways = shown.gateways if shown is not None else ()
    if prefix in loop.fixed:
        entry, gateways = None, loop.hops.gateways(loop.fixed[prefix])
    hardware = "unknown"
    if shown is not None and shown.offload_failed:
        hardware = "refused"
    elif shown is not None and shown.offloaded:
        hardware = "yes"
    elif shown is not None and any(r.offloaded or r.offload_failed for r in watched.kernel.values()):
        hardware = "no"
    return EntrySeen(
        prefix=prefix,
        kind="foreign" if entry is None else entry.kind.name.lower(),
        next_hop=None if entry is None or entry.kind is Kind.GUARD else entry.next_hop,
        gateways=gateways,
        wanted=prefix in watched.wanted,
        announced=told is not None,
        in_kernel=shown is not None or prefix in loop.fixed,
        hardware=hardware,
        since=known.since.get(prefix),
    )


def _circumstances(
    known: Known, route: Route | None, columns: Columns, above: Collection[Prefix]
) -> Circumstances:
    watched, loop = known.watched, known.watched.loop
    entries = ((each, known.standing.get(each)) for each in above)
    diverts = (each for each, entry in entries if entry is None or entry.kind is not Kind.GUARD)
    denied = pinned = reachable = False
    if route is not None:
        reachable = bool(loop.leads_to(route.next_hop, ()))
        denied = loop.hop_of(route) == DEFAULT != loop.hop((route.next_hop,))
        start, length = key(route.prefix)
        starts = np.array([start >> (loop.family.bits - key_bits(loop.family))], np.uint64)
        pinned = bool((columns.pins.find(starts, np.array([length], np.int8)) >= 0).any())
    return Circumstances(
        state=watched.state,
        frozen=tuple((reason.text, known.now - reason.since) for reason in watched.reasons),
        denied=denied,
        pinned=pinned,
        dead=route is not None and route.next_hop in loop.dead,
        reachable=reachable,
        blocked=known.blocked,
        over=next(diverts, None),
        minimum=columns.minimum,
    )


def _hop(runs: Runs, first: int, last: int) -> int:
    """What a table does with all addresses of a range, MIXED if that is not one thing."""
    return int(runs.uniform(np.array([first], np.uint64), np.array([last], np.uint64))[0])


def _way(loop: FamilyLoop, hop: int, default: KernelRoute | None) -> Way:
    if hop == MIXED:
        return Way("several", ())
    if hop == RAW_LOCAL:
        return Way("local", ())
    if hop != DEFAULT:
        return Way("next hop", loop.hops.gateways(hop))
    return Way("nowhere", ()) if default is None else Way("default", default.gateways)


def _verdict(full: int, installed: int) -> str:
    if installed == DEFAULT:
        return "default" if full == DEFAULT else "detour"
    if MIXED in (full, installed):
        return "several"
    return "served" if full == installed else "astray"


def _inside(family: Family, routes: HopTable, subject: Prefix) -> tuple[int, tuple[Prefix, ...]]:
    """How many routes are more specific than a prefix, and the first few."""
    first, last = (np.uint64(each) for each in keys(family, subject))
    begin = int(np.searchsorted(routes.starts, first))
    behind = int(np.searchsorted(routes.starts, last, "right"))
    rows = begin + np.flatnonzero(routes.lengths[begin:behind] > key(subject)[1])
    dropped = family.bits - routes.bits
    few = zip(routes.starts[rows[:FIRST]].tolist(), routes.lengths[rows[:FIRST]].tolist(), strict=True)
    return len(rows), tuple(text(family, start << dropped, length) for start, length in few)


def _rank(watched: Watched, route: Prefix) -> int | None:
    return next((rank for rank, (prefix, _) in enumerate(watched.active, 1) if prefix == route), None)


def _least(watched: Watched) -> float | None:
    """What the least of the routes is worth that were chosen for their traffic; per second."""
    for prefix, worth in reversed(watched.active):  # those first that are worth most
        entry = watched.wanted.get(prefix)
        if entry is not None and entry.kind is Kind.ROUTE:
            return worth
    return None


def _seen(route: Route) -> RouteSeen:
    attributes = route.attributes
    communities = (*attributes.communities, *attributes.large_communities)
    written = tuple(":".join(map(str, each)) for each in communities)
    return RouteSeen(route.prefix, route.next_hop, attributes.as_path_text, written)
