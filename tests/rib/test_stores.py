"""Tables by both stores, asked and changed in any order, against a plain dictionary of routes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from itertools import islice
from random import Random
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import Attributes, BgpPath, Family, Prefix, Route
from arm.rib.columnstore import ColumnStore
from arm.rib.prefixmap import Key, key, text
from arm.rib.stores import Store, TreeStore
from arm.rib.table import RouteTable
from tests.rib.plain import holds

STORES: dict[str, Callable[[Family], Store]] = {"tree": TreeStore, "columns": partial(ColumnStore, size=4)}
LENGTHS = {
    Family.IPV4: (0, 1, 8, 9, 24, 30, 31, 32),
    Family.IPV6: (0, 1, 16, 32, 61, 62, 63, 64, 65, 66, 127, 128),
}
BASE = {Family.IPV4: int(ip_address("20.0.0.0")), Family.IPV6: int(ip_address("2a00::"))}
PATHS = [BgpPath(f"192.0.2.{n}", Attributes()) for n in range(4)]
Routes = dict[Key, BgpPath]


def keys(family: Family) -> st.SearchStrategy[Key]:
    """On both sides of where one kind of columns ends, and at both ends of the address space."""
    bits, low = family.bits, st.sampled_from([0, 1, 3, 1 << 62, 1 << 63, 1 << 64, 1 << 65])
    ends = st.sampled_from([BASE[family], BASE[family] + (1 << (bits - 9)), 0, (1 << bits) - 1])
    return st.builds(
        lambda end, bit, length: ((end ^ bit % (1 << bits)) >> (bits - length) << (bits - length), length),
        ends,
        low,
        st.sampled_from(LENGTHS[family]),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[Family, list[tuple[str, list[Key], BgpPath]]]:
    family = draw(st.sampled_from(Family))
    events = ["announce", "announce", "announce", "remove", "look", "look"]
    many = st.lists(keys(family), min_size=1, max_size=5)
    event = st.tuples(st.sampled_from(events), many, st.sampled_from(PATHS))
    return family, draw(st.lists(event, max_size=25))


def covering(family: Family, routes: Routes, asked: Key) -> list[Key]:
    """The routes at or above a prefix, the longest last."""
    found = [each for each in routes if each[1] <= asked[1] and holds(family.bits, each, asked[0])]
    return sorted(found, key=lambda each: each[1])


def same(route: Route | None, family: Family, routes: Routes, found: list[Key]) -> None:
    """Is it the last one of those found, with its very path?"""
    if not found:
        assert route is None
        return
    assert route is not None
    assert route.prefix == text(family, *found[-1])
    assert route.path is routes[found[-1]]


def look(table: RouteTable, routes: Routes, asked: Key) -> None:
    """Ask everything about a prefix. `routes` are without the default."""
    family, prefix = table.family, text(table.family, *asked)
    above = covering(family, routes, asked)
    same(table.get(prefix), family, routes, [asked] if asked in routes else [])
    same(table.nearest(prefix), family, routes, above)
    same(table.covering(prefix), family, routes, [each for each in above if each != asked])
    address = asked[0].to_bytes(family.bits // 8, "big")
    same(table.match(address), family, routes, covering(family, routes, (asked[0], family.bits)))
    within = sorted(each for each in routes if each[1] >= asked[1] and holds(family.bits, asked, each[0]))
    found = table.inside(prefix)
    assert [(each.prefix, each.path) for each in found] == [(text(family, *k), routes[k]) for k in within]
    assert table.crowd(prefix) == len(within)


@pytest.mark.parametrize("name", STORES)
@given(histories(), st.sampled_from([(1, 0), (3, 0), (3, 9), (50, 6)]))
def test_a_table_equals_a_dictionary(
    name: str, history: tuple[Family, list[tuple[str, list[Key], BgpPath]]], limits: tuple[int, int]
) -> None:
    family, events = history
    table, routes = RouteTable(family, STORES[name](family)), Routes()
    default = (0, 0)
    with pytest.MonkeyPatch.context() as patched:
        for limit, value in zip(("_WAITING", "_FEW"), limits, strict=True):
            patched.setattr(f"arm.rib.columnstore.{limit}", value)
        for what, places, path in events:
            if what == "announce":
                table.announce(path, [text(family, *each) for each in places])
                routes |= dict.fromkeys(places, path)
            elif what == "remove":
                for each in places:
                    table.remove(text(family, *each))
                    routes.pop(each, None)
            else:
                plain = {each: path for each, path in routes.items() if each != default}
                for each in places:
                    look(table, plain, each)
        plain = {each: path for each, path in routes.items() if each != default}
        assert set(table) == {text(family, *each) for each in plain}
        assert len(table) == len(plain)
        assert (table.default is None) is (default not in routes)
        for _, places, _ in events:
            for each in places:
                look(table, plain, each)
        for each in plain:
            table.remove(text(family, *each))
        assert len(table) == 0
        look(table, {}, default)


@pytest.mark.parametrize("family", Family)
def test_while_one_thread_changes_routes_others_find_those_that_stay(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arm.rib.columnstore._WAITING", 1)
    table, chance, shift = RouteTable(family, ColumnStore(family, 64)), Random(1), family.bits - 24
    stay = [text(family, BASE[family] + (n << shift + 6), 18) for n in range(8)]
    move = [text(family, BASE[family] + (n << shift), 24) for n in range(512)]
    table.announce(PATHS[0], stay)
    wrong: list[str] = []
    over = False

    def read() -> None:
        try:
            while not over and not wrong:
                for prefix in stay:
                    lower = text(family, key(prefix)[0], 23)
                    found = table.get(prefix), table.nearest(lower), table.inside(prefix)[0]
                    wrong.extend(str(each) for each in found if each is None or each.path is not PATHS[0])
        except Exception as error:  # would end in the thread
            wrong.append(repr(error))

    readers = [Thread(target=read) for _ in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for reader in readers:
            reader.start()
        for _ in range(1500):
            some = chance.sample(move, 20)
            table.announce(PATHS[1], some)
            for prefix in some[:15]:
                table.remove(prefix)
    finally:
        over = True
        sys.setswitchinterval(interval)
        for reader in readers:
            reader.join()
    assert not wrong, wrong[:3]


@pytest.mark.skipif("ARM_TEST_DATA" not in os.environ, reason="needs a real table")
@pytest.mark.parametrize("family", Family)
def test_the_real_table_is_found_as_in_a_tree(family: Family) -> None:
    from tests.bench.table import prefixes

    chance, every = Random(1), prefixes()[family]
    chance.shuffle(every)
    stores: list[Store] = [TreeStore(family), ColumnStore(family)]
    for number in range(0, len(every), 50):
        for store in stores:
            store.put(PATHS[number % 4], every[number : number + 50])
    for prefix in every[:12_500]:
        for store in stores:
            store.remove(prefix)
    tree, columns = stores
    assert len(tree) == len(columns)
    names = {*islice(columns.prefixes(), 1000)}
    assert len(names) == 1000
    assert all(tree.get(name) is not None for name in names)
    bits = family.bits
    for prefix in every[:25_000]:  # half of them gone
        start, length = key(prefix)
        other = text(family, start >> (bits - length + 1) << (bits - length + 1), length - 1)
        for asked in (prefix, other):
            assert columns.get(asked) is tree.get(asked)
            assert columns.nearest(asked) == tree.nearest(asked)
            assert columns.covering(asked) == tree.covering(asked)
        address = (start | chance.getrandbits(bits - length)).to_bytes(bits // 8, "big")
        assert columns.match(address) == tree.match(address)
    for prefix in every[:5000]:
        start, length = key(prefix)
        shorter = length - chance.randrange(4)
        asked = text(family, start >> (bits - shorter) << (bits - shorter), shorter)
        assert columns.inside(asked) == tree.inside(asked)
        assert columns.count(asked) == tree.count(asked)


def test_what_waits_is_not_lost_when_it_is_asked_for_at_once() -> None:
    table = RouteTable(Family.IPV4, ColumnStore(Family.IPV4))
    table.announce(PATHS[0], [Prefix("20.0.0.0/8"), Prefix("20.1.0.0/16")])
    table.remove(Prefix("20.0.0.0/8"))
    table.announce(PATHS[1], [Prefix("20.1.0.0/16")])
    assert [(each.prefix, each.path) for each in table.inside(Prefix("20.0.0.0/8"))] == [
        ("20.1.0.0/16", PATHS[1])
    ]
