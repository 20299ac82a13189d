"""The judge of `arm simulate` against a plain twin that looks at every address by itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import Family
from arm.rib.prefixmap import Key
from arm.simulate_files import Routes, Weights
from arm.simulate_judge import Judge, Verdict, flatten
from tests.simulate.build import UNIVERSES, Universe

ANYWHERE = st.sampled_from(UNIVERSES)


@given(ANYWHERE, st.data())
def test_flattened_is_the_longest_match_of_every_address(where: Universe, data: st.DataObject) -> None:
    table = data.draw(where.routes())
    segments = flatten(where.family, table)
    blocks = where.blocks()
    outside = [0, blocks[0] - 1, blocks[-1] + where.size, (1 << where.family.bits) - 1]
    for address in (*blocks, *(block + where.size - 1 for block in blocks), *outside):
        assert segments.hop(address) == where.hop(address, table)
    assert segments.starts == sorted(set(segments.starts))


def plain(where: Universe, table: Routes, fixed: Routes, weights: Weights, entries: Routes) -> Verdict:
    """Block by block."""
    everything = {**table, **fixed}
    installed = {**entries, **fixed}
    right = wrong = 0.0
    astray = 0
    hidden: set[Key | None] = set()
    for block in where.blocks():
        wanted, done = where.hop(block, everything), where.hop(block, installed)
        weight = weights.get(block, 0.0)
        if done == wanted:
            right += weight
        elif done != 0:
            wrong += weight
            astray += where.size
            hidden.add(where.longest(block, everything))
    total = sum(weights.values())
    return Verdict(
        right / total if total else None, wrong / total if total else None, astray, len(hidden & set(table))
    )


@given(ANYWHERE, st.data())
def test_equals_the_plain_twin(where: Universe, data: st.DataObject) -> None:
    table, fixed, entries = (data.draw(where.routes()) for _ in range(3))
    weights = data.draw(st.dictionaries(st.sampled_from(where.blocks()), st.integers(0, 9).map(float)))
    judge = Judge(where.family, table, fixed, weights)
    assert judge.judge(entries) == plain(where, table, fixed, weights, entries)


@pytest.mark.parametrize("family", list(Family))
def test_the_whole_address_space(family: Family) -> None:
    half: Key = (1 << (family.bits - 1), 1)
    last: Key = ((1 << family.bits) - 1, family.bits)
    judge = Judge(family, {(0, 0): 1, last: 2}, {}, {0: 1.0, last[0]: 3.0})
    assert judge.judge({}) == Verdict(0.0, 0.0, 0, 0)
    assert judge.judge({half: 1}) == Verdict(0.0, 0.75, 1, 1)
    assert judge.judge({(0, 1): 2}) == Verdict(0.0, 0.25, half[0], 1), "the default route is hidden too"
    assert judge.judge({(0, 1): 1, half: 1, last: 2}) == Verdict(1.0, 0.0, 0, 0)


@pytest.mark.parametrize("family", list(Family))
def test_unrouted_space_has_addresses_but_no_prefix_to_hide(family: Family) -> None:
    judge = Judge(family, {}, {}, {5: 1.0})
    assert judge.judge({(0, 8): 1}) == Verdict(0.0, 1.0, 1 << (family.bits - 8), 0)
