"""Rules that change or expire, in portions; and what goes through one path of a default that has several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm import family_rules
from arm.family import Valuation
from arm.model import AsPathSegment, Attributes, Family, Prefix, Route
from arm.rib.hoptable import DEFAULT
from arm.rib.indexed import IndexedTable
from arm.selection.policy import Policy, Rule, Verdict
from tests.familyworld import Around, address, neighbour, places, prefix

families = pytest.mark.parametrize("family", Family)
PLACES: list[tuple[int, ...]] = [(a, b) for a in range(1, 6) for b in range(1, 4)]
ABOVE: list[tuple[int, ...]] = [(a,) for a in range(1, 6)]
ORIGINS = (1, 2, 3)
SETS = [Attributes(as_path=(AsPathSegment("as-sequence", (number,)),)) for number in ORIGINS]


@pytest.fixture(autouse=True, scope="module")
def small_portions() -> Iterator[None]:
    """So that the few routes of a test are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(family_rules, "LOOKED", 4)
        patch.setattr(family_rules, "CHANGED", 2)
        patch.setattr(family_rules, "PART", 2)
        yield


class Counting(Policy):
    """Knows how often it was asked."""

    asked = 0

    def judge(self, route: Route, now: float) -> Verdict:
        self.asked += 1
        return super().judge(route, now)


rules = st.one_of(
    st.builds(lambda n: ("prefix", n), st.integers(0, len(PLACES) - 1)),
    st.builds(lambda n: ("asn", n), st.sampled_from(ORIGINS)),
)
written = st.lists(st.tuples(rules, st.none() | st.integers(1, 40)), max_size=3)
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("announce"), st.integers(0, len(PLACES) - 1), st.integers(1, 3), st.integers(0, 2)),
        st.tuples(st.just("announce"), st.integers(0, len(PLACES) - 1), st.integers(1, 3), st.integers(0, 2)),
        st.tuples(st.just("withdraw"), st.integers(0, len(PLACES) - 1), st.just(0), st.just(0)),
        st.tuples(st.just("fix"), st.integers(0, len(PLACES) - 1), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("rules"), written, written),
        st.tuples(st.just("tick"), st.integers(0, 9)),
        st.tuples(st.just("fresh"), st.just(0)),
    ),
    max_size=40,
)


@dataclass(slots=True)
class Twin:
    """By single routes."""

    family: Family
    routes: dict[Prefix, tuple[int, int]] = field(default_factory=dict)  # neighbour, origin
    pins: list[Rule] = field(default_factory=list)
    denials: list[Rule] = field(default_factory=list)

    def says(self, where: Prefix, time: float) -> str:
        def matches(rules: list[Rule]) -> bool:
            alive = [each for each in rules if each.until is None or each.until > time]
            origin = self.routes[where][1]
            return any(each.prefix == where or each.asn == origin for each in alive)

        return "denied" if matches(self.denials) else "pinned" if matches(self.pins) else "free"


def made(family: Family, drawn: list[tuple[tuple[str, int], int | None]]) -> list[Rule]:
    found = []
    for (what, number), until in drawn:
        if what == "prefix":
            found.append(Rule(prefix=prefix(family, *PLACES[number]), until=until))
        else:
            found.append(Rule(asn=number, until=until))
    return found


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(Family), happenings)
def test_in_the_end_every_route_is_what_the_rules_say(family: Family, history: list[tuple[Any, ...]]) -> None:
    """However rules, routes, fixed entries and whole tables change meanwhile."""
    around, twin = Around(family), Twin(family)
    around.refresh()
    for happening in history:
        what, values = happening[0], happening[1:]
        if what == "announce":
            place, number, origin = values
            where = prefix(family, *PLACES[place])
            around.announce(where, number, SETS[origin])
            twin.routes[where] = number, ORIGINS[origin]
        elif what == "withdraw":
            where = prefix(family, *PLACES[values[0]])
            around.table.remove(where)
            twin.routes.pop(where, None)
        elif what == "fix":
            where = prefix(family, *PLACES[values[0]])
            if values[1]:
                around.fixed[where] = (neighbour(family, values[1]),)
            else:
                around.fixed.pop(where, None)
        elif what == "rules":
            twin.pins, twin.denials = (made(family, each) for each in values)
            other = next(each for each in Family if each is not family)  # rules are for both
            foreign = [Rule(prefix=prefix(other, *PLACES[0])), Rule(prefix=prefix(other, *PLACES[-1]))]
            around.loop.configure(
                Valuation(60.0), Policy([*twin.pins, foreign[0]], [*twin.denials, foreign[1]])
            )
        elif what == "fresh":
            table = IndexedTable(family)
            for where in twin.routes:
                route = around.table.get(where)
                assert route is not None
                table.set(route)
            around.loop.settle(table, around.time)
            around.table = table
        else:
            around.time += values[0]
            around.refresh()
    for _ in range(80):
        around.refresh()
    demand = around.loop.demand(around.loop.incumbents(()))
    verdicts = {where: twin.says(where, around.time) for where in twin.routes if where not in around.fixed}
    assert set(places(demand.pins, family)) == {w for w, verdict in verdicts.items() if verdict == "pinned"}
    for where, verdict in verdicts.items():
        assert around.does(where) == [DEFAULT if verdict == "denied" else around.hop(twin.routes[where][0])]
    for where in around.fixed:
        assert around.does(where) == [around.loop.hop(around.fixed[where])]


@families
def test_no_tick_asks_about_more_than_a_portion_and_what_matters_comes_first(family: Family) -> None:
    around = Around(family)
    everywhere = [prefix(family, *place) for place in (*PLACES, *ABOVE)]
    for where in everywhere:
        around.announce(where, 2, SETS[0])
    named, installed, busy = everywhere[13], everywhere[9], everywhere[11]
    around.refresh()
    around.install(installed, 2)
    around.measure({address(busy): 1000}, 0.0)
    around.refresh()
    policy = Counting([Rule(prefix=named)], [Rule(asn=ORIGINS[0]), Rule(prefix=named)])
    around.loop.configure(Valuation(60.0), policy)
    order: list[Prefix] = []
    for _ in range(200):
        before, policy.asked = policy.asked, 0
        around.refresh()
        assert policy.asked <= 4 + 2 + 2 * 3, "those looked at, and those that changed once more"
        order += [each for each in everywhere if around.does(each) == [DEFAULT] and each not in order]
    assert set(order[:3]) == {named, installed, busy}
    assert len(order) == len(everywhere)
    assert before == policy.asked == 0, "all have been asked about"


@families
def test_rules_that_are_gone_need_no_look_at_the_table(family: Family) -> None:
    around = Around(family, policy=Policy([], [Rule(asn=ORIGINS[0])]))
    for place in PLACES:
        around.announce(prefix(family, *place), 2, SETS[place == (1, 1)])
    around.refresh()
    denied = [prefix(family, *place) for place in PLACES if place != (1, 1)]
    assert around.does(*denied) == [DEFAULT] * len(denied)
    around.loop.configure(Valuation(60.0), Policy())
    for _ in range(len(denied)):
        around.refresh()
    assert around.does(*denied) == [around.hop(2)] * len(denied)


paths = st.tuples(
    st.sampled_from(["route", "route", "withdraw", "kernel", "gone", "default", "fresh"]),
    st.integers(0, 1),
    st.sampled_from([{1}, {2}, {1, 2}, {1, 2, 3}]),
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(Family), st.lists(paths, max_size=25))
def test_one_path_of_the_default_is_the_default_unless_the_route_goes_there(
    family: Family, history: list[tuple[str, int, set[int]]]
) -> None:
    """BIRD resolves a guard through one path of the default, and so the kernel shows it."""
    around, routes, default = Around(family), dict[Prefix, int](), {1, 2}
    around.default = around.shown(family.default, *default)
    kernel = {prefix(family, place): {place} for place in (1, 2)}
    for where in kernel:
        around.install(where, *kernel[where])
    around.refresh()
    for what, place, numbers in history:
        where, number = prefix(family, place + 1), min(numbers)
        if what == "route":
            around.announce(where, number)
            routes[where] = number
        elif what == "withdraw":
            around.table.remove(where)
            routes.pop(where, None)
        elif what == "kernel":
            around.install(where, *numbers)
            kernel[where] = numbers
        elif what == "gone":
            around.loop.kernel(where, None)
            kernel.pop(where, None)
        elif what == "default":
            around.default, default = around.shown(family.default, *numbers), numbers
        else:
            table = IndexedTable(family)  # arrives with a route more or less, then serves
            routes = (
                {**routes, where: number} if number == 1 else {p: n for p, n in routes.items() if p != where}
            )
            for each, hop in routes.items():
                table.set(Route(each, neighbour(family, hop), Attributes()))
            around.loop.settle(table, around.time)
            around.refresh()
            around.table = table
        around.refresh()
        shown = places(around.loop.installed.routes, family)
        assert shown.keys() == kernel.keys()
        for each, through in kernel.items():
            follows = through == default or (through < default and {routes.get(each)} != through)
            assert shown[each] == (DEFAULT if follows else around.hop(*through))
