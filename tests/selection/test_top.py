"""Strategy `top` against a plain twin."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from arm.model import Family, Pool
from arm.rib.fulltable import RouteIndex
from arm.rib.hoptable import HopTable
from arm.selection import top
from arm.selection.demand import Demand

families = st.sampled_from(Family)
places = st.sets(st.integers(0, 7))
weights = st.lists(st.sampled_from((0.0, 1.0, 2.0, 3.5, 8.0)), min_size=8, max_size=8)


def demand(
    family: Family, carried: list[float], incumbents: set[int], minimum: float, pins: Set[int] = frozenset()
) -> Demand:
    """Eight /16s side by side, each with a next hop of its own and one address that has traffic."""
    bits = min(family.bits, 64)
    rows = [(number << (bits - 16), 16, number + 1) for number in range(8)]
    index = RouteIndex(bits)
    index.load(HopTable.of(bits, rows))
    nothing = HopTable.of(bits, ())
    held = HopTable.of(bits, [rows[number] for number in incumbents])
    keys = np.array([start + 5 for start, _, _ in rows], np.uint64)
    pinned = HopTable.of(bits, [rows[number] for number in pins])
    return Demand(index.snapshot(), keys, np.array(carried), nothing, pinned, held, minimum)


@given(families, weights, places, st.integers(0, 9), st.sampled_from((0.0, 2.0)), places)
def test_equals_the_plain_twin(
    family: Family, carried: list[float], incumbents: set[int], room: int, minimum: float, pins: set[int]
) -> None:
    asked = demand(family, carried, incumbents, minimum, pins)
    pool = Pool("routes", room, {family: (1,) * (family.bits + 1)})
    found = top.heaviest({family: asked}, [pool], [room], 0.5)[family]
    scores = {
        n: weight / (0.5 if n in incumbents else 1.0)
        for n, weight in enumerate(carried)
        if weight > 0 and weight >= minimum
    } | dict.fromkeys(pins, float("inf"))
    order = sorted(scores, key=lambda n: (-scores[n], n not in incumbents, n))[:room]
    assert sorted(found.hops.tolist()) == sorted(n + 1 for n in order)


def test_a_pool_that_two_families_share_goes_to_what_carries_most_per_slot() -> None:
    loads = {Family.IPV4: [3.0] * 8, Family.IPV6: [4.0] * 8}
    demands = {family: demand(family, loads[family], set(), 0.0) for family in Family}
    pool = Pool("shared", 10, {Family.IPV4: (1,) * 33, Family.IPV6: (2,) * 129})
    found = top.heaviest(demands, [pool], [10], 0.0)
    assert (len(found[Family.IPV4]), len(found[Family.IPV6])) == (8, 1)
