"""Rings of figures against a plain twin that keeps everything, on clocks that leap."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.history import SPANS, History, Span
from arm.history_file import from_bytes, size, to_bytes

NAMES = ("coverage", "bits", "stall")
START = 1_760_000_000

Sample = tuple[float, dict[str, float | None]]

figures = st.none() | st.floats(-1e6, 1e6, width=32) | st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
steps = st.one_of(
    st.sampled_from([1.0, 1.0, 1.0, 0.3, 2.5]),
    st.integers(-40, 40).map(float),
    st.sampled_from([-7e5, -4000.0, 400.0, 90_000.0, 3e8, -3e8]),
)
values = st.dictionaries(st.sampled_from([*NAMES, "unknown"]), figures)


@st.composite
def courses(draw: st.DrawFn) -> list[Sample]:
    """Figures at the times of a clock that mostly ticks."""
    now, course = float(START), []
    for step, value in draw(st.lists(st.tuples(steps, values), max_size=40)):
        now += step
        course.append((now, value))
    return course


def plain(span: Span, course: Sequence[Sample], name: str) -> dict[int, list[float]]:
    """Buckets by their number, from the course itself: what was added to each since the clock was last before
    it, or another bucket was in its place; of those that the span reaches from the latest."""
    buckets: dict[int, list[float]] = {}
    for now, value in course:
        number = int(now) // span.step
        alias = {each for each in buckets if each % span.size == number % span.size and each != number}
        buckets = {each: held for each, held in buckets.items() if each <= number and each not in alias}
        held = buckets.setdefault(number, [])
        figure = value.get(name)
        if figure is not None and math.isfinite(figure) and abs(figure) < 1e30:
            held.append(figure)
    newest = max(buckets, default=0)
    return {number: held for number, held in buckets.items() if number > newest - span.size}


def recorded(course: Sequence[Sample]) -> History:
    history = History(NAMES)
    for now, value in course:
        history.add(now, value)
    return history


def check(history: History, course: Sequence[Sample]) -> None:
    for span in SPANS:
        columns = history.read(span.name)
        for name in NAMES:
            twin = plain(span, course, name)
            assert len(columns.starts) == (span.size if course else 0)
            for place, start in enumerate(columns.starts.tolist()):
                assert start % span.step == 0
                held = twin.get(start // span.step, [])
                found = [part[name][place] for part in (columns.low, columns.mean, columns.high)]
                if held:
                    wanted = [min(held), math.fsum(held) / len(held), max(held)]
                    assert found == pytest.approx(wanted, rel=1e-6, abs=1e-3)
                    assert found == sorted(found)
                else:
                    assert all(map(math.isnan, found))


@given(courses())
def test_the_rings_hold_what_a_plain_list_says(course: list[Sample]) -> None:
    check(recorded(course), course)


@given(courses(), courses())
def test_what_was_saved_goes_on_as_if_nothing_had_been(before: list[Sample], after: list[Sample]) -> None:
    saved = to_bytes(recorded(before))
    assert len(saved) == size(NAMES)
    history = from_bytes(saved, NAMES)
    assert to_bytes(history) == saved
    for now, value in after:
        history.add(now, value)
    check(history, [*before, *after])


def test_a_week_is_kept_and_bounded() -> None:
    history = History(["bits"])
    for minute in range(14 * 24 * 60):
        history.add(START + minute * 60, {"bits": minute})
    week, day = history.read("1w"), history.read("1d")
    assert len(week.starts) == 336
    assert np.isnan(week.mean["bits"]).sum() == 0
    assert (np.diff(week.starts) == 1800).all()
    assert week.mean["bits"][-2] - week.mean["bits"][-3] == 30.0
    assert day.high["bits"][-2] - day.low["bits"][-2] == 4.0
    assert len(to_bytes(history)) == size(["bits"])


def test_a_gap_is_a_gap() -> None:
    history = History(["bits"])
    for second in (*range(10), *range(100, 110)):
        history.add(START + second, {"bits": 1.0})
    figures = history.read("5m").mean["bits"]
    assert np.isnan(figures).sum() == 280
    assert np.isnan(figures[-100:-10]).all()
    assert figures[-10:].tolist() == [1.0] * 10


def test_a_clock_that_was_far_ahead_for_a_moment_costs_that_moment() -> None:
    history = recorded([(START + second, {"bits": 1.0}) for second in range(290)])
    history.add(START + 500_000_000, {"bits": 9.0})
    history.add(START + 290, {"bits": 1.0})
    figures = history.read("5m").mean["bits"]
    assert history.read("5m").starts[-1] == START + 290
    assert np.nansum(figures) >= 289.0
    assert np.nanmax(figures) == 1.0


@pytest.mark.parametrize("now", [-1.0, math.nan, math.inf, 2.0**41])
def test_a_time_that_cannot_be_is_passed_over(now: float) -> None:
    history = recorded([(START, {"bits": 1.0})])
    history.add(now, {"bits": 2.0})
    assert history.read("5m").starts[-1] == START
    assert np.nansum(history.read("1w").mean["bits"]) == 1.0


def test_names() -> None:
    history = recorded([(START, {"bits": 1.0, "stall": 2.0})])
    assert list(history.read("1h", ["stall"]).mean) == ["stall"]
    for span, names in (("2h", None), ("1h", ["no such"])):
        with pytest.raises(KeyError):
            history.read(span, names)
    with pytest.raises(ValueError, match="two rows"):
        History(["a", "a"])
    other = from_bytes(to_bytes(history), ["new", "bits"])
    assert other.read("1h").mean["bits"][-1] == 1.0
    assert np.isnan(other.read("1h").mean["new"]).all()


@given(st.binary(max_size=80))
def test_other_bytes_are_refused_in_words(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_bytes(content, NAMES)


@given(st.integers(0, size(NAMES) - 1), st.integers(1, 255))
def test_damage_never_gives_a_history_that_cannot_be_read(place: int, flip: int) -> None:
    content = bytearray(to_bytes(recorded([(START + second, {"bits": 3.0}) for second in range(9)])))
    content[place] ^= flip
    try:
        history = from_bytes(bytes(content), NAMES)
    except ValueError:
        return
    for span in SPANS:
        columns = history.read(span.name)
        for name in NAMES:
            known = ~np.isnan(columns.mean[name])
            assert (columns.low[name][known] <= columns.high[name][known]).all()
    history.add(START + 10, {"bits": 1.0})
    assert history.read("5m").starts[-1] == START + 10
