"""Where room 7 gets its figures: what it asks of the rest of the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from aiohttp import web

from arm.history import History
from arm.history_log import EventLog
from arm.model import ActiveRoute, AgentCounters, Status
from arm.orders import Mode, Verdict


class StatusSource(Protocol):
    """The last published picture. No call takes long, so all may be made at any time, by the event loop.

    What they return is never changed afterwards (the next picture is a new object): it is read from a
    second thread. The rows of the route table may be made by the first look at them, so that only such a
    thread should look.
    """

    def status(self) -> Status:
        """The newest status; the same object until the next one is published."""
        ...

    def routes(self) -> Sequence[ActiveRoute]:
        """The route table, sorted by family (in the order of `Family`), then rank."""
        ...

    def agents(self) -> Sequence[AgentCounters]:
        """The latest counters of the sFlow agents, in any order; at most one of a kind from a data source."""
        ...


SOURCE = web.AppKey("source", StatusSource)


class Operates(Protocol):
    """Whom operators can command, from the event loop. OrderError: it cannot be; ArmError: it failed.

    Rules have the fields of `RuleView`, modes those of `ModeView` (arm/web/writes.py); `who` is an address.
    """

    def rules(self, verdict: Verdict) -> Sequence[object]: ...

    def mode_seen(self) -> object: ...

    async def give(
        self, verdict: Verdict, written: str, seconds: float | None, reason: str, who: str
    ) -> object: ...

    async def take_back(self, verdict: Verdict, written: str, reason: str, who: str) -> object: ...

    async def set_mode(self, mode: Mode, reason: str, who: str) -> object: ...

    async def reload(self, who: str) -> tuple[bool, Sequence[str]]:
        """Whether it is in force now, and what there is to say about it."""
        ...


@runtime_checkable
class Remembers(StatusSource, Protocol):
    """A source that also knows what was, and what it is told to do. For the event loop."""

    def history(self) -> History:
        """The figures of `arm.history_figures.NAMES`."""
        ...

    def log(self) -> EventLog: ...

    def configuration(self) -> str:
        """The one in force, as TOML, without secrets."""
        ...
