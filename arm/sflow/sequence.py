"""One sequence number's gaps: what is lost, what is only late, what came twice, and when it starts anew."""

from __future__ import annotations

WINDOW = 64  # numbers; what is later than this is lost

_FULL = (1 << WINDOW) - 1
_WORD = 0xFFFFFFFF
_HALF = 1 << 31
_LEAP = 1 << 24  # nobody loses so many at once: the sender starts anew somewhere ahead


def ahead_of(number: int, other: int) -> int:
    """How far one 32-bit number is ahead of another, the short way round; negative if it is behind."""
    return (number - other + _HALF & _WORD) - _HALF


class SequenceGaps:
    """A 32-bit counter as it arrives.

    The last 64 numbers are remembered, so that a late one fills its gap: a number is lost when 64 higher ones
    could have come and it has not. A sender that starts anew is believed at once if the caller knows of its
    restart, else when two numbers in a row come from elsewhere.
    """

    __slots__ = ("_elsewhere", "_known", "_seen", "highest", "lost", "received", "restarts")

    def __init__(self, first: int) -> None:
        """The first number to come should be `first`."""
        self.received = 0
        self.lost = 0
        self.restarts = 0
        self._begin(first)

    def _begin(self, number: int) -> None:
        self.highest = number - 1 & _WORD
        self._seen = _FULL  # bit n: highest - n has come, or is older than the beginning
        self._known = 0  # so many bits are of numbers since the beginning
        self._elsewhere: int | None = None

    def advance(self, count: int) -> None:
        """The next `count` numbers came in order: `see` for each, but quick."""
        self.received += count
        if self._seen != _FULL:
            few = min(count, WINDOW)
            moved = self._seen << few | (1 << few) - 1
            self.lost += few - (moved >> WINDOW).bit_count()
            self._seen = moved & _FULL
        self._rise(count)

    def see(self, number: int, restarted: bool = False) -> bool:
        """A number came; false if it had come before. `restarted`: it is the first of a new life."""
        ahead = ahead_of(number, self.highest)
        if restarted or ahead > _LEAP or (ahead <= -WINDOW and self._follows(number)):
            self._restart(number)
        elif ahead > 0:
            self._leave_gap(ahead)
        elif ahead <= -WINDOW:
            self._elsewhere = number
        elif -ahead < self._known:
            if self._seen >> -ahead & 1:
                return False
            self._seen |= 1 << -ahead
        self.received += 1
        return True

    def _leave_gap(self, ahead: int) -> None:
        """The highest number rises to one that is `ahead`. Places that leave the window empty are lost."""
        few = min(ahead, 2 * WINDOW)
        moved = self._seen << few | 1
        self.lost += ahead - (moved >> WINDOW).bit_count()
        self._seen = moved & _FULL
        self._rise(ahead)

    def _rise(self, ahead: int) -> None:
        self.highest = self.highest + ahead & _WORD
        self._known = min(self._known + ahead, WINDOW)
        self._elsewhere = None

    def _follows(self, number: int) -> bool:
        return self._elsewhere is not None and 0 < ahead_of(number, self._elsewhere) < WINDOW

    def _restart(self, number: int) -> None:
        """What was missing until now stays missing."""
        self.lost += self.missing
        self.restarts += 1
        self._begin(number)
        self._rise(1)

    @property
    def missing(self) -> int:
        """Numbers that may still come late."""
        return WINDOW - self._seen.bit_count()
