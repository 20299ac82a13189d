"""What BIRD's table is while sessions come and go, against plain dictionaries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from arm.model import Attributes, Family, Prefix, Route
from arm.rib.feed import Feed
from arm.rib.messages import SessionChange, Update
from arm.rib.table import RouteTable

PLACES = {
    Family.IPV4: [Prefix(text) for text in ("0.0.0.0/0", "20.0.0.0/8", "20.0.0.0/9", "20.1.0.0/16")],
    Family.IPV6: [Prefix(text) for text in ("::/0", "2a00::/16", "2a00:1::/32", "2a00:1::1/128")],
}
HOPS = {Family.IPV4: ("192.0.2.1", "192.0.2.2"), Family.IPV6: ("2001:db8::1", "2001:db8::2")}
SETS = (Attributes(), Attributes(med=7))
Routes = dict[Prefix, Route]


@dataclass(slots=True)
class Twin:
    """One family. `arriving`: what this session has said so far, until it is whole."""

    serving: Routes = field(default_factory=dict)
    arriving: Routes | None = None
    changes: int = 0
    complete: bool = False

    def announce(self, route: Route) -> bool:
        """Does this change anything for who asks?"""
        self.changes += 1
        before = self.serving.get(route.prefix)
        if self.arriving is not None:
            self.arriving[route.prefix] = route
            real = [prefix for prefix in self.serving if not prefix.endswith("/0")]
            if not real and before is None:
                return False  # there is nothing to ask for
            if before is not None and before.next_hop == route.next_hop:
                return False
        self.serving[route.prefix] = route
        return True

    def withdraw(self, prefix: Prefix) -> None:
        self.changes += 1
        self.serving.pop(prefix, None)
        if self.arriving is not None:
            self.arriving.pop(prefix, None)

    def end(self) -> None:
        if self.arriving is not None:
            self.serving, self.arriving, self.complete = self.arriving, None, True


happening = st.one_of(
    st.tuples(st.just("announce"), st.integers(0, 3), st.integers(0, 1), st.integers(0, 1)),
    st.tuples(st.just("announce"), st.integers(0, 3), st.integers(0, 1), st.integers(0, 1)),
    st.tuples(st.just("withdraw"), st.integers(0, 3), st.just(0), st.just(0)),
    st.tuples(st.sampled_from(["up", "down", "end", "end"]), st.just(0), st.just(0), st.just(0)),
)


@given(st.lists(st.tuples(st.sampled_from(Family), happening), max_size=40))
def test_a_table_serves_until_the_next_one_is_whole(history: list[tuple[Family, Any]]) -> None:
    feed, twins, up = Feed(), {family: Twin() for family in Family}, False
    for family, (what, place, hop, attributes) in history:
        twin, prefix = twins[family], PLACES[family][place]
        if what == "announce":
            route = Route(prefix, HOPS[family][hop], SETS[attributes])
            update = Update("", family, False, route.attributes, ((route.next_hop, [prefix]),))
            assert list(feed.update(update)) == ([prefix] if twin.announce(route) else [])
        elif what == "withdraw":
            assert list(feed.update(Update("", family, False, SETS[0], (), (prefix,)))) == [prefix]
            twin.withdraw(prefix)
        elif what == "end":
            feed.end_of_rib(family)
            twin.end()
        else:
            up = what == "up"
            feed.session(SessionChange("", up))
            for one in twins.values():
                one.arriving = {} if up else None
        assert feed.up is up
        for each, its in twins.items():
            look(feed, each, its, up)


def look(feed: Feed, family: Family, twin: Twin, up: bool) -> None:
    def holds(table: RouteTable) -> Routes:
        routes = {prefix: route for prefix in table if (route := table.get(prefix)) is not None}
        return routes if table.default is None else {**routes, table.default.prefix: table.default}

    assert holds(feed.table(family)) == twin.serving
    tables = [twin.serving] + ([twin.arriving] if twin.arriving is not None else [])
    assert [holds(table) for table in feed.tables(family)] == tables
    assert feed.tables(family)[0] is feed.table(family)
    assert feed.learning(family) is (not up or twin.arriving is not None)
    assert (feed.arriving(family) is None) is (twin.arriving is None)
    assert feed.routes(family) == sum(not prefix.endswith("/0") for prefix in tables[-1])
    assert feed.changes[family] == twin.changes
    assert feed.complete(family) is twin.complete
