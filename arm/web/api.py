"""The REST API and the two answers for monitoring: /healthz and /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from multidict import MultiMapping
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, ValidationError

from arm import metrics
from arm.web.agent_metrics import AgentCollector
from arm.web.agents import by_agent
from arm.web.problem import ParameterFault, ProblemError
from arm.web.schemas import AgentQuery, RouteQuery, agents_json, health, routes_json, status_json
from arm.web.search import search
from arm.web.source import SOURCE

MAX_WAITING = 32  # answers; more would only make everybody wait longer than they want to

_Query = TypeVar("_Query", bound=BaseModel)
_Answer = TypeVar("_Answer")


class AnswerThread:
    """Answers that take long are made one after the other in a thread of their own.

    The event loop also carries BGP and sFlow and must not stand still for the tenth of a second that
    sorting 100,000 rows takes; and however many pages are open, they get one processor at most.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"arm-web-{name}")
        self._waiting = 0

    async def make(self, answer: Callable[[], _Answer]) -> _Answer:
        if self._waiting >= MAX_WAITING:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests are waiting")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, answer)
        finally:
            self._waiting -= 1

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        """For `Application.cleanup_ctx`."""
        yield
        self._thread.shutdown(wait=False, cancel_futures=True)


# Two, so that many open pages do not keep the monitoring from its figures.
SEARCHES = web.AppKey("searches", AnswerThread)
SCRAPES = web.AppKey("scrapes", AnswerThread)


def _query(model: type[_Query], parameters: MultiMapping[str]) -> _Query:
    faults = [
        ParameterFault(parameter=name, problem="given more than once", allowed="once")
        for name in sorted(set(parameters))
        if len(parameters.getall(name)) > 1
    ]
    if not faults:
        try:
            return model.model_validate(dict(parameters))
        except ValidationError as error:
            faults = [
                _fault(model, str(fault["loc"][0]), fault["type"], fault["input"])
                for fault in error.errors(include_url=False)
            ]
    names = ", ".join(fault.parameter for fault in faults)
    raise ProblemError(HTTPStatus.BAD_REQUEST, f"cannot understand the query: {names}", faults)


def _fault(model: type[BaseModel], name: str, kind: str, value: str) -> ParameterFault:
    field = model.model_fields.get(name)
    if field is None:
        known = ", ".join(model.model_fields)
        return ParameterFault(parameter=name, problem="no such parameter", allowed=known)
    problem = "too long" if kind == "string_too_long" else f"cannot be {value!r}"
    return ParameterFault(parameter=name, problem=problem, allowed=field.description or "")


async def get_status(request: web.Request) -> web.Response:
    return web.json_response(text=status_json(request.app[SOURCE].status()))


async def get_routes(request: web.Request) -> web.Response:
    query, rows = _query(RouteQuery, request.query), request.app[SOURCE].routes()

    def answer() -> str:
        matched, page = search(rows, query)
        return routes_json(len(rows), matched, query, page)

    return web.json_response(text=await request.app[SEARCHES].make(answer))


async def get_agents(request: web.Request) -> web.Response:
    query, records = _query(AgentQuery, request.query), request.app[SOURCE].agents()
    answer = await request.app[SEARCHES].make(lambda: agents_json(by_agent(records, query)))
    return web.json_response(text=answer)


async def get_healthz(request: web.Request) -> web.Response:
    """One line for load balancers and people: the worst concern. A warning is still able to serve."""
    status = request.app[SOURCE].status()
    state = health(status)
    worst = sorted(status.concerns, key=lambda concern: not concern.critical)
    reason = f"{state}: {' '.join(worst[0].text.split())}" if worst else state
    code = HTTPStatus.SERVICE_UNAVAILABLE if state == "critical" else HTTPStatus.OK
    return web.Response(status=code, text=reason + "\n")


async def get_metrics(request: web.Request) -> web.Response:
    source = request.app[SOURCE]
    collectors = metrics.StatusCollector(source.status()), AgentCollector(source.agents())
    page = await request.app[SCRAPES].make(lambda: metrics.page(*collectors))
    return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_api(app: web.Application) -> None:
    for key, name in ((SEARCHES, "search"), (SCRAPES, "scrape")):
        app[key] = AnswerThread(name)
        app.cleanup_ctx.append(app[key].running)
    app.router.add_get("/api/v1/status", get_status)
    app.router.add_get("/api/v1/routes", get_routes)
    app.router.add_get("/api/v1/agents", get_agents)
    app.router.add_get("/healthz", get_healthz)
    app.router.add_get("/metrics", get_metrics)
