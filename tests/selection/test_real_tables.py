"""The bars that a selection has to clear on a real table, and the judge that says whether it does.

The table is needed in ARM_TEST_DATA; tests/bench/selection.py prints more of the same.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.rib.hoptable import HopTable
from tests.bench.selection_truth import Truth

BITS = 6
ADDRESSES = range(1 << BITS)

rows = st.lists(
    st.builds(
        lambda address, length, hop: (address >> (BITS - length) << (BITS - length), length, hop),
        st.integers(0, (1 << BITS) - 1),
        st.integers(0, BITS),
        st.integers(0, 2),
    ),
    max_size=12,
)


def plain(table: HopTable) -> list[int]:
    """The next hop of every address, by looking at every prefix."""
    found = []
    for address in ADDRESSES:
        covering = [
            (length, hop)
            for start, length, hop in table.rows()
            if address >> (BITS - length) == start >> (BITS - length)
        ]
        found.append(max(covering)[1] if covering else 0)
    return found


@given(rows, rows, st.lists(st.integers(1, 9), min_size=1 << BITS, max_size=1 << BITS))
def test_the_judge_equals_its_plain_twin(
    routes: list[tuple[int, int, int]], entries: list[tuple[int, int, int]], weights: list[int]
) -> None:
    full, chosen = HopTable.of(BITS, routes), HopTable.of(BITS, entries)
    truth = Truth(full, np.arange(1 << BITS, dtype=np.uint64))
    right, does = plain(full), plain(chosen)
    score = truth.score(chosen, np.array(weights, float))
    wrong = [address for address in ADDRESSES if does[address] not in (right[address], 0)]
    served = [address for address in ADDRESSES if does[address] == right[address]]
    assert score.addresses == len(wrong)
    assert score.misforwarded == pytest.approx(sum(weights[address] for address in wrong) / sum(weights))
    assert score.coverage == pytest.approx(sum(weights[address] for address in served) / sum(weights))
