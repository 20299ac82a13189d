"""The REST API and the two answers for monitoring: /healthz and /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from aiohttp import web
from multidict import MultiMapping
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import ValidationError

from arm import metrics
from arm.model import ActiveRoute
from arm.web.problem import ParameterFault, ProblemError
from arm.web.schemas import RouteQuery, health, routes_json, status_json
from arm.web.search import search
from arm.web.source import SOURCE

MAX_WAITING = 32  # searches; more would only make everybody wait longer than they want to


class SearchThread:
    """Searches run one after the other in a thread of their own.

    The event loop also carries BGP and sFlow and must not stand still for the tenth of a second that
    sorting 100,000 rows takes; and however many pages are open, they get one processor at most.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="arm-web-search")
        self._waiting = 0

    async def answer(self, rows: Sequence[ActiveRoute], query: RouteQuery) -> str:
        if self._waiting >= MAX_WAITING:
            raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "too many searches are waiting")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, _answer, rows, query)
        finally:
            self._waiting -= 1

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        """For `Application.cleanup_ctx`."""
        yield
        self._thread.shutdown(wait=False, cancel_futures=True)


SEARCHES = web.AppKey("searches", SearchThread)


def _answer(rows: Sequence[ActiveRoute], query: RouteQuery) -> str:
    matched, page = search(rows, query)
    return routes_json(len(rows), matched, query, page)


def _route_query(parameters: MultiMapping[str]) -> RouteQuery:
    faults = [
        ParameterFault(parameter=name, problem="given more than once", allowed="once")
        for name in sorted(set(parameters))
        if len(parameters.getall(name)) > 1
    ]
    if not faults:
        try:
            return RouteQuery.model_validate(dict(parameters))
        except ValidationError as error:
            faults = [
                _fault(str(fault["loc"][0]), fault["type"], fault["input"])
                for fault in error.errors(include_url=False)
            ]
    names = ", ".join(fault.parameter for fault in faults)
    raise ProblemError(HTTPStatus.BAD_REQUEST, f"cannot understand the query: {names}", faults)


def _fault(name: str, kind: str, value: str) -> ParameterFault:
    field = RouteQuery.model_fields.get(name)
    if field is None:
        known = ", ".join(RouteQuery.model_fields)
        return ParameterFault(parameter=name, problem="no such parameter", allowed=known)
    problem = "too long" if kind == "string_too_long" else f"cannot be {value!r}"
    return ParameterFault(parameter=name, problem=problem, allowed=field.description or "")


async def get_status(request: web.Request) -> web.Response:
    return web.json_response(text=status_json(request.app[SOURCE].status()))


async def get_routes(request: web.Request) -> web.Response:
    query = _route_query(request.query)
    answer = await request.app[SEARCHES].answer(request.app[SOURCE].routes(), query)
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
    page = metrics.page(request.app[SOURCE].status())
    return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_api(app: web.Application) -> None:
    searches = SearchThread()
    app[SEARCHES] = searches
    app.cleanup_ctx.append(searches.running)
    app.router.add_get("/api/v1/status", get_status)
    app.router.add_get("/api/v1/routes", get_routes)
    app.router.add_get("/healthz", get_healthz)
    app.router.add_get("/metrics", get_metrics)
