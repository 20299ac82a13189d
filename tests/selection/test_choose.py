"""Whole choices on tiny universes, against trying every table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family, Pool, Prefix
from arm.rib.fulltable import RouteIndex
from arm.rib.hoptable import HopTable
from arm.selection.choose import choose, upper_bound
from arm.selection.demand import Choice, Demand
from arm.selection.steps import Room, plan
from tests.selection.plain import IMPOSSIBLE, TINY, Question, questions
from tests.selection.universe import Universe

strategies = st.sampled_from(("safe", "optimal"))


def pool(family: Family, slots: int) -> Pool:
    return Pool("all", slots, {family: (1,) * (family.bits + 1)})


def ask(strategy: str, question: Question, slots: int, discount: float = 0.0) -> Choice:
    return choose(
        strategy, {question.family: question.demand}, [pool(question.family, slots)], discount=discount
    )


def best(question: Question, slots: int, real: bool = False) -> float:
    return question.best(real, slots=lambda prefix: (1,), room=(slots,))


def at_a_corner(question: Question, slots: int, real: bool) -> float:
    """What prices alone are sure to reach: of all sizes up to `slots` the largest at which the best tables'
    worth, drawn by size, has a corner of its concave hull."""
    worth = [best(question, size, real) for size in range(2 * len(question.universe.addresses))]
    at, last = next(n for n, each in enumerate(worth) if each > IMPOSSIBLE), 0
    while at <= slots:
        last = at
        slopes = [((worth[n] - worth[at]) / (n - at), n) for n in range(at + 1, len(worth))]
        steepest, at = max(slopes)
        if steepest <= 0.0:
            break
    return worth[last]


@settings(max_examples=60, deadline=None)
@given(questions(incumbents=False), strategies, st.integers(0, 7))
def test_between_what_prices_reach_and_the_best_of_all(question: Question, strategy: str, slots: int) -> None:
    choice = ask(strategy, question, slots)
    entries = question.words(choice.tables[question.family])
    most = best(question, slots, real=strategy == "safe")
    assert len(entries) <= slots
    assert (question.family in choice.crowded) is (most == IMPOSSIBLE)
    unpinned = best(replace(question, pins={}), slots)
    if most > IMPOSSIBLE:
        assert question.pins.items() <= entries.items()
        assert question.served(entries) <= most + 1e-6
        assert question.served(entries) >= at_a_corner(question, slots, strategy == "safe") - 1e-6
    if unpinned > IMPOSSIBLE:
        assert not question.misforwarded(entries)
        bound = upper_bound({question.family: question.demand}, [pool(question.family, slots)])
        assert unpinned <= bound + 1e-6
    else:
        assert not entries


@settings(max_examples=40, deadline=None)
@given(questions(), strategies, st.integers(0, 7))
def test_same_question_same_answer(question: Question, strategy: str, slots: int) -> None:
    one, other = (ask(strategy, question, slots, discount=0.5) for _ in range(2))
    assert one.tables[question.family].rows() == other.tables[question.family].rows()
    assert (one.prices, one.crowded) == (other.prices, other.crowded)
    assert one.crowded or not question.misforwarded(question.words(one.tables[question.family]))


@settings(max_examples=30, deadline=None)
@given(questions(incumbents=False), strategies, st.integers(0, 7))
def test_no_steps_when_nothing_changed(question: Question, strategy: str, slots: int) -> None:
    pools = [pool(question.family, slots)]
    installed: dict[Prefix, int] = {}
    prices = None
    for _ in range(3):
        before = installed
        held = replace(question, incumbents=before)
        choice = choose(strategy, {question.family: held.demand}, pools, discount=0.5, prices=prices)
        installed, prices = question.words(choice.tables[question.family]), choice.prices
    assert plan(before, installed, question.family, Room(pools)) == []


@settings(max_examples=30, deadline=None)
@given(questions(given=False), strategies)
def test_nothing_where_there_is_no_room_and_nothing_to_guard(question: Question, strategy: str) -> None:
    choice = ask(strategy, question, 0)
    assert len(choice.tables[question.family]) == 0
    assert not choice.crowded


@settings(max_examples=40, deadline=None)
@given(questions(given=False), strategies, st.integers(1, 7), st.data())
def test_a_denied_route_goes_to_the_default(
    question: Question, strategy: str, slots: int, data: st.DataObject
) -> None:
    """A denial makes the route one of the default's: its addresses go nowhere else."""
    if not question.routes:
        return
    denied = data.draw(st.sampled_from(sorted(question.routes)))
    question = replace(question, routes={**question.routes, denied: 0})
    entries = question.words(ask(strategy, question, slots, 0.5).tables[question.family])
    assert not question.misforwarded(entries)
    assert entries.get(denied, 0) == 0 or strategy == "optimal"


def test_unrouted_space_and_single_addresses() -> None:
    """Down to /32 and /64, with nothing known of the rest."""
    for universe in (TINY[1], TINY[4]):
        one = universe.chains[3][0]
        question = Question(universe, {one: 2}, [1.0] * len(universe.addresses))
        for strategy in ("safe", "optimal"):
            assert question.words(ask(strategy, question, 3).tables[question.family]) == {one: 2}


def test_a_table_with_one_next_hop_for_everything() -> None:
    """The default's own prefix can be no entry, but its halves can."""
    universe = Universe(Family.IPV4, 0, 0, 3)
    question = Question(universe, {universe.prefix(0, 0): 1}, [1.0] * 8)
    found = question.words(ask("optimal", question, 2).tables[Family.IPV4])
    assert found == {Prefix("0.0.0.0/1"): 1, Prefix("128.0.0.0/1"): 1}
    assert upper_bound({Family.IPV4: question.demand}, [pool(Family.IPV4, 2)]) == pytest.approx(8.0)
    assert not ask("safe", question, 2).tables[Family.IPV4].rows()


@given(strategies, st.integers(0, 4))
def test_nothing_longer_than_a_key_is_covered(strategy: str, slots: int) -> None:
    """A host route in a /64: its neighbours cannot be told from it, so their /64 is guarded."""
    universe = Universe(Family.IPV6, 0x2A00 << 112, 62, 2)
    question = Question(universe, {universe.prefix(0, 0): 1, Prefix("2a00::1/128"): 2}, [9.0, 9.0, 9.0, 9.0])
    found = question.words(ask(strategy, question, slots).tables[Family.IPV6])
    covered = question.universe.match(found, 0)
    assert covered is None or found[covered] == 0
    assert all(found[prefix] == 1 for prefix in found if prefix != covered)
    assert len(found) >= min(slots, 2) or strategy == "safe"


@pytest.mark.parametrize("strategy", ["safe", "optimal"])
@pytest.mark.parametrize("family", Family)
def test_a_thousand_next_hops(strategy: str, family: Family) -> None:
    """Neighbouring prefixes, each with a next hop of its own, under one that has another."""
    bits = min(family.bits, 64)
    low = bits - 20
    rows = [(number << low, 20, number + 2) for number in range(1000)] + [(0, 8, 1)]
    index = RouteIndex(bits)
    index.load(HopTable.of(bits, rows))
    nothing = HopTable.of(bits, ())
    keys = np.array([start + 1 for start, _, _ in rows[:-1]] + [4000 << low], np.uint64)
    weights = np.array([*range(1, 1001), 5000.0], np.float64)
    asked = Demand(index.snapshot(), keys, weights, nothing, nothing, nothing)
    found = choose(strategy, {family: asked}, [pool(family, 300)]).tables[family]
    assert len(found) == 300
    assert set(found.hops.tolist()) >= set(range(1001, 1001 - 290, -1)), "the heaviest"
