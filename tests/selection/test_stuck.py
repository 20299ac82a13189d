"""Where nothing fits as it is: families for which there is no table, regions that wait for each other."""

from __future__ import annotations

import numpy as np
import pytest

from arm.model import Family, Pool, Prefix
from arm.rib.fulltable import RouteIndex
from arm.rib.hoptable import HopTable
from arm.rib.prefixmap import key
from arm.selection.choose import choose
from arm.selection.demand import Demand
from arm.selection.steps import Room, plan

V4, V6 = Family.IPV4, Family.IPV6


def demand(family: Family, fixed: bool = False, pins: int = 0) -> Demand:
    """Three /16s below a /8 that BGP does not have; `fixed`: others have that /8 in the FIB, and it leads
    elsewhere, so that each /16 needs an entry."""
    bits = min(family.bits, 64)
    rows = [(number << (bits - 16), 16, number + 1) for number in range(1, 4)]
    top = (0, 8, 9)
    index = RouteIndex(bits)
    index.load(HopTable.of(bits, [top, *rows] if fixed else rows))
    nothing = HopTable.of(bits, ())
    keys = np.array([start + 5 for start, _, _ in rows], np.uint64)
    return Demand(
        index.snapshot(),
        keys,
        np.array([3.0, 2.0, 1.0]),
        HopTable.of(bits, [top]) if fixed else nothing,
        HopTable.of(bits, rows[:pins]),
        nothing,
    )


def family_pools(v4: int, v6: int) -> list[Pool]:
    return [Pool("v4", v4, {V4: (1,) * 33}), Pool("v6", v6, {V6: (1,) * 129})]


@pytest.mark.parametrize(("strategy", "slots"), [("safe", 2), ("optimal", 0)])
def test_too_much_to_guard_is_one_family_s_trouble(strategy: str, slots: int) -> None:
    """`optimal` needs no more than one guard for all three."""
    demands = {V4: demand(V4, fixed=True), V6: demand(V6)}
    choice = choose(strategy, demands, family_pools(slots, 2))
    assert choice.crowded == {V4}
    assert not len(choice.tables[V4])
    assert sorted(choice.tables[V6].hops.tolist()) == [2, 3]


@pytest.mark.parametrize("strategy", ["safe", "optimal"])
def test_too_many_pins_are_left_out_and_the_rest_is_chosen(strategy: str) -> None:
    demands = {V4: demand(V4, pins=3), V6: demand(V6, pins=1)}
    choice = choose(strategy, demands, family_pools(2, 2))
    assert choice.crowded == {V4}
    assert sorted(choice.tables[V4].hops.tolist()) == [2, 3]
    assert sorted(choice.tables[V6].hops.tolist()) == [2, 3]


@pytest.mark.parametrize("strategy", ["safe", "optimal"])
def test_with_just_enough_room_all_is_guarded(strategy: str) -> None:
    choice = choose(strategy, {V4: demand(V4, fixed=True)}, family_pools(3, 0)[:1])
    assert not choice.crowded
    assert choice.tables[V4].rows() == [row for row in demand(V4).table.routes.rows() if row[1] == 16]


def test_regions_that_need_each_other_s_room_go_together() -> None:
    """Each gives what the other takes, and both tables are full."""
    pools = tuple(
        Pool(name, 1, {V4: tuple(int(length == at) for length in range(33))})
        for name, at in (("short", 8), ("long", 9))
    )
    old = {Prefix("20.0.0.0/8"): 1, Prefix("30.0.0.0/9"): 2}
    new = {Prefix("20.0.0.0/9"): 1, Prefix("30.0.0.0/8"): 2}
    table = dict(old)
    for step in plan(old, new, V4, Room(pools)):
        if step.value is None:
            del table[step.prefix]
        else:
            table[step.prefix] = step.value
        for pool in pools:
            assert sum(pool.cost(V4, key(prefix)[1]) for prefix in table) <= pool.slots
    assert table == new
