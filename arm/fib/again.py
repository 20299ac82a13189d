"""What to announce again, and when. Pure.

An announcement can be lost on its way (BIRD's import limit, a filter, a session that flapped), so what is
missing is said again: at once, then ever more rarely, for a next hop that BIRD cannot resolve stays missing
however often it is told.
"""

from __future__ import annotations

from collections.abc import Collection

from arm.model import Prefix

FIRST, LONGEST = 5.0, 300.0  # seconds from one attempt at a prefix to the next: doubled each time
RATE = 200.0  # prefixes per second over all
BURST = 1.0  # seconds' worth of them at once


class Again:
    """One family's attempts. `now` in seconds, never backwards."""

    def __init__(self) -> None:
        self._attempts: dict[Prefix, tuple[float, float]] = {}  # due at, and the wait after that
        self._tokens = RATE * BURST
        self._refilled: float | None = None

    def due(self, missing: Collection[Prefix], now: float) -> list[Prefix]:
        """Of those that are missing, what to announce now; each counts as announced.

        Give all that is missing: what no longer is starts anew when it is missing again.
        """
        elapsed = now - self._refilled if self._refilled is not None else 0.0
        self._tokens = min(RATE * BURST, self._tokens + elapsed * RATE)
        self._refilled = now
        known, self._attempts = self._attempts, {}
        first: list[tuple[float, Prefix]] = []
        for prefix in missing:
            attempt = self._attempts[prefix] = known.get(prefix, (now, FIRST))
            if attempt[0] <= now:
                first.append((attempt[0], prefix))
        first.sort(key=lambda each: each[0])  # who has waited longest
        chosen = [prefix for _, prefix in first[: int(self._tokens)]]
        for prefix in chosen:
            wait = self._attempts[prefix][1]
            self._attempts[prefix] = (now + wait, min(LONGEST, 2 * wait))
        self._tokens -= len(chosen)
        return chosen

    def reset(self) -> None:
        """Whatever was in the way is gone (BIRD lets routes in again): everything may be tried at once."""
        self._attempts.clear()
