"""Bytes per prefix, remembered with exponential decay. Pure.

A prefix's weight is the sum of its sampled bytes, each byte aged by e^(-age/window): an exponentially
weighted moving average. Divided by the age-weighted time observed so far it is a rate without the bias
towards zero that such averages have after a start.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from arm.model import Prefix


class Meter:
    """Weights of one family's prefixes. Times in seconds, weights in bytes."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._index: dict[Prefix, int] = {}
        self._prefixes: list[Prefix] = []
        self._weight: NDArray[np.float64] = np.zeros(1024)
        self._seen: NDArray[np.float64] = np.zeros(1024)  # when the last sample came
        self._time: float | None = None  # of the last `add`
        self._observed = 0.0  # age-weighted seconds

    def __len__(self) -> int:
        return len(self._prefixes)

    def add(self, traffic: Mapping[Prefix, float], now: float) -> None:
        """Age everything to `now`, then add one interval's bytes."""
        elapsed = 0.0 if self._time is None else max(0.0, now - self._time)
        self._time = now
        decay = math.exp(-elapsed / self._window)
        size = len(self._prefixes)
        self._weight[:size] *= decay
        self._observed = self._observed * decay + self._window * (1.0 - decay)
        for prefix, octets in traffic.items():
            slot = self._slot(prefix)
            self._weight[slot] += octets
            self._seen[slot] = now
        self._prune(now)

    def adopt(self, prefixes: Iterable[Prefix], now: float) -> None:
        """Take in prefixes that are worth keeping though no sample has been seen: they age like the rest."""
        for prefix in prefixes:
            slot = self._slot(prefix)  # first: it may move the arrays
            self._seen[slot] = now

    def prefixes(self) -> list[Prefix]:
        """Prefixes with a sample inside the window; the arrays below are in this order."""
        return self._prefixes

    def weights(self) -> NDArray[np.float64]:
        """Bytes, aged; shape (n,)."""
        return self._weight[: len(self._prefixes)]

    def rates(self) -> NDArray[np.float64]:
        """Bits per second; shape (n,)."""
        return self.weights() * (8.0 / self._observed if self._observed > 0.0 else 0.0)

    def _slot(self, prefix: Prefix) -> int:
        slot = self._index.get(prefix)
        if slot is None:
            slot = self._index[prefix] = len(self._prefixes)
            self._prefixes.append(prefix)
            if slot == len(self._weight):
                self._weight = np.concatenate((self._weight, np.zeros(slot)))
                self._seen = np.concatenate((self._seen, np.zeros(slot)))
        return slot

    def _prune(self, now: float) -> None:
        """Forget prefixes without a sample inside the window."""
        size = len(self._prefixes)
        keep = np.flatnonzero(self._seen[:size] >= now - self._window)
        if len(keep) == size:
            return
        self._prefixes = [self._prefixes[i] for i in keep.tolist()]
        self._index = {prefix: i for i, prefix in enumerate(self._prefixes)}
        for array in (self._weight, self._seen):
            array[: len(keep)] = array[keep]
            array[len(keep) : size] = 0.0
