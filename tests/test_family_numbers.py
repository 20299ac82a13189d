"""What next hops of routes and entries mean as the kernel, BIRD and the operator change their minds."""

from __future__ import annotations

import pytest

from arm.family import Valuation
from arm.model import Entry, Family, KernelRoute, Kind, Prefix
from arm.rib.hoptable import DEFAULT
from arm.rib.indexed import IndexedTable
from arm.selection.policy import Policy, Rule
from tests.familyworld import Around, address, neighbour, places, prefix

families = pytest.mark.parametrize("family", Family)


@families
def test_a_default_by_link_local_address_is_the_neighbour_that_bgp_names(family: Family) -> None:
    around, where = Around(family), prefix(family, 1)
    around.announce(where, 1)
    around.default = KernelRoute(family.default, ("fe80::1",), 12)
    around.refresh()
    assert around.does(where) == [around.hop(1)] != [DEFAULT], "nobody knows whose address that is"
    around.announce(family.default, 1)
    around.refresh()
    assert around.does(where) == [DEFAULT]
    around.default = KernelRoute(family.default, ("fe80::1", "fe80::2"), 12)
    around.refresh()
    assert around.does(where) == [around.hop(1)] != [DEFAULT]


@families
def test_a_lost_peer_s_routes_go_where_the_default_goes(family: Family) -> None:
    around, where = Around(family), prefix(family, 1)
    route = around.announce(where, 2)
    around.refresh()
    assert around.loop.hop_of(route) != DEFAULT
    around.loop.peers_lost(frozenset({neighbour(family, 2)}))
    assert around.loop.hop_of(route) == DEFAULT, "at once"
    around.refresh()
    assert around.does(where) == [DEFAULT]
    around.loop.peers_lost(frozenset())
    around.refresh()
    assert around.does(where) == [around.loop.hop_of(route)] != [DEFAULT]


@families
def test_a_guard_through_one_path_of_an_ecmp_default_is_the_default(family: Family) -> None:
    around, where, real = Around(family), prefix(family, 1), prefix(family, 2)
    around.default = around.shown(family.default, 1, 2)
    around.announce(real, 1)
    for shown in (where, real):
        around.install(shown, 1)
    around.refresh()
    around.measure({address(where): 1.0}, 0.0)
    assert around.loop.coverage.share == 1.0
    keys = around.loop.meter.keys()
    assert around.loop.installed.runs.hop(keys).tolist() == [DEFAULT]
    installed = places(around.loop.installed.routes, family)
    assert installed == {where: DEFAULT, real: around.hop(1)}
    around.default = around.shown(family.default, 2, 3)
    around.refresh()
    assert places(around.loop.installed.routes, family) == {where: around.hop(1), real: around.hop(1)}


@families
def test_entries_and_their_numbers(family: Family) -> None:
    around = Around(family)
    route, lost = around.announce(prefix(family, 1), 2), prefix(family, 2)
    around.refresh()
    loop, table = around.loop, around.table
    entry = Entry(route.prefix, route.next_hop, route.attributes)
    assert loop.entry(route.prefix, around.hop(2), table) == entry
    made = loop.entry(route.prefix, around.hop(3), table)
    assert (made.next_hop, made.kind) == (neighbour(family, 3), Kind.SYNTHESISED)
    assert loop.entry(lost, around.hop(2), table).kind is Kind.SYNTHESISED
    assert loop.entry(route.prefix, DEFAULT, table) == Entry.guard(route.prefix)
    entries = [entry, loop.entry(lost, around.hop(3), table), Entry.guard(prefix(family, 3))]
    assert [loop.entry_hop(each) for each in entries] == [around.hop(2), around.hop(3), DEFAULT]
    incumbents = places(loop.incumbents(entries), family)
    assert incumbents == {each.prefix: loop.entry_hop(each) for each in entries}


@families
def test_a_fresh_table_knows_the_fixed_entries(family: Family) -> None:
    around, where, bare = Around(family), prefix(family, 1), prefix(family, 2)
    around.fixed = dict.fromkeys((where, bare), (neighbour(family, 3),))
    assert around.loop.set_fixed(around.fixed, around.table), "something new"
    assert not around.loop.set_fixed(around.fixed, around.table)
    around.table = IndexedTable(family)
    around.announce(where, 2)
    around.loop.settle(around.table, 0.0)  # as while it is arriving
    assert not around.loop.set_fixed(around.fixed, around.table)
    around.refresh()
    assert around.does(where, bare) == [around.hop(3)] * 2
    around.fixed.clear()
    assert around.loop.set_fixed(around.fixed, around.table)
    around.refresh()
    assert around.does(where, bare) == [around.hop(2), DEFAULT]


@families
def test_rules_end_and_change_in_every_table(family: Family) -> None:
    """In the one in use and in the one that is arriving."""
    where, other = prefix(family, 1), prefix(family, 2)
    around = Around(family, policy=Policy([Rule(prefix=other, until=10.0)], [Rule(prefix=where, until=10.0)]))
    arriving = IndexedTable(family)
    for table in (around.table, arriving):
        table.set(around.announce(where, 2))
        table.set(around.announce(other, 3))

    def tick(time: float) -> tuple[list[int], set[Prefix]]:
        around.time = time
        for table in (around.table, arriving):
            around.loop.settle(table, time)
        around.refresh()
        demand = around.loop.demand(around.loop.incumbents(()))
        return around.does(where), set(places(demand.pins, family))

    def arrive() -> None:
        around.table = arriving

    assert tick(9.0) == ([DEFAULT], {other})
    assert tick(10.0) == ([around.hop(2)], set())
    arrive()
    assert tick(10.0) == ([around.hop(2)], set())
    arriving = IndexedTable(family)
    for route in (around.announce(where, 2), around.announce(other, 3)):
        arriving.set(route)
    tick(11.0)
    around.loop.configure(Valuation(60.0), Policy([Rule(prefix=where)], [Rule(prefix=other)]))
    assert tick(12.0) == ([around.hop(2)], {where})
    assert around.does(other) == [DEFAULT]
    arrive()
    assert tick(12.0) == ([around.hop(2)], {where})
    assert around.does(other) == [DEFAULT]
    around.loop.configure(Valuation(60.0), Policy())
    assert tick(13.0) == ([around.hop(2)], set())
    assert around.does(other) == [around.hop(3)]
