"""How much of the traffic the hardware served, scored on traffic that came after the table was there. Pure.

Shares are ratios of decayed sums of sampled bytes. Their sampling error treats each sample as one draw of a
cluster of its own size: for a ratio estimator the variance is sum(bytes_i^2 (right_i - share)^2) / total^2.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import DEFAULT, Keys, Runs

MEMORY = 30.0  # seconds over which shares are averaged
CONFIDENCE = 1.96  # standard deviations either side: 95 %


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval's bytes. `right` went where the full table says, by an entry or by the default; `hits`
    reached an entry with a next hop of its own; `astray` went neither where the full table says nor to the
    default. `squares` sums each sample's bytes squared, `right_squares` those of `right`."""

    bytes: float = 0.0
    right: float = 0.0
    hits: float = 0.0
    astray: float = 0.0
    squares: float = 0.0
    right_squares: float = 0.0


def score(
    keys: Keys, octets: NDArray[np.float64], squares: NDArray[np.float64], table: Runs, installed: Runs
) -> Interval:
    """Score traffic to addresses (n,): what the full table would do with it against what the FIB does."""
    wanted, done = table.hop(keys), installed.hop(keys)
    right, hit = wanted == done, done != DEFAULT
    return Interval(
        float(octets.sum()),
        float(octets[right].sum()),
        float(octets[hit].sum()),
        float(octets[hit & ~right].sum()),
        float(squares.sum()),
        float(squares[right].sum()),
    )


class Coverage:
    """Decayed sums of one family."""

    def __init__(self) -> None:
        self._sums = Interval()
        self._time: float | None = None

    def add(self, interval: Interval, now: float) -> None:
        """Age the sums to `now` and add an interval."""
        elapsed = 0.0 if self._time is None else max(0.0, now - self._time)
        self._time = now
        decay = math.exp(-elapsed / MEMORY)
        pairs = zip(astuple(self._sums), astuple(interval), strict=True)
        self._sums = Interval(*(old * decay + value for old, value in pairs))

    @property
    def share(self) -> float | None:
        """Share of bytes that went where the full table says; None without traffic."""
        return self._share(self._sums.right)

    @property
    def hit_rate(self) -> float | None:
        """Share of bytes that an entry with a next hop of its own served."""
        return self._share(self._sums.hits)

    @property
    def astray(self) -> float | None:
        """Share of bytes that an entry sends neither where the full table would nor to the default."""
        return self._share(self._sums.astray)

    @property
    def error(self) -> float | None:
        """Half-width of the 95 % interval of `share`."""
        share, sums = self.share, self._sums
        if share is None:
            return None
        wrong = sums.squares - sums.right_squares
        variance = (sums.right_squares * (1.0 - share) ** 2 + wrong * share**2) / sums.bytes**2
        return CONFIDENCE * math.sqrt(max(0.0, variance))

    def _share(self, part: float) -> float | None:
        return min(1.0, part / self._sums.bytes) if self._sums.bytes > 0.0 else None
