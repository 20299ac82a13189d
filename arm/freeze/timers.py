"""Time as a frozen family counts it: nothing runs out while nobody looks. Pure."""

from __future__ import annotations

LONGEST_TICK = 5.0  # seconds: more than that between two looks was a standstill, or a clock that was set

FIRST_BACK_OFF, LONGEST_BACK_OFF = 60.0, 960.0  # seconds
TRIAL = 60.0  # seconds after a back-off in which the choice may shrink to what the hardware has room for
FORGOTTEN = 3600.0  # seconds without a refused entry after which the next back-off is the first again


class SteadyClock:
    """Seconds that were looked at. Each look counts for what passed since the last, up to a longest."""

    def __init__(self) -> None:
        self.time = 0.0
        self.gap = 0.0  # seconds between the last two looks if that is too long, else 0
        self._last: float | None = None

    def advance(self, now: float) -> float:
        """Look at `now`; gives what that counts for. A clock that went back counts for nothing."""
        passed = 0.0 if self._last is None else max(0.0, now - self._last)
        self._last = now
        self.gap = passed if passed > LONGEST_TICK else 0.0
        elapsed = min(passed, LONGEST_TICK)
        self.time += elapsed
        return elapsed


class Watch:
    """Whether one reason holds: from its cause on until `hold` seconds after it, but not for longer than
    one's patience. What has been tolerated once is so until the cause has been away for `hold`."""

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._raised: float | None = None  # steady time
        self._wrong = -hold  # when the cause was last seen
        self.since = 0.0  # when it was raised, in the caller's time
        self.text = ""  # as last seen
        self.tolerated = False

    @property
    def held(self) -> bool:
        return self._raised is not None

    def look(self, cause: str | None, patience: float | None, clock: float, now: float) -> None:
        """`cause` in words, None: there is none. `patience` None: it is endless."""
        if cause is not None:
            self._wrong, self.text = clock, cause
            if self._raised is None and not self.tolerated:
                self._raised, self.since = clock, now
        over = clock - self._wrong >= self._hold
        if self._raised is not None and patience is not None and clock - self._raised >= patience:
            self._raised, self.tolerated = None, True
        if over:
            self._raised, self.tolerated = None, False

    def left(self, patience: float, clock: float) -> float:
        """Seconds until patience ends."""
        return 0.0 if self._raised is None else max(0.0, self._raised + patience - clock)


class Backoff:
    """What to do when the hardware refuses entries: wait, then make do with what it had room for.

    After each back-off comes a trial: the choice is made for fewer entries, the `ceiling`, so that what was
    refused is withdrawn. If that does not help, or more is refused, the next back-off is twice as long. When
    nothing has been refused for as long as that would be, the ceiling is lifted: there may be room again.
    """

    def __init__(self) -> None:
        self.ceiling: int | None = None  # entries to make do with; None: as many as are configured
        self._delay = FIRST_BACK_OFF  # the next one
        self._until = float("-inf")
        self._refused = 0  # entries at the last look
        self._room = 0  # most entries held since the last refusal

    def advance(self, refused: int, accepted: int, clock: float) -> bool:
        """Wait? The hardware has refused `refused` entries that the kernel has, and holds `accepted`."""
        waiting = clock < self._until
        if refused and not waiting and (refused > self._refused or clock >= self._until + TRIAL):
            self._until, waiting, self._room = clock + self._delay, True, 0
            self._delay = min(2.0 * self._delay, LONGEST_BACK_OFF)
        if waiting:
            # The most that it held: it may still be at work on what came last, and what it refused goes.
            self._room = max(self._room, accepted)
            self.ceiling = self._room or None  # it took none at all: that is not for lack of room
        elif not refused:
            if clock >= self._until + self._delay:
                self.ceiling = None
            if clock >= self._until + FORGOTTEN:
                self._delay = FIRST_BACK_OFF
        self._refused = refused
        return waiting

    def left(self, clock: float) -> float:
        """Seconds until the back-off ends."""
        return max(0.0, self._until - clock)
