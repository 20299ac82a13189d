"""Traffic that cannot wait for the next choice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.rib.hoptable import DEFAULT, MIXED, HopTable
from arm.rib.paint import flatten
from arm.traffic.newcomers import LIGHT, SURE, Weighed, light, newcomers

BITS = 32
PLACES = range(4)  # blocks, of which the last two are in one entry
hops = st.sampled_from([MIXED, DEFAULT, 1, 2])
weights = st.integers(0, 40)
before = st.dictionaries(st.sampled_from(PLACES), st.tuples(hops, weights))
now = st.dictionaries(st.sampled_from(PLACES), st.tuples(hops, weights))


def block(place: int) -> int:
    return (10 << 24) + (place << 8)


def entries(does: dict[int, int]) -> HopTable:
    """By place: 0 and 1 for themselves, 2 for both of the last."""
    lengths = {0: 24, 1: 24, 2: 23}
    return HopTable.of(BITS, ((block(place), lengths[place], hop) for place, hop in does.items()))


@given(
    before,
    now,
    st.dictionaries(st.sampled_from([0, 1, 2]), st.integers(0, 2)),
    st.integers(0, 10),
    st.integers(1, 30),
)
def test_against_its_plain_twin(
    known: dict[int, tuple[int, int]],
    seen: dict[int, tuple[int, int]],
    does: dict[int, int],
    least: int,
    notable: int,
) -> None:
    bar = max(SURE * least, notable)
    expected = False
    for place, (hop, weight) in seen.items():
        had = known.get(place, (hop, 0))
        gain = weight - had[1] if had[0] == hop else weight
        chosen = does.get(min(place, 2), DEFAULT)
        expected |= hop not in (DEFAULT, MIXED, chosen) and gain >= bar
    was, are = sorted(known), sorted(seen)
    weighed = Weighed(
        np.array([block(place) for place in was], np.uint64),
        np.array([known[place][0] for place in was], np.int32),
        np.array([known[place][1] for place in was], float),
        flatten(entries(does)),
        float(least),
    )
    blocks = np.array([block(place) for place in are], np.uint64)
    wanted = np.array([seen[place][0] for place in are], np.int32)
    now_worth = np.array([seen[place][1] for place in are], float)
    given_worth = now_worth.copy()
    assert newcomers(weighed, blocks + np.uint64(7), blocks, wanted, given_worth, float(notable)) == expected
    assert (given_worth == now_worth).all(), "what was given stays as it was"


def test_light_entries() -> None:
    assert light(np.empty(0)) == 0.0
    assert light(np.arange(101.0)) == pytest.approx(100 * LIGHT)
