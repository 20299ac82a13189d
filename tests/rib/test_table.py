"""Longest-prefix match against a plain scan, and what a feed makes of session events."""

from __future__ import annotations

import ipaddress
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytricia import PyTricia

from arm.model import Attributes, Family, Prefix, Route
from arm.rib.feed import Feed
from arm.rib.messages import EndOfRib, SessionChange, Update
from arm.rib.stores import TreeStore
from arm.rib.table import RouteTable

ATTRIBUTES = Attributes()


def prefix_of(family: Family, address: int, length: int) -> Prefix:
    kind = ipaddress.IPv4Network if family is Family.IPV4 else ipaddress.IPv6Network
    return Prefix(str(kind((address >> (family.bits - length) << (family.bits - length), length))))


def route(prefix: str, next_hop: str = "10.0.0.1") -> Route:
    return Route(Prefix(prefix), next_hop, ATTRIBUTES)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Family, list[tuple[Prefix, bool]]]:
    """Additions (True) and removals (False) in a small corner of the address space, so that they nest."""
    family = draw(st.sampled_from(Family))
    base = 20 << (family.bits - 8)
    spread = st.integers(0, 15).map(lambda n: base | n << (family.bits - 12))
    prefixes = st.builds(
        lambda a, n: prefix_of(family, a, n), spread, st.integers(0, 14) | st.just(family.bits)
    )
    return family, draw(st.lists(st.tuples(prefixes, st.booleans()), max_size=40))


def tables(family: Family, changes: list[tuple[Prefix, bool]]) -> tuple[RouteTable, dict[Prefix, Route]]:
    """A table with a history, and what must be in it."""
    table, plain = RouteTable(family), dict[Prefix, Route]()
    for prefix, add in changes:
        if add:
            plain[prefix] = route(prefix)
            table.set(plain[prefix])
        else:
            plain.pop(prefix, None)
            table.remove(prefix)
    return table, plain


@given(histories(), st.integers(0, 255))
def test_match_equals_a_plain_scan(history: tuple[Family, list[tuple[Prefix, bool]]], low: int) -> None:
    family, changes = history
    table, plain = tables(family, changes)
    without_default = {p: r for p, r in plain.items() if p != family.default}
    assert len(table) == len(without_default)
    assert set(table) == set(without_default)
    assert table.default == plain.get(family.default)
    for prefix, _ in changes:
        if prefix != family.default:
            assert table.get(prefix) == plain.get(prefix)
    address = ipaddress.ip_address(
        (20 << (family.bits - 8) | low << (family.bits - 16)).to_bytes(family.bits // 8, "big")
    )
    covering = [r for p, r in without_default.items() if address in ipaddress.ip_network(p)]
    expected = max(covering, key=lambda r: int(r.prefix.split("/")[1]), default=None)
    assert table.match(address.packed) == expected


@given(histories(), st.data())
def test_what_covers_a_prefix_and_what_is_inside_equal_a_plain_scan(
    history: tuple[Family, list[tuple[Prefix, bool]]], draw: st.DataObject
) -> None:
    family, changes = history
    table, plain = tables(family, changes)
    plain.pop(family.default, None)
    shorter = st.sampled_from([prefix for prefix, _ in changes] or [family.default]).flatmap(
        lambda prefix: st.integers(0, family.bits).map(
            lambda length: prefix_of(family, int(ipaddress.ip_network(prefix).network_address), length)
        )
    )
    for asked in draw.draw(st.lists(shorter, max_size=8)):
        around = [each for each in plain.values() if covers(each.prefix, asked)]
        nearest = max(around, key=lambda each: order(each)[1], default=None)
        assert table.covering(asked) == nearest
        assert table.nearest(asked) == plain.get(asked, nearest)
        inside = [each for each in plain.values() if each.prefix == asked or covers(asked, each.prefix)]
        assert table.inside(asked) == sorted(inside, key=order)
        assert table.crowd(asked) == len(inside)
        assert len(table) == len(plain)
    assert set(table) == set(plain), "asking has left nothing behind"
    for prefix, _ in changes:
        table.remove(prefix)
    assert set(table) == set()


def covers(one: Prefix, other: Prefix) -> bool:
    """Is `other` strictly more specific than `one`?"""
    outer, inner = ipaddress.ip_network(one), ipaddress.ip_network(other)
    return outer != inner and outer.prefixlen < inner.prefixlen and inner.network_address in outer


def order(route: Route) -> tuple[int, int]:
    network = ipaddress.ip_network(route.prefix)
    return int(network.network_address), network.prefixlen


class Failing(PyTricia):  # type: ignore[misc]
    """Runs out of memory while it looks, and while another thread asks."""

    def __init__(self, table: RouteTable) -> None:
        super().__init__(table.family.bits, table.family.af)
        self.table = table
        self.seen: list[Route | None] = []

    def children(self, prefix: str) -> list[str]:
        self.asking = Thread(target=self.ask, args=(Prefix(prefix),))
        self.asking.start()
        self.asking.join(0.02)
        raise MemoryError

    def ask(self, prefix: Prefix) -> None:
        self.seen = [self.table.get(prefix), self.table.nearest(prefix)]


@pytest.mark.parametrize(
    ("family", "outer", "inner"),
    [
        (Family.IPV4, "20.0.0.0/8", "20.1.0.0/16"),
        (Family.IPV6, "2a00::/32", "2a00:0:0:1:8000::/65"),
    ],
)
def test_a_failing_look_inside_leaves_the_table_as_it_was(family: Family, outer: str, inner: str) -> None:
    store = TreeStore(family)
    table = RouteTable(family, store)
    store._tree = tree = Failing(table)
    for about in (None, route(outer)):
        if about is not None:
            table.set(about)
        with pytest.raises(MemoryError):
            table.inside(Prefix(inner))
        tree.asking.join()
        assert tree.seen == [None, about], "whoever looks meanwhile finds the same routes"
        assert set(table) == ({outer} if about else set())
    with pytest.raises(ValueError, match="Invalid"):
        table.inside(Prefix(outer[1:3] + "/8"))
    assert set(table) == {outer}


def announced(family: Family, *prefixes: str, next_hop: str = "10.0.0.1") -> Update:
    return Update("127.0.0.1", family, False, ATTRIBUTES, ((next_hop, [Prefix(p) for p in prefixes]),))


def withdrawn(family: Family, *prefixes: str) -> Update:
    return Update("127.0.0.1", family, False, ATTRIBUTES, (), tuple(Prefix(p) for p in prefixes))


def end(family: Family) -> EndOfRib:
    return EndOfRib("127.0.0.1", family, sent=False)


@pytest.mark.parametrize(
    ("family", "one", "two"),
    [
        (Family.IPV4, "20.0.0.0/16", "20.1.0.0/16"),
        (Family.IPV6, "2a00::/32", "2a01::/32"),
    ],
)
def test_a_flapping_session_never_empties_the_table(family: Family, one: str, two: str) -> None:
    feed = Feed()
    assert feed.learning(family)
    feed.session(SessionChange("127.0.0.1", True))
    assert feed.update(announced(family, one, two)) == [], "nothing serves yet that it could change"
    assert feed.learning(family)
    assert len(feed.table(family)) == 0, "not known to be complete yet"
    assert feed.routes(family) == 2
    feed.end_of_rib(family)
    assert not feed.learning(family)
    assert len(feed.table(family)) == 2

    feed.session(SessionChange("127.0.0.1", False, "lost"))
    assert feed.learning(family)
    assert len(feed.table(family)) == 2, "the old table serves on"
    feed.session(SessionChange("127.0.0.1", True))
    assert feed.update(announced(family, one)) == [], "no news"
    assert feed.update(announced(family, one, next_hop="10.0.0.9")) == [one]
    assert feed.table(family).get(Prefix(one)) == route(one, "10.0.0.9"), "what is known is used at once"
    assert feed.table(family).get(Prefix(two)) == route(two)
    feed.end_of_rib(family)
    assert set(feed.table(family)) == {one}, "what was withdrawn meanwhile is gone"
    assert feed.changes[family] == 4


def test_withdrawals() -> None:
    feed = Feed()
    feed.session(SessionChange("127.0.0.1", True))
    feed.update(announced(Family.IPV4, "20.0.0.0/16", "0.0.0.0/0"))
    feed.end_of_rib(Family.IPV4)
    assert feed.update(withdrawn(Family.IPV4, "20.0.0.0/16", "20.9.0.0/16")) == ["20.0.0.0/16", "20.9.0.0/16"]
    assert len(feed.table(Family.IPV4)) == 0
    assert feed.table(Family.IPV4).default is not None
