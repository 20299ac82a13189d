"""Why traffic takes no entry: one reason for every byte, against a plain twin."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import MISS_REASONS, Family
from arm.rib.fulltable import RouteIndex, from_prefixes
from arm.rib.hoptable import DEFAULT, MIXED, HopTable
from arm.rib.paint import flatten
from arm.traffic.coverage import MEMORY, Coverage, score
from arm.traffic.misses import Chosen, Misses

# Sixteen blocks of 16 addresses: 4 bits choose the block, the rest is within it.
BITS, BLOCK = 32, 28
PLACES = [(number << 28, 4) for number in range(16)] + [(number << 30, 2) for number in range(4)]
ROUTES = st.dictionaries(st.sampled_from(PLACES), st.sampled_from([DEFAULT, 1, 2, MIXED]), max_size=8)
TRAFFIC = st.dictionaries(st.integers(0, 31), st.integers(1, 1000), max_size=10)


def longest(table: dict[tuple[int, int], int], address: int) -> int | None:
    for length in (4, 2):
        hop = table.get((address >> (32 - length) << (32 - length), length))
        if hop is not None:
            return hop
    return None


@dataclass(slots=True)
class Step:
    """One interval: the tables, the traffic by half block, and the choice that is taken after it."""

    routes: dict[tuple[int, int], int]
    kernel: dict[tuple[int, int], int]
    sizes: dict[int, int]
    wanted: dict[tuple[int, int], int] | None
    poor: set[int] = field(default_factory=set)  # blocks
    seconds: float = 1.0


STEPS = st.builds(
    Step, ROUTES, ROUTES, TRAFFIC, st.none() | ROUTES, st.sets(st.integers(0, 15)), st.floats(0.0, 90.0)
)


class Twin:
    def __init__(self) -> None:
        self.sums = dict.fromkeys(MISS_REASONS, 0.0)
        self.bytes = 0.0
        self.served: set[int] = set()
        self.known: set[int] | None = None
        self.poor: set[int] = set()
        self.wanted: dict[tuple[int, int], int] = {}

    def take(self, step: Step) -> None:
        decay = math.exp(-step.seconds / MEMORY)
        self.bytes *= decay
        self.sums = {reason: old * decay for reason, old in self.sums.items()}
        served = set()
        for half, size in step.sizes.items():
            address, block = half << 27, half >> 1
            self.bytes += size
            right, done = longest(step.routes, address), longest(step.kernel, address) or DEFAULT
            if done != DEFAULT:
                served |= {block} if done == right else set()
            else:
                self.sums[self.why(address, block, right)] += size
        self.served |= served

    def why(self, address: int, block: int, right: int | None) -> str:
        if right is None:
            return "not-routed"
        if right == DEFAULT:
            return "follows-default"
        if right == MIXED:
            return "several"
        if self.known is not None and longest(self.wanted, address) == right:
            return "waiting"
        if self.known is None or block not in self.known:
            return "new"
        if block in self.poor:
            return "below-minimum-rate"
        return "evicted" if block in self.served else "no-room"


def hops(table: dict[tuple[int, int], int]) -> HopTable:
    return HopTable.of(BITS, ((start, length, hop) for (start, length), hop in table.items()))


@settings(deadline=None)
@given(st.lists(STEPS, max_size=8))
def test_every_byte_that_misses_has_one_reason(steps: list[Step]) -> None:
    misses, coverage, twin, now = Misses(), Coverage(), Twin(), 100.0
    seen: set[int] = set()
    for step in steps:
        now += step.seconds
        index = RouteIndex(BITS)
        index.load(hops(step.routes))
        full, installed = index.snapshot(), flatten(hops(step.kernel))
        keys = np.array(sorted(half << 27 for half in step.sizes), np.uint64)
        octets = np.array([step.sizes[half] for half in sorted(step.sizes)], float)
        blocks = keys >> np.uint64(BLOCK) << np.uint64(BLOCK)
        coverage.add(score(keys, octets, octets**2, full.runs, installed), now)
        misses.add(keys, blocks, octets, full, installed, now)
        twin.take(step)
        seen |= {half >> 1 for half in step.sizes}
        if step.wanted is not None:
            known = sorted(seen)
            twin.known, twin.poor, twin.wanted = set(seen), step.poor, step.wanted
            misses.chosen = Chosen(
                np.array([block << BLOCK for block in known], np.uint64),
                np.array([block in step.poor for block in known], np.bool_),
                flatten(hops(step.wanted)),
            )
        shares = misses.shares
        assert (shares is None) == (coverage.share is None) == (twin.bytes == 0.0)
        if shares is None or coverage.hit_rate is None or coverage.share is None or coverage.astray is None:
            continue
        assert shares == pytest.approx({why: part / twin.bytes for why, part in twin.sums.items()}, abs=1e-9)
        assert sum(shares.values()) == pytest.approx(1.0 - coverage.hit_rate, abs=1e-9)
        lost = sum(shares[why] for why in MISS_REASONS if why not in ("follows-default", "not-routed"))
        assert lost == pytest.approx(1.0 - coverage.share - coverage.astray, abs=1e-9)


def test_blocks_that_are_not_measured_any_more_are_forgotten() -> None:
    misses, index = Misses(), RouteIndex(32)
    index.load(from_prefixes(Family.IPV4, [(0, 1, 3)]))
    full, empty = index.snapshot(), flatten(HopTable.of(32, ()))
    keys = np.arange(30_000, dtype=np.uint64) << np.uint64(8)
    misses.chosen = Chosen(keys, np.zeros(len(keys), np.bool_), empty)
    for installed, now in ((full.runs, 0.0), (empty, 1e9)):
        misses.add(keys, keys, np.ones(len(keys)), full, installed, now)
        if now == 0.0:
            misses.forget(keys)  # few enough
            misses.forget(keys[:6000])
    shares = misses.shares
    assert shares is not None
    assert shares["evicted"] == pytest.approx(0.2)
    assert shares["no-room"] == pytest.approx(0.8)
