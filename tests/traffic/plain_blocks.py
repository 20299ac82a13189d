"""The plain twin of the block meter: every sample is kept, and every sum is taken anew."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

Row = tuple[int, float, float, int, bool]  # address, octets, packets, samples, fine


@dataclass
class Seen:
    """One interval's traffic to a block, and how many windows had passed by then."""

    time: float
    clock: float
    octets: float
    packets: float
    samples: int


@dataclass
class PlainBlockMeter:
    bits: int
    fixed: float | None
    limit: int
    kept: dict[int, list[Seen]] = field(default_factory=dict)
    intervals: list[tuple[float, float, float]] = field(default_factory=list)  # length, window, rate
    time: float | None = None
    clock: float = 0.0  # windows that have passed

    def add(self, rows: Sequence[Row], rate: float, now: float) -> None:
        elapsed = 0.0 if self.time is None else now - self.time
        self.time = now
        self.intervals.append((elapsed, 0.0, rate))
        window = self.window()
        self.intervals[-1] = (elapsed, window, rate)
        self.clock += elapsed / window
        drop = self.bits // 4
        for address, octets, packets, samples, fine in rows:
            key = address if fine else address >> drop << drop
            self.kept.setdefault(key, []).append(Seen(now, self.clock, octets, packets, samples))
        self.kept = {key: seen for key, seen in self.kept.items() if self.remembered(seen, now, window)}
        if len(self.kept) > self.limit:
            best = sorted(
                self.kept, key=lambda key: (-self.standing(key), -self.kept[key][-1].time, key)
            )  # of blocks alike in everything the lower one stays
            self.kept = {key: self.kept[key] for key in best[: math.ceil(self.limit * 0.75)]}

    def window(self) -> float:
        if self.fixed is not None:
            return self.fixed
        rate = _average([(length, 60.0, rate) for length, _, rate in self.intervals])
        if rate is None:
            rate = self.intervals[-1][2]
        return max(120.0, min(1800.0, 900.0 * math.sqrt(1000.0 / rate))) if rate else 1800.0

    def observed(self) -> float:
        """The age-weighted length of all intervals."""
        total, age = 0.0, 0.0
        for length, window, _ in reversed(self.intervals):
            total += window * (math.exp(-age) - math.exp(-age - length / window))
            age += length / window
        return total

    def remembered(self, seen: list[Seen], now: float, window: float) -> bool:
        silent = now - seen[-1].time
        if self.fixed is not None:
            return silent <= self.fixed
        return silent <= 3 * window and sum(self._aged(each) * each.samples for each in seen) >= 0.05

    def standing(self, key: int) -> float:
        return sum(each.samples * math.exp((each.clock - self.clock) / 3) for each in self.kept[key])

    def weights(self) -> dict[int, tuple[float, float, float]]:
        """Octets, packets and samples of each block."""
        return {
            key: (
                sum(self._aged(each) * each.octets for each in seen),
                sum(self._aged(each) * each.packets for each in seen),
                sum(self._aged(each) * each.samples for each in seen),
            )
            for key, seen in self.kept.items()
        }

    def _aged(self, each: Seen) -> float:
        return math.exp(each.clock - self.clock)


def _average(intervals: list[tuple[float, float, float]]) -> float | None:
    """Of values by (length, memory, value), each moment weighted by its age."""
    total = weight = age = 0.0
    for length, memory, value in reversed(intervals):
        mass = math.exp(-age) - math.exp(-age - length / memory)
        total, weight, age = total + mass * value, weight + mass, age + length / memory
    return total / weight if weight else None
