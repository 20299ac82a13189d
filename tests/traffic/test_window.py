"""The automatic window: what it is at which rate, and that it is not easily moved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.traffic.window import LONGEST, SHORTEST, AutomaticWindow


@pytest.mark.parametrize(
    ("rate", "window"),
    [(0, 1800), (1, 1800), (250, 1800), (1000, 900), (4000, 450), (10_000, 284.6), (56_250, 120), (1e6, 120)],
)
def test_window_by_rate(rate: float, window: float) -> None:
    found = AutomaticWindow()
    for _ in range(5):
        found.add(rate, 1.0)
        assert found.seconds == pytest.approx(window, rel=1e-4)


def test_before_any_rate_it_is_long() -> None:
    assert AutomaticWindow().seconds == LONGEST


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1e6)), min_size=1))
def test_the_rate_is_within_what_it_was_made_of(history: list[tuple[float, float]]) -> None:
    window = AutomaticWindow()
    for rate, elapsed in history:
        window.add(rate, elapsed)
        assert SHORTEST <= window.seconds <= LONGEST
    lowest, highest = min(rate for rate, _ in history), max(rate for rate, _ in history)
    assert lowest * (1 - 1e-9) - 1e-9 <= window.rate <= highest * (1 + 1e-9)


def test_a_silent_second_hardly_moves_it() -> None:
    window = AutomaticWindow()
    for _ in range(300):
        window.add(1000.0, 1.0)
    window.add(0.0, 1.0)
    assert window.seconds == pytest.approx(900.0, rel=0.01)


def test_it_follows_a_new_rate_within_minutes() -> None:
    window = AutomaticWindow()
    for rate in (1000.0, 10_000.0):
        for _ in range(240):
            window.add(rate, 1.0)
    assert window.seconds == pytest.approx(284.6, rel=0.01)
