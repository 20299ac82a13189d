"""When the next choice is made."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.rhythm import CATCH_UP, HASTE, SHARE, Rhythm


def choices(rhythm: Rhythm, seconds: int, cost: float, far_behind: bool = False) -> list[int]:
    """The seconds in which one begins, looking once a second."""
    found = []
    for now in range(seconds):
        if rhythm.due(float(now), far_behind):
            found.append(now)
            rhythm.took(cost)
    return found


def test_what_costs_little_is_chosen_at_every_interval() -> None:
    assert choices(Rhythm(1.0), 5, 0.05) == [0, 1, 2, 3, 4]
    assert choices(Rhythm(3.0), 10, 0.05) == [0, 3, 6, 9]


@given(st.floats(0.0, 3.0), st.floats(0.1, 10.0))
def test_choices_take_no_more_than_their_share(cost: float, interval: float) -> None:
    begun = choices(Rhythm(interval), 200, cost)
    assert begun[0] == 0
    assert all(later - sooner >= interval for sooner, later in itertools.pairwise(begun))
    assert (len(begun) - 1) * cost <= SHARE * 200
    assert len(begun) >= 200 / (max(interval, cost / SHARE) + 1.0), "and none is put off for longer"


def test_hurry_comes_sooner_but_not_at_any_price() -> None:
    rhythm = Rhythm(1.0)
    assert choices(rhythm, 1, 0.8) == [0]
    assert not rhythm.due(7.9, False)
    rhythm.hurry()
    assert not rhythm.due(0.8 / HASTE - 0.1, False)
    assert rhythm.due(0.8 / HASTE, False)
    assert not rhythm.due(0.8 / HASTE + 7.9, False), "one hurry, one choice"
    assert rhythm.due(0.8 / HASTE + 8.0, False)


@pytest.mark.parametrize("hurried", [False, True])
def test_what_is_not_told_yet_is_not_chosen_anew_but_in_a_hurry(hurried: bool) -> None:
    rhythm = Rhythm(1.0)
    assert choices(rhythm, 1, 0.01, far_behind=True) == [0]
    if hurried:
        rhythm.hurry()
    assert rhythm.due(CATCH_UP - 0.5, True) == hurried
    assert rhythm.due(CATCH_UP, True) != hurried
