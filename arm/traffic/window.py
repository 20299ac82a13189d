"""Over how long traffic is averaged: long enough that samples tell rates apart, and no longer. Pure.

Measured on drifting traffic: 900 s is best at 1,000 samples a second, 300 s at 10,000; in between the square
root of the rate. A second, faster average adds nothing.
"""

from __future__ import annotations

import math

NORMAL, NORMAL_RATE = 900.0, 1000.0  # seconds; samples a second
SHORTEST, LONGEST = 120.0, 1800.0  # seconds
MEMORY = 60.0  # seconds over which the rate itself is averaged: a silent moment is no reason to forget


class AutomaticWindow:
    """The time constant that suits the rate of samples."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._weight = 0.0
        self.rate = 0.0  # samples per second, averaged without bias towards a start from nothing

    def add(self, rate: float, elapsed: float) -> None:
        """There were `rate` samples per second for the `elapsed` seconds until now."""
        decay = math.exp(-elapsed / MEMORY)
        self._sum = self._sum * decay + rate * (1.0 - decay)
        self._weight = self._weight * decay + 1.0 - decay
        self.rate = self._sum / self._weight if self._weight > 0.0 else rate

    @property
    def seconds(self) -> float:
        if self.rate <= 0.0:
            return LONGEST
        return min(max(NORMAL * math.sqrt(NORMAL_RATE / self.rate), SHORTEST), LONGEST)
