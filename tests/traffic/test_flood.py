"""Somebody scans the Internet through the switch: the block meter must not lose sight of its traffic."""

from __future__ import annotations

import numpy as np
import pytest

from arm.rib.hoptable import Keys
from arm.traffic.blocks import BlockMeter, Weights

STEADY = 5000  # blocks
LIMIT = 20_000
SCAN = 10  # times the samples of the steady traffic
SIZE = 1_000_000.0  # octets that a sample stands for

# Known addresses, IPv4, one in each block; the scan leaves 10.0.0.0/8 alone, so that weights can be compared.
BLOCKS = np.arange(STEADY, dtype=np.uint64) + np.uint64(10 << 16)
ADDRESSES = (BLOCKS << np.uint64(8)) + np.uint64(77)


def scan(chance: np.random.Generator, count: int) -> Keys:
    return chance.integers(11 << 24, 1 << 32, count).astype(np.uint64)


def add(meter: BlockMeter, keys: Keys, rate: float, now: float) -> None:
    ones = np.ones(len(keys))
    meter.add(keys, ones * SIZE, ones * 1000.0, ones, None, rate, now)
    assert len(meter) == len(meter.keys()) <= LIMIT, "memory is bounded"


def steady(meter: BlockMeter, weights: Weights) -> Weights:
    """The weights of the steady blocks; 0 for what is not there any more."""
    rows = np.isin(meter.keys(), BLOCKS << np.uint64(8))
    found = np.zeros(STEADY)
    found[(meter.keys()[rows] >> np.uint64(8)).astype(np.int64) - int(BLOCKS[0])] = weights[rows]
    return found


def test_a_scan_does_not_touch_steady_traffic() -> None:
    """Five samples a window in each block, for ten windows of a scan that fills the memory every 2 s."""
    chance = np.random.default_rng(4)
    window, every = 20.0, 4  # seconds
    scanned, quiet = BlockMeter(32, window, LIMIT), BlockMeter(32, window, LIMIT)
    for second in range(220):
        keys = ADDRESSES[second % every :: every]
        add(quiet, keys, 1e3, float(second))
        flood = scan(chance, SCAN * len(keys) if second >= window else 0)
        add(scanned, chance.permutation(np.concatenate((keys, flood))), 1e3, float(second))
    assert len(scanned) > LIMIT / 2, "the scan is there"
    assert len(quiet) == STEADY
    for name in ("octets", "packets", "samples"):
        there, alone = (steady(meter, getattr(meter, name)()) for meter in (scanned, quiet))
        assert there == pytest.approx(alone), name


def test_a_scan_does_not_touch_traffic_that_comes_by_chance() -> None:
    """Blocks of which five samples a window are to be expected have none for a while now and then."""
    chance = np.random.default_rng(5)
    meter = BlockMeter(32, None, LIMIT)
    window = 120.0  # the shortest, at the rate told below
    alone = np.zeros(STEADY)
    per_second = 5 * STEADY / window
    for second in range(720):
        which = chance.integers(0, STEADY, chance.poisson(per_second))
        alone = alone * np.exp(-1.0 / window) + np.bincount(which, minlength=STEADY)
        flood = scan(chance, int(SCAN * per_second) if second >= 2 * window else 0)
        add(meter, np.concatenate((ADDRESSES[which], flood)), 1e6, float(second))
    assert meter.window == pytest.approx(window)
    there = steady(meter, meter.samples())
    assert (there[alone > 0.5] > 0.0).all(), "nobody is lost"
    # A decayed count of n samples is known to about sqrt(n/2).
    assert (np.abs(there - alone) <= 0.5 * np.sqrt(alone / 2)).mean() > 0.999
    assert there.sum() == pytest.approx(alone.sum(), rel=0.001)


def test_of_blocks_that_are_alike_those_seen_last_stay() -> None:
    meter = BlockMeter(32, 1e18, 8)  # so long that nothing ages
    for second in range(3):
        add(meter, np.arange(3 * second, 3 * second + 3, dtype=np.uint64) << np.uint64(8), 1.0, float(second))
    assert (meter.keys() >> np.uint64(8)).tolist() == [3, 4, 5, 6, 7, 8], "a quarter of the limit is free"


def test_more_at_once_than_the_limit() -> None:
    meter = BlockMeter(32, 60.0, 1000)
    twice = np.repeat(np.arange(50, 150, dtype=np.uint64), 2)
    add(meter, np.concatenate((np.arange(5000, dtype=np.uint64), twice)) << np.uint64(8), 1.0, 0.0)
    assert len(meter) == 750
    assert set(range(50, 150)) <= set((meter.keys() >> np.uint64(8)).tolist())
