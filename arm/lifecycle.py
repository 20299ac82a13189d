"""The states of one family, and what may be done in each. Pure.

| state      | when                                                           | announce | withdraw | repair |
|------------|----------------------------------------------------------------|----------|----------|--------|
| off        | its capacity is 0                                              | no       | all      | no     |
| stopped    | an operator said so                                            | no       | all      | no     |
| learning   | BIRD's table is not complete                                   | no       | no       | yes    |
| no-default | the kernel has no default route in it                          | no       | no       | yes    |
| frozen     | there are reasons to be (freeze/reasons.py)                    | no       | no       | yes    |
| observing  | that is ARM's mode                                             | no       | no       | yes    |
| warming    | traffic is not known: after the start, or unmeasured for a while | yes    | no       | yes    |
| active     | otherwise                                                      | yes      | yes      | yes    |

The first state of the table that applies is the one.

Rules above the table: what is installed stays until something better is known (fail static). A repair is a
change that routing forces on an entry: a new next hop, or no route any more; it is always right, as far as
knowledge reaches. Without a default route, traffic to everything that is not installed is lost, so nothing
may be built on it. Where all is withdrawn, it is so in safe order, and a repair would bring entries back.

A choice is made from "frozen" on: it ends a doubt about the last one, or is what there is to observe. Only
`judge` decides whether it may be taken. For warming, all that is there must be part of it.

A session that is down is "learning" as long as no table has been learned, then a reason to freeze.

All timers go by a clock that stands still while nobody looks. If the daemon was stopped, or the clock leapt,
nothing was measured in between, and it is warming for as long as that was.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import Enum

from arm.freeze.reasons import WELL, Freeze, Limits, Reason, Vitals
from arm.freeze.timers import SteadyClock
from arm.model import Prefix

LONGEST_WARM_UP = 30.0  # seconds, after the start


class State(Enum):
    """See the table above."""

    OFF = "off"
    STOPPED = "stopped"
    LEARNING = "learning"
    NO_DEFAULT = "no-default"
    FROZEN = "frozen"
    OBSERVING = "observing"
    WARMING = "warming"
    ACTIVE = "active"

    @property
    def may_announce(self) -> bool:
        """Add what traffic wants?"""
        return self in (State.WARMING, State.ACTIVE)

    @property
    def may_withdraw(self) -> bool:
        """Take away what still has its route?"""
        return self in (State.OFF, State.STOPPED, State.ACTIVE)

    @property
    def may_repair(self) -> bool:
        """Follow routing?"""
        return not self.withdraws_all

    @property
    def withdraws_all(self) -> bool:
        return self in (State.OFF, State.STOPPED)

    @property
    def may_choose(self) -> bool:
        """Make a choice, whether or not it may be taken?"""
        return self in (State.FROZEN, State.OBSERVING, State.WARMING, State.ACTIVE)

    @property
    def keeps_all(self) -> bool:
        """Must all that is there be part of a choice? Else it is made as if everything could go: when frozen,
        to see whether it has come to be beyond doubt."""
        return self is State.WARMING


@dataclass(frozen=True, slots=True)
class Facts:
    """What a family's state follows from."""

    capacity: int  # entries
    learning: bool
    default_route: bool
    observe: bool = False  # the mode
    stop: bool = False  # the kill switch
    vitals: Vitals = WELL


class Lifecycle:
    """One family's state over time."""

    def __init__(self, window: float, limits: Limits | None = None, routes: int | None = None) -> None:
        """`window`: of measuring, in seconds; `routes`: of the table in an earlier run, if there was one."""
        self._window = window
        self._freeze = Freeze(limits or Limits(), routes)
        self._clock = SteadyClock()
        self._learned = False
        self._capacity = 0
        self._warm_at: float | None = None  # by the steady clock
        self.state = State.LEARNING
        self.reasons: tuple[Reason, ...] = ()  # to be frozen; also listed where another state goes first

    def configure(self, window: float, limits: Limits) -> None:
        """Other options, from the next `advance` on."""
        self._window, self._freeze.limits = window, limits

    @property
    def ceiling(self) -> int | None:
        """Entries that the hardware had room for when it refused more; None: it has not lately."""
        return self._freeze.hardware.ceiling

    @property
    def routes(self) -> int:
        """Of the table when it was whole, in an earlier run too; 0 if it never was."""
        return self._freeze.routes

    def shrinks(self, routes: int) -> bool:
        """Would a table of so many routes, if it came into use, freeze the family?"""
        return self._freeze.shrinks(routes)

    def advance(self, facts: Facts, now: float) -> State:
        """The state that follows from `facts` at `now`. To be called every second or so."""
        elapsed = self._clock.advance(now)
        clock = self._clock.time
        self._capacity = facts.capacity
        reasons = self._freeze.advance(facts.vitals, self._window, elapsed, clock, now)
        self.reasons = () if facts.capacity == 0 else reasons
        self._warm(max(self._clock.gap, self._freeze.unmeasured))
        self.state = self._next(facts)
        return self.state

    def judge(self, present: Set[Prefix], wanted: Set[Prefix], proven: bool) -> bool:
        """A choice was made, to have `wanted` in place of `present`: may it be taken? `proven`: it passed its
        proof. For a family in a state that makes no choices it is never."""
        if not self.state.may_choose:
            return False
        beyond_doubt = self._freeze.judge(min(len(present), self._capacity), len(wanted), proven)
        allowed = self.state.may_announce and (self.state.may_withdraw or present <= wanted)
        return beyond_doubt and allowed

    def _warm(self, unmeasured: float) -> None:
        """There was no measurement for so many seconds."""
        if unmeasured > 0.0 and self._warm_at is not None:
            self._warm_at = max(self._warm_at, self._clock.time + min(unmeasured, self._window))

    def _next(self, facts: Facts) -> State:
        if facts.capacity == 0:
            return State.OFF
        if facts.stop:
            return State.STOPPED
        if facts.learning and (facts.vitals.reflector or not self._learned):
            return State.LEARNING
        self._learned = True
        if not facts.default_route:
            return State.NO_DEFAULT
        if self._warm_at is None:  # once per run: what was measured outlives a session
            self._warm_at = self._clock.time + min(LONGEST_WARM_UP, self._window / 2)
        if self.reasons:
            return State.FROZEN
        if facts.observe:
            return State.OBSERVING
        return State.WARMING if self._clock.time < self._warm_at else State.ACTIVE
