"""How far the learning of a table is."""

from __future__ import annotations

import pytest

from arm.freeze.learning import SPAN, Learning, Progress


def test_the_rate_is_of_the_last_seconds() -> None:
    progress = Progress()
    for second in range(30):
        found = progress.look(
            1000 * second if second < 10 else 10_000 + 500 * (second - 10), None, 7.0 + second
        )
    assert found.routes == 19_500
    assert found.per_second == pytest.approx(500.0)
    assert found.left is None
    assert SPAN < 20


def test_what_is_expected_tells_what_is_left() -> None:
    progress = Progress()
    progress.look(0, 1_000_000, 1.0)
    found = progress.look(40_000, 1_000_000, 3.0)
    assert found.left == pytest.approx(48.0)
    assert str(found) == "40,000 of about 1,000,000 routes, 20,000 a second, 48 s to go"
    assert str(progress.look(1_000_001, 1_000_000, 4.0)).endswith("a second")


def test_another_session_begins_anew() -> None:
    progress = Progress()
    progress.look(5000, 0, 1.0)
    progress.look(6000, 0, 2.0)
    assert progress.look(0, 0, 3.0) == Learning(0, 0.0, None)
    assert str(progress.look(0, 0, 4.0)) == "0 routes so far"
    progress.over()
    assert progress.look(10, 0, 5.0).per_second == 0.0
