"""The meter against a plain twin, and what its memory means."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import Prefix
from arm.traffic.coverage import Coverage, Interval
from arm.traffic.meter import Meter

WINDOW = 60.0


class PlainMeter:
    """The same, one sample list per prefix."""

    def __init__(self) -> None:
        self.seen: dict[Prefix, list[tuple[float, float]]] = {}

    def add(self, traffic: dict[Prefix, float], now: float) -> None:
        for prefix, size in traffic.items():
            self.seen.setdefault(prefix, []).append((now, size))
        self.seen = {p: each for p, each in self.seen.items() if each[-1][0] >= now - WINDOW}

    def weights(self, now: float) -> dict[Prefix, float]:
        return {
            prefix: sum(size * math.exp(-(now - at) / WINDOW) for at, size in samples)
            for prefix, samples in self.seen.items()
        }


intervals = st.lists(
    st.tuples(
        st.floats(0.1, 40.0),
        st.dictionaries(st.integers(0, 9).map(lambda n: Prefix(f"20.{n}.0.0/16")), st.floats(1, 1e9)),
    ),
    max_size=12,
)


@given(intervals)
def test_equals_the_plain_twin(history: list[tuple[float, dict[Prefix, float]]]) -> None:
    meter, plain, now = Meter(WINDOW), PlainMeter(), 0.0
    for elapsed, sizes in history:
        now += elapsed
        meter.add(sizes, now)
        plain.add(sizes, now)
        found = dict(zip(meter.prefixes(), meter.weights().tolist(), strict=True))
        assert found == pytest.approx(plain.weights(now))
        assert len(meter) == len(plain.seen)


def test_rates_are_not_biased_after_a_start() -> None:
    meter = Meter(300.0)
    for second in range(11):
        meter.add({Prefix("20.0.0.0/16"): 125_000.0} if second else {}, float(second))
    (rate,) = meter.rates().tolist()
    assert rate == pytest.approx(1e6, rel=0.02), "1 Mb/s after 10 s of a 300 s window"


def test_grows_beyond_its_first_size_and_forgets() -> None:
    meter = Meter(WINDOW)
    many = {Prefix(f"20.{n >> 8}.{n & 255}.0/24"): n + 1 for n in range(3000)}
    meter.add(many, 0.0)
    assert len(meter) == 3000
    assert meter.weights().tolist() == [n + 1 for n in range(3000)]
    meter.add({Prefix("21.0.0.0/8"): 5}, WINDOW + 0.1)
    assert meter.prefixes() == ["21.0.0.0/8"]
    meter.add({Prefix("20.0.0.0/24"): 7}, WINDOW + 0.1)
    assert meter.weights().tolist() == [5, 7], "a slot that is used again starts from nothing"


def test_adopts_more_than_its_first_size() -> None:
    meter = Meter(WINDOW)
    meter.adopt((Prefix(f"20.{n >> 8}.{n & 255}.0/24") for n in range(3000)), 0.0)
    assert len(meter) == 3000


def test_adopted_prefixes_stay_for_a_window() -> None:
    meter = Meter(WINDOW)
    meter.adopt([Prefix("20.0.0.0/16")], 100.0)
    meter.add({}, 100.0 + WINDOW)
    assert meter.prefixes() == ["20.0.0.0/16"]
    meter.add({}, 100.1 + WINDOW)
    assert meter.prefixes() == []


def test_coverage_s_error_is_the_one_that_repeated_sampling_shows() -> None:
    """Draw the same traffic many times: about 95 % of the intervals hold the true share."""
    chance = random.Random(4)
    true, inside, runs = 0.8, 0, 400
    for _ in range(runs):
        coverage = Coverage()
        sizes = [(chance.choice((100, 400, 1400)), chance.random() < true) for _ in range(500)]
        total = sum(size for size, _ in sizes)
        hits = sum(size for size, hit in sizes if hit)
        squares = sum(size * size for size, _ in sizes)
        hit_squares = sum(size * size for size, hit in sizes if hit)
        coverage.add(Interval(total, hits, 0.0, squares, hit_squares), 0.0)
        share, error = coverage.share, coverage.error
        assert share is not None
        assert error is not None
        inside += abs(share - true) <= error
    assert 0.92 <= inside / runs <= 0.98


def test_coverage_without_traffic_is_unknown() -> None:
    coverage = Coverage()
    coverage.add(Interval(), 0.0)
    assert (coverage.share, coverage.error, coverage.astray) == (None, None, None)


def test_coverage_forgets() -> None:
    coverage = Coverage()
    coverage.add(Interval(bytes=100.0, hits=0.0), 0.0)
    coverage.add(Interval(bytes=100.0, hits=100.0), 300.0)
    assert coverage.share == pytest.approx(1.0, abs=1e-4)
