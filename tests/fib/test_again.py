"""What is announced again: soon, then rarely, and never too much at once."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from arm.fib.again import BURST, FIRST, LONGEST, RATE, Again
from arm.model import Prefix

MANY = [Prefix(f"20.{n >> 8}.{n & 255}.0/24") for n in range(2000)]


def test_ever_more_rarely() -> None:
    again = Again()
    times = [second for second in range(2000) if again.due(MANY[:1], float(second))]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] == 0
    assert waits[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert max(waits) == LONGEST
    assert sorted(waits) == waits


def test_what_came_starts_anew() -> None:
    again = Again()
    for second in range(100):
        again.due(MANY[:1], float(second))
    assert again.due([], 100.0) == []
    assert again.due(MANY[:1], 101.0) == MANY[:1]
    assert again.due(MANY[:1], 102.0) == []
    again.reset()
    assert again.due(MANY[:1], 102.5) == MANY[:1]


def test_everybody_gets_a_turn() -> None:
    again, seen = Again(), list[Prefix]()
    for second in range(10):
        seen += again.due(MANY, float(second))
    assert seen[: len(MANY)] == MANY, "first those that were never tried"
    assert len(seen) == len(MANY), "nobody twice before everybody once"


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.sets(st.sampled_from(MANY[:300]))), max_size=30))
def test_never_too_much(calls: list[tuple[float, set[Prefix]]]) -> None:
    again, now, told = Again(), 50.0, dict[Prefix, float]()
    start, total = now, 0
    for step, missing in calls:
        now += step
        due = again.due(missing, now)
        assert set(due) <= missing
        for prefix in told.keys() - missing:
            del told[prefix]
        for prefix in due:
            assert now - told.get(prefix, now - FIRST) >= FIRST
            told[prefix] = now
        total += len(due)
        assert total <= RATE * (BURST + now - start) + 1e-6
