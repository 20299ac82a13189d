"""The states of one family, and what may be done in each. Pure.

| state      | when                                                | announce | withdraw | repair |
|------------|-----------------------------------------------------|----------|----------|--------|
| off        | its capacity is 0                                   | no       | all      | -      |
| learning   | BIRD's table is not complete, or the session is gone | no      | no       | yes    |
| no-default | the kernel has no default route in it               | no       | no       | yes    |
| warming    | the table is known, the traffic not yet             | yes      | no       | yes    |
| active     | otherwise                                           | yes      | yes      | yes    |

Rules above the table: what is installed stays until something better is known (fail static). A repair is a
change that routing forces on an entry: a new next hop, or no route any more; it is always right. Without a
default route, traffic to everything that is not installed is lost, so nothing may be built on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

LONGEST_WARM_UP = 30.0  # seconds


class State(Enum):
    """See the table above."""

    OFF = "off"
    LEARNING = "learning"
    NO_DEFAULT = "no-default"
    WARMING = "warming"
    ACTIVE = "active"

    @property
    def may_announce(self) -> bool:
        return self in (State.WARMING, State.ACTIVE)

    @property
    def may_withdraw(self) -> bool:
        return self in (State.OFF, State.ACTIVE)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a family's state follows from."""

    capacity: int  # entries
    learning: bool
    default_route: bool


class Lifecycle:
    """One family's state over time. `window` is the measuring window in seconds."""

    def __init__(self, window: float) -> None:
        self._warm_up = min(LONGEST_WARM_UP, window / 2)
        self._warm_at: float | None = None
        self.state = State.LEARNING

    def advance(self, facts: Facts, now: float) -> State:
        """The state that follows from `facts` at `now`."""
        self.state = self._next(facts, now)
        return self.state

    def _next(self, facts: Facts, now: float) -> State:
        if facts.capacity == 0:
            return State.OFF
        if facts.learning:
            return State.LEARNING
        if not facts.default_route:
            return State.NO_DEFAULT
        if self._warm_at is None:  # once per run: what was measured outlives a session
            self._warm_at = now + self._warm_up
        return State.WARMING if now < self._warm_at else State.ACTIVE
