"""ExaBGP's pauses between its attempts to connect: have they become too long? Pure: seconds go in.

ExaBGP pauses longer after each attempt that failed (0, 1, 2, 3, 4, 5, 7, 9 … 60 seconds), and does not know
when BIRD is there again. ARM does: it sees in BIRD that the sessions wait for a connection. An ExaBGP that is
started anew connects at once, and nothing is lost by that while no session is up.

An ExaBGP that has been without BIRD for `ALONE` seconds pauses for 9 seconds at most: starting
another one takes no less.
"""

from __future__ import annotations

ALONE = 40.0  # seconds without a session, from which on a new ExaBGP is the shorter way
AWAITED = 3.0  # seconds that BIRD must have waited for


class Pause:
    """Of one ExaBGP, from its start at `now`. Look every second or so."""

    def __init__(self, now: float) -> None:
        self._alone = self._awaited = now  # since when

    def too_long(self, up: bool, awaited: bool, now: float) -> bool:
        """`up`: a session with BIRD is; `awaited`: BIRD would take a connection, and none is being made."""
        if up:
            self._alone = now
        if up or not awaited:
            self._awaited = now
        return now - self._alone >= ALONE and now - self._awaited >= AWAITED
