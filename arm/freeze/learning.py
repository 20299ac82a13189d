"""How far the learning of a table is: routes, how fast they come, and when the last ones should. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SPAN = 10.0  # seconds over which the rate is taken


@dataclass(frozen=True, slots=True)
class Learning:
    """At one moment. `expected`: routes of the table when it was whole last, if it ever was."""

    routes: int
    per_second: float
    expected: int | None = None

    @property
    def left(self) -> float | None:
        """Seconds until as many routes have come as are expected; None: nobody knows."""
        if self.expected is None or self.per_second <= 0.0 or self.routes >= self.expected:
            return None
        return (self.expected - self.routes) / self.per_second

    def __str__(self) -> str:
        found = f"{self.routes:,} routes so far"
        if self.expected is not None:
            found = f"{self.routes:,} of about {self.expected:,} routes"
        if self.per_second >= 1.0:
            found += f", {self.per_second:,.0f} a second"
        return found + (f", {self.left:.0f} s to go" if self.left is not None else "")


class Progress:
    """Watches one family."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()  # time and routes, of the last SPAN

    def look(self, routes: int, expected: int | None, now: float) -> Learning:
        """So many routes have come by `now`. To be called every second or so while a table is learned."""
        if self._seen and routes < self._seen[-1][1]:
            self._seen.clear()  # another session
        self._seen.append((now, routes))
        while self._seen[0][0] < now - SPAN:
            self._seen.popleft()
        since, before = self._seen[0]
        return Learning(routes, (routes - before) / (now - since) if now > since else 0.0, expected or None)

    def over(self) -> None:
        """The table is learned, or nobody sends one."""
        self._seen.clear()
