"""A family's life in tests: one look a second, with what is wrong for how long."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from arm.freeze.reasons import WELL, Limits
from arm.lifecycle import Facts, Lifecycle, State
from arm.model import Prefix

WINDOW = 60.0
GOOD = Facts(
    1000, learning=False, default_route=True, vitals=replace(WELL, sample_rate=1000.0, routes=10_000)
)


def vitals(**changes: Any) -> Facts:
    """Good but for these."""
    return replace(GOOD, vitals=replace(GOOD.vitals, **changes))


def prefixes(count: int, first: int = 0) -> set[Prefix]:
    return {Prefix(f"10.{n >> 8}.{n & 255}.0/24") for n in range(first, first + count)}


@dataclass
class Life:
    """A lifecycle and its clock."""

    limits: Limits = field(default_factory=Limits)
    window: float = WINDOW
    routes: int | None = None
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.cycle = Lifecycle(self.window, self.limits, self.routes)

    def look(self, facts: Facts = GOOD, seconds: float = 1.0) -> State:
        """One look, `seconds` after the last."""
        self.now += seconds
        return self.cycle.advance(facts, self.now)

    def last(self, facts: Facts, seconds: int) -> State:
        """This is how it is for so many seconds."""
        for _ in range(seconds):
            self.look(facts)
        return self.cycle.state

    def until(self, state: State, facts: Facts = GOOD, most: int = 2000) -> int:
        """After how many seconds the state is reached."""
        for seconds in range(1, most + 1):
            if self.look(facts) is state:
                return seconds
        raise AssertionError(f"still {self.cycle.state} after {most} s: {self.cycle.reasons}")

    @property
    def names(self) -> list[str]:
        return [reason.name for reason in self.cycle.reasons]


def active(limits: Limits | None = None, window: float = WINDOW) -> Life:
    """A family that has been well for a while."""
    life = Life(limits or Limits(), window)
    life.last(GOOD, 100)
    assert life.cycle.state is State.ACTIVE
    return life
