"""Whether samples still come, and as many as usual. Pure.

Chance is no reason: few samples a second vary so much that no drop is judged, and the next one may be as late
as a few of the usual gaps.
"""

from __future__ import annotations

import math

RECENT, USUAL = 5.0, 60.0  # seconds over which samples are averaged; the latter at least
FEWEST = 2.0  # samples a second below which no drop is judged
LATE = 10.0  # usual gaps between samples: that late is no chance


class Average:
    """A decayed average without bias towards a start from nothing."""

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    @property
    def value(self) -> float:
        return self._sum / self._weight if self._weight > 0.0 else 0.0

    def add(self, value: float, elapsed: float, memory: float) -> None:
        """It was `value` for `elapsed` seconds; `memory` is the time constant."""
        decay = math.exp(-elapsed / memory)
        self._sum = self._sum * decay + value * (1.0 - decay)
        self._weight = self._weight * decay + 1.0 - decay

    def become(self, value: float) -> None:
        """It has always been `value`."""
        self._sum, self._weight = value, 1.0


class Samples:
    """The rate of samples of the whole switch. Times by the steady clock."""

    def __init__(self, clock: float) -> None:
        """Listening begins at `clock`."""
        self.last = clock  # when the last sample came
        self._late = 0.0  # seconds after the last sample that chance explains
        self._usual, self._recent = Average(), Average()

    @property
    def usual(self) -> float:
        """Samples per second."""
        return self._usual.value

    @property
    def recent(self) -> float:
        """Samples per second."""
        return self._recent.value

    def add(self, rate: float, elapsed: float, window: float, clock: float) -> None:
        """There were `rate` samples per second for the last `elapsed` seconds; `window`: of measuring."""
        self._usual.add(rate, elapsed, max(USUAL, window))
        self._recent.add(rate, elapsed, RECENT)
        if rate > 0.0:
            self.last = clock
            self._late = min(window, LATE / self.usual) if self.usual > 0.0 else 0.0

    def silent(self, allowed: float, clock: float) -> bool:
        """Has no sample come for longer than is `allowed`, in seconds, and than chance explains?"""
        return clock - self.last > max(allowed, self._late)

    def collapsed(self, drop: float) -> bool:
        """Did the rate fall by more than this share of the usual one?"""
        return self.usual >= FEWEST and self.recent < self.usual * (1.0 - drop)

    def get_used(self) -> None:
        """What is recent is usual from now on."""
        self._usual.become(self.recent)
