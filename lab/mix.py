"""What a sender sends next: which destinations, with which chances, and how the chances drift. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arm.model import Family
from lab.active import ActivePrefix


class Mix:
    """Active prefixes with weights; every sender with the same seed drifts alike."""

    def __init__(self, active: list[ActivePrefix], drift: float, seed: int) -> None:
        self.addresses = [address for prefix in active for address in prefix.addresses]
        self.drift = drift  # share of a family's prefixes that get another's rank, per minute
        self._prefixes: dict[str, int] = {prefix.prefix: at for at, prefix in enumerate(active)}
        self._weights = np.array([prefix.weight for prefix in active])
        self._running = np.ones(len(active), np.bool_)
        counts = np.array([len(prefix.addresses) for prefix in active], np.intp)
        self._prefix_of = np.repeat(np.arange(len(active)), counts)  # destination → prefix
        self._per_address = 1.0 / np.repeat(counts, counts)
        families = np.array([Family.of(prefix.prefix) is Family.IPV6 for prefix in active], np.bool_)
        self._members = [np.flatnonzero(families == six) for six in (False, True)]
        self._drift_rng = np.random.default_rng(seed)
        self._owed = [0.0, 0.0]
        self._cumulative = np.zeros(0)
        self._update()

    @property
    def volume(self) -> float:
        """The share of the full rate that is to be sent: less than 1 while flows are stopped."""
        return float(self._cumulative[-1]) if len(self._cumulative) else 0.0

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Numbers of `count` destinations, each drawn by weight."""
        found = np.searchsorted(self._cumulative, rng.random(count) * self.volume, "right")
        return np.minimum(found, len(self._cumulative) - 1)  # rounding may reach the very end

    def set_running(self, prefix: str, running: bool) -> bool:
        """Stop or resume a prefix's flow; False if it has none."""
        at = self._prefixes.get(prefix)
        if at is None:
            return False
        self._running[at] = running
        self._update()
        return True

    def weights(self) -> dict[str, float]:
        """The share of all packets that each prefix has now."""
        return dict(zip(self._prefixes, (self._weights * self._running).tolist(), strict=True))

    def step(self) -> None:
        """Drift by one second."""
        changed = False
        for at, members in enumerate(self._members):
            # One exchange of ranks moves two prefixes.
            self._owed[at] += self.drift * len(members) / 60 / 2
            while self._owed[at] >= 1 and len(members) > 1:
                self._owed[at] -= 1
                one, other = self._drift_rng.choice(members, 2, replace=False)
                self._weights[[one, other]] = self._weights[[other, one]]
                changed = True
        if changed:
            self._update()

    def _update(self) -> None:
        per_prefix = self._weights * self._running
        self._cumulative = np.cumsum(per_prefix[self._prefix_of] * self._per_address)
