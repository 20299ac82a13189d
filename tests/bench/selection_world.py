"""What really flows while a selection follows it: the scenario's traffic, drifting and bursting.

All packets are of one size, and routes stay as they are: what is measured is how traffic is followed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.bench.scenario import Traffic

SIGMA, TAU = 0.8, 900.0  # the logarithm of a prefix' traffic is an Ornstein-Uhlenbeck process; seconds
_BURSTS, _BURST, _TIMES = 3.0, 20.0, 20.0  # bursts a second, how many seconds each lasts, how much more comes


class World:
    """True traffic, step by step; the same for the same seed and steps."""

    def __init__(self, traffic: Traffic, seed: int) -> None:
        self._chance = np.random.default_rng(seed)
        self._weights = traffic.weights
        routes, self._of = np.unique(traffic.routes, return_inverse=True)
        self._drift = SIGMA * self._chance.standard_normal(len(routes))
        self._left = np.zeros(len(routes))  # seconds of a burst

    def step(self, seconds: float) -> NDArray[np.float64]:
        """The share of each address in the next `seconds`."""
        keep = np.exp(-seconds / TAU)
        noise = self._chance.standard_normal(len(self._drift))
        self._drift = keep * self._drift + np.sqrt(1 - keep * keep) * SIGMA * noise
        self._left -= seconds
        starting = self._chance.integers(0, len(self._of), self._chance.poisson(_BURSTS * seconds))
        self._left[self._of[starting]] = _BURST
        factor = np.exp(self._drift) * np.where(self._left > 0, _TIMES, 1.0)
        weights = self._weights * factor[self._of]
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares

    def samples(self, weights: NDArray[np.float64], expected: float) -> NDArray[np.int64]:
        """How many of about `expected` samples fall on each address (Poisson)."""
        drawn = self._chance.random(self._chance.poisson(expected))
        at = np.minimum(np.searchsorted(np.cumsum(weights), drawn), len(weights) - 1)
        return np.bincount(at, minlength=len(weights))
