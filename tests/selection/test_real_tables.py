"""The bars that a selection has to clear on a real table, and the judge that says whether it does.

The table is needed in ARM_TEST_DATA; tests/bench/selection.py prints more of the same.
"""

from __future__ import annotations

import os
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.rib.hoptable import HopTable
from arm.selection.demand import Demand
from tests.bench.scenario import Scenario, scenario
from tests.bench.selection_product import NEVER_MISFORWARD, ask, bound, demand, index
from tests.bench.selection_truth import Score, Truth

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


# --- the bars -----------------------------------------------------------------------------------------

ENTRIES = 20_000

real = pytest.mark.skipif("ARM_TEST_DATA" not in os.environ, reason="needs the tables of ARM_TEST_DATA")


@cache
def made() -> Scenario:
    return scenario("2016")


@cache
def wanted() -> Demand:
    return demand(index(made().table).snapshot(), made().traffic.keys, made().traffic.weights)


@cache
def score(strategy: str, entries: int = ENTRIES) -> Score:
    """What ARM's choice is worth."""
    asked = ask(strategy, made().family, wanted(), entries)
    assert len(asked.entries) <= entries
    return made().truth.score(asked.entries, made().traffic.weights)


@real
def test_the_scenario_is_the_one_that_the_bars_come_from() -> None:
    heaviest = made().truth.score(made().top(ENTRIES), made().traffic.weights)
    assert round(100 * heaviest.coverage, 2) == 90.63
    assert heaviest.addresses == 927_954


@real
@pytest.mark.parametrize("strategy", NEVER_MISFORWARD)
def test_no_address_is_misforwarded(strategy: str) -> None:
    assert score("top").addresses > 0  # else there is nothing to show here
    assert score(strategy).addresses == 0
    assert score(strategy).misforwarded == 0


@real
def test_safe_serves_as_much_as_it_should() -> None:
    assert score("safe").coverage >= 0.953


@real
def test_optimal_serves_all_that_any_table_could() -> None:
    assert score("optimal").coverage >= 0.969
    assert -1e-9 <= bound(made().family, wanted(), ENTRIES) - score("optimal").coverage <= 0.0005


@real
def test_optimal_serves_more_with_a_quarter_of_the_entries_than_top() -> None:
    assert score("optimal", ENTRIES // 4).coverage >= score("top").coverage
