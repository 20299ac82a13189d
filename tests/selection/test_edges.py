"""What the strategies, plans and rules do where one more or less would decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arm.model import Attributes, Family, Pool, Prefix, Route
from arm.rib.fulltable import RouteIndex
from arm.rib.hoptable import HopTable
from arm.selection import top
from arm.selection.check import misforwarded
from arm.selection.choose import choose, upper_bound
from arm.selection.demand import Demand
from arm.selection.policy import Policy, Rule
from arm.selection.steps import Room, plan

V4, V6 = Family.IPV4, Family.IPV6


def demand(family: Family, weights: list[float], routes: list[tuple[int, int, int]] | None = None) -> Demand:
    """A /16 for each weight, with a next hop of its own, and other routes."""
    bits = min(family.bits, 64)
    rows = [(number << (bits - 16), 16, number + 1) for number in range(1, len(weights) + 1)]
    index = RouteIndex(bits)
    index.load(HopTable.of(bits, sorted([*rows, *(routes or [])])))
    nothing = HopTable.of(bits, ())
    keys = np.array([start + 5 for start, _, _ in rows], np.uint64)
    return Demand(index.snapshot(), keys, np.array(weights), nothing, nothing, nothing)


def pool(name: str, slots: int, v4: int = 1, v6: int = 1) -> Pool:
    return Pool(name, slots, {V4: (v4,) * 33, V6: (v6,) * 129})


@pytest.mark.parametrize("strategy", ["top", "safe", "optimal"])
def test_the_default_route_is_never_chosen(strategy: str) -> None:
    """It may be in BIRD's table like any other, and carry most."""
    asked = demand(V4, [1.0, 2.0], [(0, 0, 9)])
    asked = replace(
        asked, keys=np.append(asked.keys, np.uint64(200 << 24)), weights=np.array([1.0, 2.0, 99.0])
    )
    entries = choose(strategy, {V4: asked}, [pool("all", 8)]).tables[V4]
    assert 0 not in entries.lengths.tolist()
    assert {2, 3} <= set(entries.hops.tolist())


@pytest.mark.parametrize("strategy", ["top", "safe", "optimal"])
def test_what_is_below_the_minimum_is_left_out_though_there_is_room(strategy: str) -> None:
    asked = replace(demand(V4, [1.0, 2.0, 3.0, 0.0]), minimum=2.0)
    entries = choose(strategy, {V4: asked}, [pool("all", 8)]).tables[V4]
    assert sorted(entries.hops.tolist()) == [3, 4]


@pytest.mark.parametrize("strategy", ["safe", "optimal"])
def test_what_others_have_in_the_fib_is_not_chosen_as_well(strategy: str) -> None:
    """It leads where the table says, so no traffic of it is left to serve."""
    asked = demand(V4, [9.0, 1.0])
    theirs = asked.table.routes.take(np.array([True, False]))
    asked = replace(asked, fixed=theirs)
    entries = choose(strategy, {V4: asked}, [pool("all", 8)]).tables[V4]
    assert entries.rows() == asked.table.routes.rows()[1:]


@pytest.mark.parametrize("start", [0, 1 << 31, (1 << 32) - 1])
def test_the_first_and_the_last_address_are_looked_at(start: int) -> None:
    asked = demand(V4, [1.0])
    entries = HopTable.of(32, [(start, 32, 9)])
    wrong = misforwarded(entries, asked.table, asked.fixed)
    assert (wrong.firsts.tolist(), wrong.lasts.tolist(), wrong.keys) == ([start], [start], 1)


def test_top_fills_with_what_is_small_when_the_next_best_is_too_large() -> None:
    demands = {V4: demand(V4, [1.0, 1.0]), V6: demand(V6, [40.0, 30.0, 20.0])}
    found = top.heaviest(demands, [pool("shared", 6, v6=4)], [6], 0.0)
    assert (len(found[V4]), len(found[V6])) == (2, 1)


def test_the_bound_is_below_all_traffic_where_there_is_no_room_for_all() -> None:
    asked = {V4: demand(V4, [8.0, 4.0, 2.0, 1.0])}
    for slots, most in ((0, 0.0), (1, 8.0), (2, 12.0), (3, 14.0), (4, 15.0), (9, 15.0)):
        assert upper_bound(asked, [pool("all", slots)]) == pytest.approx(most, abs=1e-6)


def test_an_installed_entry_is_cheaper_only_with_the_next_hop_that_it_has() -> None:
    """Two prefixes, room for one. What is installed stays until the other is worth twice as much; but not if
    it leads elsewhere than it should, as that is not worth keeping."""
    asked = demand(V4, [3.0, 4.0])
    first, second = asked.table.routes.rows()
    for strategy in ("safe", "optimal"):
        for held, chosen in (((*first[:2], first[2]), first), ((*first[:2], 7), second)):
            now = replace(asked, incumbents=HopTable.of(32, [held]))
            found = choose(strategy, {V4: now}, [pool("all", 1)], discount=0.5).tables[V4]
            assert found.rows() == [chosen], (strategy, held)


def test_of_changes_that_cost_the_same_those_come_first_that_matter_most() -> None:
    """A region comes as early as the most important of its changes, not the least."""
    new = {Prefix("20.0.0.0/8"): 1, Prefix("30.0.0.0/8"): 1, Prefix("20.1.0.0/16"): 2}
    steps = plan({}, new, V4, Room((pool("all", 3),)))
    assert [step.prefix for step in steps] == ["20.1.0.0/16", "20.0.0.0/8", "30.0.0.0/8"]


def test_what_others_hold_of_a_pool_is_not_free() -> None:
    """Two entries for one take three slots for a moment. If somebody else has one of three, the old one goes
    first."""
    old = {Prefix("20.0.0.0/8"): 1}
    new = {Prefix("20.0.0.0/9"): 1, Prefix("20.128.0.0/9"): 2}
    straight = plan(old, new, V4, Room((pool("all", 3),)))
    assert [step.value for step in straight] == [1, 2, None]
    tight = plan(old, new, V4, Room((pool("all", 3),), {"all": 1}))
    assert tight[0].value is None


def test_at_the_moment_a_rule_ends_verdicts_are_remembered_again() -> None:
    policy = Policy([Rule(asn=3, until=10.0), Rule(asn=4)])
    attributes = [Attributes(), Attributes(med=1)]
    routes = [Route(Prefix("20.0.0.0/8"), "192.0.2.1", each) for each in attributes]
    for now in (9.0, 10.0, 10.0):
        for route in routes:
            policy.judge(route, now)
        assert policy.remembered == 2
