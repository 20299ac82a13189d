"""Choices for several tables of the hardware, and for two families in one, against trying everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family, Pool, Prefix
from arm.rib.prefixmap import key
from arm.selection.choose import choose, upper_bound
from tests.selection.plain import IMPOSSIBLE, TINY, Question, questions
from tests.selection.universe import Universe

strategies = st.sampled_from(("safe", "optimal"))
V4, V6 = (
    tuple(universe for universe in TINY if universe.family is family) for family in (Family.IPV4, Family.IPV6)
)
every = {family: family.bits + 1 for family in Family}


def check(questions: list[Question], pools: list[Pool], strategy: str) -> dict[Family, dict[Prefix, int]]:
    """What is always true of a choice; returns the entries, of families without any safe table none."""
    demands = {question.family: question.demand for question in questions}
    choice = choose(strategy, demands, pools)
    tables = {each.family: each.words(choice.tables[each.family]) for each in questions}
    for each in questions:
        assert each.family in choice.crowded or not each.misforwarded(tables[each.family])
        assert each.family in choice.crowded or each.pins.items() <= tables[each.family].items()
    for pool in pools:
        taken = sum(pool.cost(family, key(prefix)[1]) for family in tables for prefix in tables[family])
        assert taken <= pool.slots
    return tables


def served(questions: list[Question], tables: dict[Family, dict[Prefix, int]]) -> float:
    return sum(each.served(tables[each.family]) for each in questions)


@settings(max_examples=20, deadline=None)
@given(questions(V4, incumbents=False), questions(V6, incumbents=False), strategies, st.data())
def test_one_pool_for_both_families(v4: Question, v6: Question, strategy: str, data: st.DataObject) -> None:
    """An IPv6 entry takes as many slots as the hardware says; the price decides who gets them."""
    dear, slots = data.draw(st.sampled_from((1, 2, 4))), data.draw(st.integers(0, 9))
    pool = Pool("shared", slots, {Family.IPV4: (1,) * 33, Family.IPV6: (dear,) * 129})
    tables = check([v4, v6], [pool], strategy)
    real = strategy == "safe"  # it may have no table where there is a safe one of other prefixes
    most = max(
        v4.best(real, slots=lambda _: (1,), room=(some,))
        + v6.best(real, slots=lambda _: (dear,), room=(slots - some,))
        for some in range(slots + 1)
    )
    if most > IMPOSSIBLE:
        assert served([v4, v6], tables) <= most + 1e-6
        demands = {question.family: question.demand for question in (v4, v6)}
        assert most <= upper_bound(demands, [pool]) + 1e-6


@settings(max_examples=20, deadline=None)
@given(questions(V4, incumbents=False), questions(V6, incumbents=False), strategies, st.data())
def test_a_pool_for_each_family_is_a_choice_for_each(
    v4: Question, v6: Question, strategy: str, data: st.DataObject
) -> None:
    pools = [
        Pool(family.label, data.draw(st.integers(0, 6)), {family: (1,) * every[family]}) for family in Family
    ]
    tables = check([v4, v6], pools, strategy)
    for question, pool in ((v4, pools[0]), (v6, pools[1])):
        alone = choose(strategy, {question.family: question.demand}, [pool]).tables[question.family]
        assert question.served(tables[question.family]) == pytest.approx(
            question.served(question.words(alone))
        )


@settings(max_examples=40, deadline=None)
@given(questions(incumbents=False), strategies, st.data())
def test_a_table_that_matches_one_length_only(question: Question, strategy: str, data: st.DataObject) -> None:
    """It may be that length that is cheap: then no table beats the bound with more of the longer entries."""
    universe = question.universe
    exact = universe.length + data.draw(st.integers(1, universe.bits))
    costs = tuple(int(length == exact) for length in range(every[question.family]))
    pools = [
        Pool("exact", data.draw(st.integers(0, 4)), {question.family: costs}),
        Pool("rest", data.draw(st.integers(0, 4)), {question.family: tuple(1 - cost for cost in costs)}),
    ]
    tables = check([question], pools, strategy)
    most = question.best(
        strategy == "safe",
        slots=lambda prefix: tuple(pool.cost(question.family, key(prefix)[1]) for pool in pools),
        room=tuple(pool.slots for pool in pools),
    )
    if most > IMPOSSIBLE:
        assert served([question], tables) <= most + 1e-6
        assert most <= upper_bound({question.family: question.demand}, pools) + 1e-6


def test_the_slots_of_a_shared_pool_go_where_they_carry_most() -> None:
    """Seven entries of each family, of which IPv6 carries more, but not twice as much."""
    both = []
    for universe, weight in ((V4[0], 3.0), (V6[0], 5.0)):
        routes = {universe.prefix(3, address): 1 + address % 2 for address in range(7)}
        both.append(Question(universe, routes, [weight + address / 100 for address in range(8)]))
    v4, v6 = both
    shared = Pool("shared", 9, {Family.IPV4: (1,) * 33, Family.IPV6: (2,) * 129})
    tables = check(both, [shared], "safe")
    assert (len(tables[v4.family]), len(tables[v6.family])) == (7, 1)
    shared = Pool("shared", 9, {Family.IPV4: (1,) * 33, Family.IPV6: (1,) * 129})
    tables = check(both, [shared], "safe")
    assert (len(tables[v4.family]), len(tables[v6.family])) == (2, 7)


def test_entries_of_the_length_that_has_its_own_table_take_nothing_from_the_others() -> None:
    universe = Universe(Family.IPV4, 20 << 24, 21, 3)
    routes = {universe.prefix(3, 0): 1, universe.prefix(3, 2): 2, universe.prefix(2, 4): 3}
    question = Question(universe, routes, [9.0, 1.0, 8.0, 1.0, 5.0, 5.0, 1.0, 1.0])
    exact = tuple(int(length == 24) for length in range(33))
    pools = [
        Pool("exact", 1, {Family.IPV4: exact}),
        Pool("rest", 1, {Family.IPV4: tuple(1 - cost for cost in exact)}),
    ]
    tables = check([question], pools, "safe")
    assert tables[Family.IPV4] == {universe.prefix(3, 0): 1, universe.prefix(2, 4): 3}
