"""Is ExaBGP still with us? Pure: seconds go in, what to do comes out.

ExaBGP is asked for its version now and then, and must answer. Whoever says nothing for a third of the hold
time (of 30 seconds, if it is longer: BIRD's own may be shorter) is taken for hung, and is ended. That is on
purpose much sooner than BIRD's hold timer: when it expires, BIRD sends a NOTIFICATION and drops ARM's routes
at once (RFC 4271, section 6.5; RFC 4724, section 4, has graceful restart only for connections that end
without one). A connection that just ends is a graceful restart: BIRD keeps the routes until the next ExaBGP
has told them all again. Ending it sooner than needed costs no route; later costs all of them.

At the worst BIRD heard the last keepalive a third of the hold time before ExaBGP hung, so that two thirds
are left; a third and one look are used.
"""

from __future__ import annotations

from enum import Enum, auto

QUESTION = "version"
ANSWER = b"exabgp "  # how the line that answers it begins; `done` follows, as after every command
LONGEST_HOLD = 30.0  # seconds: what BIRD has in the configuration that we ship
LOOKS = 4  # in the time that decides


class Verdict(Enum):
    """What to do now."""

    WAIT = auto()
    ASK = auto()  # send the question
    HUNG = auto()  # end it


class Pulse:
    """Of one ExaBGP, from its start. Times in seconds.

    Look every `interval`. What counts is the time between looks, at most `interval` each: had ARM itself
    been stopped, ExaBGP's lines would be waiting to be read.
    """

    def __init__(self, hold_time: float) -> None:
        hold_time = min(hold_time, LONGEST_HOLD)
        self._limit = hold_time / 3
        # Lines come, but the answer does not: it no longer reads what it is told.
        self._deaf = hold_time
        self.interval = self._limit / LOOKS
        self._silent = 0.0
        self._asked: float | None = None

    @property
    def asked(self) -> bool:
        """The answer is still to come."""
        return self._asked is not None

    def heard(self) -> None:
        """Something was read, whatever it is."""
        self._silent = 0.0

    def answered(self) -> None:
        """The question was answered."""
        self._asked = None

    def look(self) -> Verdict:
        """Another `interval` is over."""
        self._silent += self.interval
        if self._asked is None:
            self._asked = 0.0
            return Verdict.ASK
        self._asked += self.interval
        if self._silent >= self._limit or self._asked >= self._deaf:
            return Verdict.HUNG
        return Verdict.WAIT
