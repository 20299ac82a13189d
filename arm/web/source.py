"""Where room 7 gets its figures: what it asks of the rest of the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from aiohttp import web

from arm.history import History
from arm.history_log import EventLog
from arm.model import ActiveRoute, AgentCounters, Status


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
