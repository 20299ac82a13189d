"""GET /api/v1/curve and /simulate: what present traffic is worth with other numbers of entries.

Both take seconds of a processor, so each is asked for at most once a minute, and less often the longer it
takes; who comes in between gets what was made for the last one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, Protocol, runtime_checkable

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from arm.model import Family
from arm.web.answers import AnswerThread, json_answer, query_of
from arm.web.openapi import Endpoint
from arm.web.problem import ProblemError
from arm.web.schemas import FamilyLabel
from arm.web.source import SOURCE

EVERY = 60.0  # seconds between two of a kind, at least
SHARE = 0.05  # of a processor that all this may take on average
KEPT = 16  # answers


@runtime_checkable
class Foresees(Protocol):
    """A source that can tell what other numbers of entries would be worth."""

    def curve(self, family: Family, entries: int | None) -> Callable[[], object]:
        """What makes the answer, which has the fields of `CurveView`, in another thread. `entries` None: at
        several numbers; else at this one."""
        ...


class CurveQuery(BaseModel):
    """The parameter of /api/v1/curve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["ipv4", "ipv6"] = Field("ipv4", description="ipv4, ipv6")


class SimulateQuery(CurveQuery):
    """The parameters of /api/v1/simulate."""

    entries: int = Field(ge=1, le=10_000_000, description="a whole number from 1 to 10000000")


class StrategiesView(BaseModel):
    """Share of the traffic that goes where the full table says; null: not even what must be there fits."""

    model_config = ConfigDict(from_attributes=True)

    top: list[float | None]
    safe: list[float | None]
    optimal: list[float | None]


class CurveView(BaseModel):
    """Coverage by number of entries, on the traffic that is remembered, as selection.weight and factors
    count. Each choice is made from nothing, and each entry counts one."""

    model_config = ConfigDict(from_attributes=True)

    family: FamilyLabel
    capacity: int = Field(description="entries that there is room for now")
    entries: list[int] = Field(description="ascending; empty before there is traffic")
    strategies: StrategiesView = Field(description="each as long as `entries`")
    astray: list[float] = Field(description="share that `top` sends neither there nor to the default")
    bound: list[float] = Field(description="what no table that never misforwards can exceed")
    made: float | None = Field(description="when; null: there is no traffic yet")


class SimulatedView(BaseModel):
    """One strategy with so many entries."""

    coverage: float | None = Field(description="share of the traffic that goes where the full table says")
    misforwarded: float = Field(description="share that goes neither there nor to the default")


class SimulateView(BaseModel):
    """What the strategies would be worth with so many entries."""

    family: FamilyLabel
    entries: int
    strategies: dict[Literal["top", "safe", "optimal"], SimulatedView] = Field(
        description="empty before there is traffic"
    )
    bound: float | None = Field(description="what no table that never misforwards can exceed")
    made: float | None = Field(description="when; null: there is no traffic yet")


@dataclass(slots=True)
class _Kept:
    """One answer, being made or made, and when it may be made again (loop time)."""

    task: asyncio.Task[str]
    until: float


class Kept:
    """The latest answers."""

    def __init__(self, thread: AnswerThread) -> None:
        self._thread = thread
        self._kept: dict[Hashable, _Kept] = {}

    async def get(self, key: Hashable, look: Callable[[], Callable[[], str]]) -> str:
        """The answer of that name: the last one, or if that is old a new one. `look` is called here, and what
        it gives in the thread."""
        loop = asyncio.get_running_loop()
        kept = self._kept.get(key)
        if kept is None or (kept.task.done() and kept.until <= loop.time()):
            kept = _Kept(asyncio.create_task(self._make(key, look())), loop.time() + EVERY)
            self._kept.pop(key, None)
            self._kept[key] = kept
            for oldest in [*self._kept][: max(0, len(self._kept) - KEPT)]:
                del self._kept[oldest]
        # Who leaves does not take it away from those who wait for it too.
        return await asyncio.shield(kept.task)

    async def _make(self, key: Hashable, make: Callable[[], str]) -> str:
        def timed() -> tuple[str, float]:
            began = time.thread_time()
            return make(), time.thread_time() - began

        try:
            text, seconds = await self._thread.make(timed)
        except BaseException:
            self._kept.pop(key, None)  # the next one tries again
            raise
        if key in self._kept:
            self._kept[key].until = asyncio.get_running_loop().time() + max(EVERY, seconds / SHARE)
        return text


KEPT_CURVES = web.AppKey("kept_curves", Kept)


def _foresees(request: web.Request) -> Foresees:
    source = request.app[SOURCE]
    if not isinstance(source, Foresees):
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "of what is shown here there is no other choice")
    return source


async def _answer(
    request: web.Request, query: CurveQuery, entries: int | None, write: Callable[[object], str]
) -> web.Response:
    source = _foresees(request)
    family = Family.IPV6 if query.family == "ipv6" else Family.IPV4

    def look() -> Callable[[], str]:
        make = source.curve(family, entries)
        return lambda: write(make())

    return json_answer(request, await request.app[KEPT_CURVES].get((family, entries), look))


async def get_curve(request: web.Request) -> web.Response:
    query = query_of(CurveQuery, request.query)
    return await _answer(request, query, None, lambda seen: CurveView.model_validate(seen).model_dump_json())


def simulate_json(entries: int, seen: object) -> str:
    """The answer of /api/v1/simulate, from a curve of one number."""
    drawn = CurveView.model_validate(seen)
    found: dict[Literal["top", "safe", "optimal"], SimulatedView] = {}
    if drawn.entries:
        shares = drawn.strategies
        found = {
            "top": SimulatedView(coverage=shares.top[0], misforwarded=drawn.astray[0]),
            "safe": SimulatedView(coverage=shares.safe[0], misforwarded=0.0),
            "optimal": SimulatedView(coverage=shares.optimal[0], misforwarded=0.0),
        }
    bound = drawn.bound[0] if drawn.entries else None
    view = SimulateView(family=drawn.family, entries=entries, strategies=found, bound=bound, made=drawn.made)
    return view.model_dump_json()


async def get_simulate(request: web.Request) -> web.Response:
    query = query_of(SimulateQuery, request.query)
    return await _answer(request, query, query.entries, lambda seen: simulate_json(query.entries, seen))


CURVES = (
    Endpoint("/api/v1/curve", get_curve, "Coverage by number of entries", CurveView, CurveQuery),
    Endpoint("/api/v1/simulate", get_simulate, "Coverage with so many entries", SimulateView, SimulateQuery),
)
