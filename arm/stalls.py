"""How long the event loop is kept from its sockets: for that long nothing is received, answered or mended."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import Any

STALL = 0.05  # seconds from which it is called a stall
SPAN = 60.0  # seconds of which the longest is remembered, for as long again


class Stalls:
    """What came of it. `now` in seconds, never going back."""

    def __init__(self) -> None:
        self.count = 0  # stalls since the start
        self._since = 0.0
        self._longest, self._before = 0.0, 0.0  # of this span, and of the one before

    def took(self, seconds: float, now: float) -> None:
        """One round of the event loop."""
        self._turn(now)
        self.count += seconds >= STALL
        self._longest = max(self._longest, seconds)

    def longest(self, now: float) -> float:
        """The longest round of the last minute or two."""
        self._turn(now)
        return max(self._longest, self._before)

    def _turn(self, now: float) -> None:
        if now - self._since >= SPAN:
            self._before = self._longest if now - self._since < 2 * SPAN else 0.0
            self._longest, self._since = 0.0, now


class Selector(selectors.DefaultSelector):
    """Sees every round, at the cost of reading the clock twice. A round begins when the loop should have come
    back from waiting: other threads, or other programs, may have kept it from that."""

    def __init__(self, stalls: Stalls, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._stalls = stalls
        self._clock = clock
        self._due: float | None = None  # when this round began

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        """See the base class."""
        asked = self._clock()
        if self._due is not None:
            self._stalls.took(asked - self._due, asked)
        ready = super().select(timeout)
        back = self._clock()
        self._due = back if timeout is None else min(back, asked + max(0.0, timeout))
        return ready
