"""Repairs, with as little room as there may be, of what stands and of what is wanted."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce.mend import follow, mend
from arm.announce.speaker import Speaker
from arm.model import Entry, Family, Kind, Pool, Prefix, Route
from arm.rib.prefixmap import PrefixMap, key
from arm.rib.table import RouteTable
from tests.announce.world import ATTRIBUTES
from tests.selection.universe import DEFAULT, HOPS, UNIVERSES, Universe

families = pytest.mark.parametrize("family", Family)
universes = st.sampled_from([each for each in UNIVERSES if each.length])
picks = st.lists(st.tuples(st.integers(0, 62), st.integers(0, HOPS)), max_size=8)
changes = st.lists(st.tuples(st.integers(0, 62), st.integers(0, HOPS + 1)), max_size=10)


class Numbers:
    """Next hops by number."""

    def __init__(self, family: Family) -> None:
        base = "10.0.0." if family is Family.IPV4 else "2001:db8::"
        self.next_hops = [family.guard_next_hop, *(f"{base}{number + 1}" for number in range(HOPS))]
        self.fixed = PrefixMap[int](family)

    def hop_of(self, route: Route) -> int:
        return self.next_hops.index(route.next_hop)

    def entry_hop(self, entry: Entry) -> int:
        return self.next_hops.index(entry.next_hop)

    def fixed_hops(self) -> PrefixMap[int]:
        return self.fixed

    def entry(self, prefix: Prefix, hop: int, table: RouteTable) -> Entry:
        kind = Kind.GUARD if hop == DEFAULT else Kind.SYNTHESISED
        return Entry(prefix, self.next_hops[hop], ATTRIBUTES, kind)


def costs(family: Family) -> tuple[int, ...]:
    return tuple(1 + length % 2 for length in range(family.bits + 1))


def cost(family: Family, prefixes: Iterable[Prefix]) -> int:
    return sum(costs(family)[key(prefix)[1]] for prefix in prefixes)


def speaker(family: Family, slots: int) -> Speaker:
    return Speaker("neighbor 127.0.0.1", 65000, [Pool("lpm", slots, {family: costs(family)})], 100.0)


@settings(max_examples=150, deadline=None)
@given(universes, picks, picks, picks, st.integers(-3, 4), changes)
def test_after_a_repair_both_are_safe_and_no_bigger_than_there_is_room(
    universe: Universe,
    drawn: list[tuple[int, int]],
    standing: list[tuple[int, int]],
    wanted: list[tuple[int, int]],
    spare: int,
    changes: list[tuple[int, int]],
) -> None:
    """Also where there is less room than is taken already."""
    family = universe.family

    def places(picked: list[tuple[int, int]]) -> dict[Prefix, int]:
        return {universe.prefixes[place % len(universe.prefixes)]: hop for place, hop in picked}

    numbers, table, routes = Numbers(family), RouteTable(family), places(drawn)
    for prefix, hop in routes.items():
        table.set(Route(prefix, numbers.next_hops[hop], ATTRIBUTES))
    truth = universe.forward(routes)
    stand, want = (universe.safe(places(each).items(), truth) for each in (standing, wanted))
    most = max(cost(family, stand), cost(family, want)) + spare
    told = speaker(family, most)
    for prefix in stand:
        told.kernel(family, prefix, True)
    told.adopt(family, [numbers.entry(prefix, hop, table) for prefix, hop in stand.items()])
    entries = {prefix: numbers.entry(prefix, hop, table) for prefix, hop in want.items()}
    told.want(family, PrefixMap(family, entries))
    for place, hop in changes:
        prefix = universe.prefixes[place % len(universe.prefixes)]
        if hop > HOPS:
            routes.pop(prefix, None)
            table.remove(prefix)
        else:
            routes[prefix] = hop
            table.set(Route(prefix, numbers.next_hops[hop], ATTRIBUTES))
        mend(told, prefix, table, numbers)
        for found, before in ((told.standing(family), stand), (told.wanted(family), want)):
            hops = {each: numbers.entry_hop(entry) for each, entry in found.items()}
            assert not universe.misforwarded(hops, universe.forward(routes))
            assert before.keys() <= hops.keys(), "nothing is removed, as that could expose something"
            assert cost(family, hops) <= max(most, cost(family, before))


@families
def test_what_follows_routes_goes_with_them(family: Family) -> None:
    where, other = {
        Family.IPV4: (Prefix("20.0.0.0/16"), Prefix("20.1.0.0/16")),
        Family.IPV6: (Prefix("2a00::/32"), Prefix("2a00:1::/32")),
    }[family]
    numbers, table, told = Numbers(family), RouteTable(family), speaker(family, 9)
    told.kernel(family, where, True)
    told.adopt(family, [numbers.entry(where, 1, table)])
    told.want(family, PrefixMap(family, {where: numbers.entry(where, 1, table)}))
    for prefix in (where, other):
        table.set(Route(prefix, numbers.next_hops[2], ATTRIBUTES))
        follow(told, prefix, table, frozenset())
    for found in (told.standing(family), told.wanted(family)):
        assert {**found} == {where: Entry(where, numbers.next_hops[2], ATTRIBUTES)}
    follow(told, where, table, frozenset([numbers.next_hops[2]]))
    for found in (told.standing(family), told.wanted(family)):
        assert {**found} == {where: Entry.guard(where)}
    table.remove(where)
    follow(told, where, table, frozenset())
    assert not told.standing(family)
    assert not told.wanted(family)
