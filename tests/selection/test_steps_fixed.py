"""Steps under entries that others have in the FIB: what nothing of ours covers goes where these say."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family, Pool, Prefix
from arm.rib.prefixmap import PrefixMap, key
from arm.selection.steps import Room, Step, plan
from tests.selection.test_steps import another_order, apply
from tests.selection.universe import HOPS, Universe, universes


@dataclass(frozen=True)
class Case:
    universe: Universe
    truth: list[int]
    fixed: PrefixMap[int]
    old: dict[Prefix, int]
    new: dict[Prefix, int]
    pools: list[Pool]

    def steps(self) -> list[Step[int]]:
        return plan(self.old, self.new, self.universe.family, Room(self.pools), fixed=self.fixed)

    def wrong(self, table: dict[Prefix, int]) -> list[int]:
        return self.universe.misforwarded({**table, **self.fixed}, self.truth)

    def fits(self, table: dict[Prefix, int]) -> bool:
        return all(self.used(pool, table) <= pool.slots for pool in self.pools)

    def used(self, pool: Pool, table: dict[Prefix, int]) -> int:
        return sum(pool.cost(self.universe.family, key(prefix)[1]) for prefix in table)

    def tied(self, prefix: Prefix) -> bool:
        """Without our entries another next hop than the default decides."""
        return next((hop for _, hop in self.fixed.covering(prefix)), 0) != 0


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Two tables that are safe under some fixed entries, and pools that hold either with little to spare."""
    universe = draw(universes)
    prefixes = st.sampled_from(universe.prefixes)
    routes = draw(st.dictionaries(prefixes, st.integers(0, HOPS), max_size=6))
    fixed = draw(st.dictionaries(prefixes, st.integers(0, HOPS), min_size=1, max_size=3))
    truth = universe.forward({**routes, **fixed})
    picks = st.lists(st.tuples(prefixes, st.integers(0, 3)), max_size=10, unique_by=lambda pick: pick[0])
    old = universe.safe(draw(picks), truth, fixed=fixed)
    kept = [pick for pick in old.items() if draw(st.booleans())] if draw(st.booleans()) else []
    new = universe.safe(kept + draw(picks), truth, keep=old, fixed=fixed)
    costs = draw(st.sampled_from(([[1]], [[1], [0, 1, 2]])))
    case = Case(universe, truth, PrefixMap(universe.family, fixed), old, new, [])
    for number, cost in enumerate(costs):
        by_length = tuple(cost[n % len(cost)] for n in range(universe.family.bits + 1))
        pool = Pool(str(number), 0, {universe.family: by_length})
        least = max(case.used(pool, old), case.used(pool, new))
        case.pools.append(Pool(pool.name, least + draw(st.integers(0, 1)), pool.costs))
    return case


@settings(max_examples=300, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_every_table_between_is_safe_and_fits(case: Case, pick: random.Random) -> None:
    steps = case.steps()
    assert not case.wrong(case.old)
    assert not case.wrong(case.new)
    final = case.old
    for final in apply(case.old, steps):
        assert not case.wrong(final)
        assert case.fits(final)
    left_out = [prefix for prefix in {**final, **case.new} if final.get(prefix) != case.new.get(prefix)]
    untied = {prefix: case.new.get(prefix) for prefix in left_out if not case.tied(prefix)}
    if untied:
        whole = {prefix: hop for prefix, hop in {**final, **untied}.items() if hop is not None}
        assert len(untied) < len(left_out), "left out for no reason"
        assert not case.fits(whole), "there is room for it"
    for other in apply(case.old, another_order(steps, pick)):
        assert not case.wrong(other)
        last = other
    assert not steps or last == final


ABOVE = Prefix("20.0.0.0/8")
OLD = {Prefix("20.0.0.0/9"): 0}
NEW = {Prefix("20.0.0.0/10"): 0, Prefix("20.64.0.0/10"): 2}  # one more
ELSEWHERE = {Prefix("30.0.0.0/16"): 1, Prefix("40.0.0.0/8"): 1, Prefix("40.0.0.0/16"): 2}


def told(others: dict[Prefix, int], slots: int, hop: int) -> list[tuple[Prefix, int | None]]:
    """The steps from OLD to NEW under a fixed entry, next to entries that stay."""
    fixed = PrefixMap(Family.IPV4, {ABOVE: hop})
    room = Room([Pool("all", slots, {Family.IPV4: (1,) * 33})])
    steps = plan({**others, **OLD}, {**others, **NEW}, Family.IPV4, room, fixed=fixed)
    return [(step.prefix, step.value) for step in steps]


STRAIGHT = [*sorted(NEW.items()), *((prefix, None) for prefix in OLD)]


def test_the_least_important_entry_elsewhere_makes_room() -> None:
    first, *between, last = told(dict(list(ELSEWHERE.items())[:1]), 3, hop=1)
    assert (first, between, last) == ((Prefix("30.0.0.0/16"), None), STRAIGHT, (Prefix("30.0.0.0/16"), 1))


def test_what_makes_room_goes_from_the_top_down_and_comes_back_from_below() -> None:
    others = dict(list(ELSEWHERE.items())[1:])
    found = told(others, 4, hop=1)
    gone = [(prefix, None) for prefix in others]
    assert found == [gone[0], *STRAIGHT, (Prefix("40.0.0.0/8"), 1)]
    others = dict(reversed(others.items()))  # now the one above is the more important one
    assert told(others, 4, hop=1) == [gone[0], *STRAIGHT, (Prefix("40.0.0.0/8"), 1)]


def test_what_makes_room_comes_back_when_there_is_room_again() -> None:
    fixed = PrefixMap(Family.IPV4, {ABOVE: 1})
    others = dict(list(ELSEWHERE.items())[:1])
    room = Room([Pool("all", 3, {Family.IPV4: (1,) * 33})])
    steps = plan({**others, **OLD}, {**others, **NEW}, Family.IPV4, room, fixed=fixed)
    assert steps[-1].after >= {*OLD, *NEW}


def test_a_detour_of_its_own_where_the_fixed_entry_follows_the_default() -> None:
    assert told(ELSEWHERE, 5, hop=0) == [(Prefix("20.0.0.0/9"), None), *reversed(NEW.items())]


def test_what_is_left_out_keeps_its_room() -> None:
    """All that could make room is below a change, so the entries under the fixed one have to stay for now."""
    fixed = PrefixMap(Family.IPV4, {Prefix("20.128.0.0/10"): 1})
    stays = {Prefix("20.0.0.0/12"): 2}
    old = {**stays, Prefix("20.128.0.0/12"): 1, Prefix("20.128.0.0/11"): 1}
    new = {**stays, Prefix("20.0.0.0/8"): 0, Prefix("20.144.0.0/12"): 1}
    room = Room([Pool("all", 3, {Family.IPV4: (1,) * 33})])
    assert plan(old, new, Family.IPV4, room, fixed=fixed) == []


def test_no_step_where_nothing_can_make_room() -> None:
    assert told({}, 2, hop=1) == []
    assert told({Prefix("20.128.0.0/9"): 0}, 3, hop=1) == [], "tied as well"
    assert told({}, 3, hop=1) == STRAIGHT
