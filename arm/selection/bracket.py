"""Where a pool's price must be, from what has been seen at other prices. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

TOLERANCE = 0.004  # of the slots that may stay empty; the filling uses them (fill.py)


@dataclass(frozen=True, slots=True)
class Piece:
    """The bound at one price, and what it gains there per unit of price."""

    price: float
    bound: float
    slope: float

    def at(self, price: float) -> float:
        return self.bound + self.slope * (price - self.price)

    def crossing(self, other: Piece) -> float:
        """The price at which two pieces are equal."""
        return self.price + (other.at(self.price) - self.bound) / (self.slope - other.slope)


class Bracket:
    """Where the price must be, from what was taken at others. Takes are larger at lower prices, and about
    inversely so while nothing is installed; with incumbents they are steep, then flat."""

    def __init__(self, slots: int) -> None:
        self._target = slots * (1.0 - 0.5 * TOLERANCE)
        self._low: tuple[float, int] | None = None  # price and slots taken: overfull
        self._high: tuple[float, int] | None = None  # not overfull
        self._slots = slots
        self._tries = 0

    @property
    def narrow(self) -> bool:
        """Is there nothing left to find?"""
        return (
            self._low is not None and self._high is not None and self._high[0] < self._low[0] * (1.0 + 1e-6)
        )

    def next(self, price: float, taken: int) -> float:
        """The next price to try."""
        self._tries += 1
        if taken > self._slots:
            self._low = price, taken
        else:
            self._high = price, taken
        if self._low is None or self._high is None:
            # Outwards, further each time.
            ratio = math.log(min(max(taken / max(self._target, 0.5), 0.25), 4.0))
            step = max(ratio, 0.05) if taken > self._slots else min(ratio, -0.05)
            limit = math.log(1e3)
            return price * math.exp(min(max(step * 2.0 ** (self._tries - 1), -limit), limit))
        share = 0.5
        if self._tries % 3:  # by proportion, but halve now and then, as the takes may leap
            share = (self._low[1] - self._target) / (self._low[1] - self._high[1])
            share = min(max(share, 0.05), 0.95)
        return self._low[0] * math.exp(share * math.log(self._high[0] / self._low[0]))
