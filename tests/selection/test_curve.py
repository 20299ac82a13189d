"""Coverage by number of entries, on tiny universes against trying every table."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Pool
from arm.selection.curve import curve, numbers
from arm.selection.top import heaviest
from tests.selection.plain import IMPOSSIBLE, Question, questions

COUNTS = [1, 2, 4, 8]


@settings(max_examples=10, deadline=None)
@given(questions(incumbents=False))
def test_between_what_is_real_and_what_is_possible(question: Question) -> None:
    total = sum(question.weights)
    drawn = curve(question.family, question.demand, COUNTS)
    if total == 0.0:
        assert drawn.entries == ()
        return
    assert drawn.entries == tuple(COUNTS)
    for at, count in enumerate(COUNTS):
        for strategy, real in (("safe", True), ("optimal", False)):
            most = question.best(real, slots=lambda prefix: (1,), room=(count,))
            share = drawn.strategies[strategy][at]
            assert (share is None) is (most == IMPOSSIBLE)
            if share is not None:
                assert share * total <= most + 1e-6
                assert share <= drawn.bound[at] + 1e-9
    assert list(drawn.bound) == sorted(drawn.bound)


@settings(max_examples=30, deadline=None)
@given(questions(incumbents=False), st.sampled_from(COUNTS))
def test_top_is_what_that_strategy_chooses(question: Question, count: int) -> None:
    family, demand = question.family, question.demand
    total = sum(question.weights)
    if total == 0.0:
        return
    pool = Pool("all", count, {family: (1,) * (family.bits + 1)})
    entries = question.words(heaviest({family: demand}, [pool], [count], 0.0)[family])
    drawn = curve(family, demand, [count])
    assert drawn.strategies["top"][0] == pytest.approx(question.served(entries) / total)
    wrong = sum(question.weights[address] for address in question.misforwarded(entries))
    assert drawn.astray[0] == pytest.approx(wrong / total)


@given(st.integers(0, 200_000), st.integers(0, 300_000))
def test_numbers_show_the_capacity_and_end_where_more_is_no_use(capacity: int, active: int) -> None:
    found = numbers(capacity, active)
    assert found == sorted(set(found))
    assert len(found) <= 9
    if not active:
        assert found == []
    elif capacity:
        assert capacity in found
        assert all(count < max(active, capacity) for count in found[:-1])
