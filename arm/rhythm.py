"""When to choose again. Pure.

With full tables a choice takes half a second of a core, and most of them change little. So the next one waits
until the last has taken no more than a small share of the time since; unless something cannot wait.
"""

from __future__ import annotations

import math

SHARE = 0.1  # of a core, for choices that nobody waits for
HASTE = 0.4  # of a core, for those that somebody does
CATCH_UP = 5.0  # seconds between choices while the last one is far from being told: it would only take longer


class Rhythm:
    """Times in seconds; `interval` is the least from one choice to the next."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._chosen_at = -math.inf
        self._cost = 0.0
        self._hurry = False

    def hurry(self) -> None:
        """Something cannot wait: new traffic, an operator's order, another state."""
        self._hurry = True

    def took(self, seconds: float) -> None:
        """The last choice cost so much processor time."""
        self._cost = seconds

    def due(self, now: float, far_behind: bool) -> bool:
        """Is it time for the next one? Then it has begun. `far_behind`: much of the last one is untold."""
        passed = now - self._chosen_at
        pause = self._cost / (HASTE if self._hurry else SHARE)
        if far_behind and not self._hurry:
            pause = max(pause, CATCH_UP)
        if passed < max(pause, self.interval):
            return False
        self._chosen_at, self._hurry = now, False
        return True
