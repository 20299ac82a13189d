"""Coverage: what its shares and their error mean."""

from __future__ import annotations

import random

import numpy as np
import pytest

from arm.rib.hoptable import HopTable
from arm.rib.paint import flatten
from arm.traffic.coverage import Coverage, Interval, score


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
        coverage.add(Interval(total, hits, hits, 0.0, squares, hit_squares), 0.0)
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
    coverage.add(Interval(bytes=100.0, right=0.0), 0.0)
    coverage.add(Interval(bytes=100.0, right=100.0), 300.0)
    assert coverage.share == pytest.approx(1.0, abs=1e-4)


def test_score_knows_right_hit_and_astray() -> None:
    table = flatten(HopTable.of(32, [(0, 2, 1), (1 << 30, 2, 2)]))  # 0/2 by 1, 64/2 by 2, the rest by default
    installed = flatten(HopTable.of(32, [(0, 1, 1)]))  # 0/1 by 1: takes 64/2 the wrong way
    keys = np.array([5, (1 << 30) + 5, 1 << 31], np.uint64)
    octets = np.array([10.0, 20.0, 40.0])
    found = score(keys, octets, octets**2, table, installed)
    assert found == Interval(70.0, 50.0, 30.0, 20.0, 2100.0, 1700.0)
