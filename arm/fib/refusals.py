"""How much the hardware takes, when it says so by refusing. Pure.

A refusal (RTM_F_OFFLOAD_FAILED) means that the table is full before the configured capacity: another feature
took the space, prefixes collide in a hash, long prefixes cost more than thought. What was accepted is then
the capacity. Later it is raised a little, to see whether there is room again, and ever later if there is not.

The kernel does not try a refused route again. So the refused ones are those to withdraw first.
"""

from __future__ import annotations

from dataclasses import dataclass

CALM = 60.0  # seconds without a refusal before the first attempt to grow
LONGEST = 3600.0  # seconds: the wait doubles with each attempt that was refused
STEP = 0.01  # of the configured capacity, that an attempt adds


@dataclass(frozen=True, slots=True)
class Room:
    """The verdict of one moment."""

    capacity: int  # entries to want at most
    full: bool  # the hardware takes less than it was configured for
    refused: int  # entries that it refuses right now
    since: float | None  # when it was found full, in the clock of `now`


class HardwareRoom:
    """One family's verdict over time. `now` in seconds, never backwards."""

    def __init__(self) -> None:
        self._limit: int | None = None  # what the hardware took; None: whatever is configured
        self._since: float | None = None
        self._wait = CALM
        self._grow_at = 0.0
        self._trying = False  # the last move was up, and is not proven yet
        self._refused = 0  # the last time

    def judge(self, capacity: int, installed: int, refused: int, now: float) -> Room:
        """`installed`: ARM's entries in the kernel, `refused` of them by the hardware; `capacity` as
        configured."""
        if refused:
            self._refusal(min(capacity, installed - refused), refused, now)
        elif self._limit is not None and now >= self._grow_at:
            self._grow(self._limit, capacity, installed, now)
        self._refused = refused
        if self._limit is not None and self._limit >= capacity and not refused and not self._trying:
            self._limit, self._since, self._wait = None, None, CALM
        limit = capacity if self._limit is None else min(capacity, self._limit)
        return Room(limit, self._limit is not None, refused, self._since)

    def _refusal(self, accepted: int, refused: int, now: float) -> None:
        if self._limit is None:
            self._limit, self._since = accepted, now
        elif self._trying:
            self._limit, self._wait = accepted, min(LONGEST, 2 * self._wait)
        elif refused > self._refused:  # else entries are on their way out, and the accepted among them
            self._limit = min(self._limit, accepted)
        self._trying = False
        self._grow_at = now + self._wait

    def _grow(self, limit: int, capacity: int, installed: int, now: float) -> None:
        used = installed >= limit
        if self._trying and used:  # the last attempt stood the test of time
            self._wait = CALM
        self._trying = used and limit < capacity
        if self._trying:
            self._limit = min(capacity, limit + max(1, int(capacity * STEP)))
        self._grow_at = now + self._wait
