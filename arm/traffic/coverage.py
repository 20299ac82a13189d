"""How much of the traffic the hardware served, scored on traffic that came after the table was there. Pure.

Shares are ratios of decayed sums of sampled bytes. Their sampling error treats each sample as one draw of a
cluster of its own size: for a ratio estimator the variance is sum(bytes_i^2 (hit_i - share)^2) / total^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MEMORY = 30.0  # seconds over which shares are averaged
CONFIDENCE = 1.96  # standard deviations either side: 95 %


@dataclass(frozen=True, slots=True)
class Interval:
    """One interval's bytes. `hits` reached an installed entry; `astray` one with another next hop than the
    full table's. `squares` sums each sample's bytes squared, `hit_squares` those of the hits."""

    bytes: float = 0.0
    hits: float = 0.0
    astray: float = 0.0
    squares: float = 0.0
    hit_squares: float = 0.0


class Coverage:
    """Decayed sums of one family."""

    def __init__(self) -> None:
        self._sums = [0.0] * 5
        self._time: float | None = None

    def add(self, interval: Interval, now: float) -> None:
        """Age the sums to `now` and add an interval."""
        elapsed = 0.0 if self._time is None else max(0.0, now - self._time)
        self._time = now
        decay = math.exp(-elapsed / MEMORY)
        new = (interval.bytes, interval.hits, interval.astray, interval.squares, interval.hit_squares)
        self._sums = [old * decay + value for old, value in zip(self._sums, new, strict=True)]

    @property
    def share(self) -> float | None:
        """Share of bytes that an installed entry served; None without traffic."""
        total, hits, *_ = self._sums
        return min(1.0, hits / total) if total > 0.0 else None

    @property
    def astray(self) -> float | None:
        """Share of bytes that an installed entry sends elsewhere than the full table would."""
        total, _, astray, *_ = self._sums
        return min(1.0, astray / total) if total > 0.0 else None

    @property
    def error(self) -> float | None:
        """Half-width of the share's 95 % interval."""
        share = self.share
        if share is None:
            return None
        total, _, _, squares, hit_squares = self._sums
        variance = (hit_squares * (1.0 - share) ** 2 + (squares - hit_squares) * share**2) / total**2
        return CONFIDENCE * math.sqrt(max(0.0, variance))
