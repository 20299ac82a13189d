"""What a choice was made from, packed and unpacked, gives the same choice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family, Pool
from arm.rib.hoptable import HopTable
from arm.selection.choose import choose
from arm.selection.reproducer import pack, unpack
from tests.selection.plain import TINY, Question, questions

V4, V6 = (
    tuple(universe for universe in TINY if universe.family is family) for family in (Family.IPV4, Family.IPV6)
)


def same(one: HopTable, other: HopTable) -> bool:
    return one.bits == other.bits and one.rows() == other.rows()


@settings(max_examples=12, deadline=None)
@given(questions(V4), questions(V6), st.sampled_from(("safe", "optimal")), st.integers(0, 9), st.booleans())
def test_same_choice(v4: Question, v6: Question, strategy: str, slots: int, both: bool) -> None:
    asked = [v4, v6] if both else [v6]
    demands = {each.family: replace(each.demand, minimum=1.5, local=3) for each in asked}
    pools = [
        Pool("pool.0", slots, {Family.IPV4: (1,) * 33, Family.IPV6: (2,) * 129}),
        Pool("pool.1", 4, {Family.IPV6: tuple(int(length == 64) for length in range(129))}),
    ]
    again, same_pools = unpack(pack(demands, pools))
    assert again.keys() == demands.keys()
    assert same_pools == pools
    for family, demand in demands.items():
        found = again[family]
        for name in ("fixed", "pins", "incumbents"):
            assert same(getattr(found, name), getattr(demand, name))
        assert same(found.table.routes, demand.table.routes)
        assert np.array_equal(found.table.runs.starts, demand.table.runs.starts)
        assert np.array_equal(found.table.runs.hops, demand.table.runs.hops)
        assert np.array_equal(found.keys, demand.keys)
        assert np.array_equal(found.weights, demand.weights)
        assert (found.minimum, found.local) == (demand.minimum, demand.local)
    one, other = choose(strategy, demands, pools), choose(strategy, again, same_pools)
    assert all(same(one.tables[family], other.tables[family]) for family in demands)
    assert one.prices == other.prices
