"""The REST API and the two answers for monitoring: /healthz and /metrics."""

from __future__ import annotations

import json
from http import HTTPStatus

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, ProcessCollector

from arm import metrics
from arm.web.agent_metrics import AgentCollector
from arm.web.agents import by_agent
from arm.web.answers import (
    LOOKS_AHEAD,
    SCRAPES,
    SEARCHES,
    AnswerThread,
    json_answer,
    page_answer,
    query_of,
)
from arm.web.connection import LISTENERS, room
from arm.web.curve import CURVES, KEPT_CURVES, Kept
from arm.web.entries import ENTRIES
from arm.web.events import Events
from arm.web.explain import EXPLAIN
from arm.web.map import MAP
from arm.web.openapi import Endpoint, document
from arm.web.past import PAST
from arm.web.schemas import (
    AgentQuery,
    AgentsView,
    NoQuery,
    RouteQuery,
    RoutesView,
    StatusView,
    agents_json,
    health,
    routes_json,
    status_json,
)
from arm.web.search import search
from arm.web.source import SOURCE
from arm.web.traffic import TRAFFIC
from arm.web.writes import WRITES

EVENTS = web.AppKey("events", Events)
DOCUMENT = web.AppKey("document", str)


async def get_status(request: web.Request) -> web.Response:
    query_of(NoQuery, request.query)
    return json_answer(request, status_json(request.app[SOURCE].status()))


async def get_routes(request: web.Request) -> web.Response:
    query, rows = query_of(RouteQuery, request.query), request.app[SOURCE].routes()

    def found() -> tuple[int, str]:
        matched, page = search(rows, query)
        return matched, routes_json(len(rows), matched, query, page)

    return await page_answer(request, query, found)


async def get_agents(request: web.Request) -> web.Response:
    query, records = query_of(AgentQuery, request.query), request.app[SOURCE].agents()
    text = await request.app[SEARCHES].make(lambda: agents_json(by_agent(records, query)))
    return json_answer(request, text)


async def get_events(request: web.Request) -> web.StreamResponse:
    return await request.app[EVENTS].listen(request)


async def get_document(request: web.Request) -> web.Response:
    query_of(NoQuery, request.query)
    return json_answer(request, request.app[DOCUMENT])


async def get_healthz(request: web.Request) -> web.Response:
    """One line for load balancers and people: the worst concern. A warning is still able to serve."""
    status = request.app[SOURCE].status()
    state = health(status)
    worst = sorted(status.concerns, key=lambda concern: not concern.critical)
    reason = f"{state}: {' '.join(worst[0].text.split())}" if worst else state
    code = HTTPStatus.SERVICE_UNAVAILABLE if state == "critical" else HTTPStatus.OK
    return web.Response(status=code, text=reason + "\n")


_PROCESS = ProcessCollector(registry=None)  # ARM's own processor time, memory and descriptors


async def get_metrics(request: web.Request) -> web.Response:
    source = request.app[SOURCE]
    collectors = metrics.StatusCollector(source.status()), AgentCollector(source.agents()), _PROCESS
    page = await request.app[SCRAPES].make(lambda: metrics.page(*collectors))
    return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})


# What is in this list is served and described; so nothing is served that is not described.
ENDPOINTS = (
    Endpoint("/api/v1/status", get_status, "Everything at one moment", StatusView, NoQuery),
    Endpoint("/api/v1/routes", get_routes, "The route table, page by page", RoutesView, RouteQuery),
    Endpoint("/api/v1/agents", get_agents, "What the sFlow agents count", AgentsView, AgentQuery),
    EXPLAIN,
    MAP,
    *CURVES,
    *ENTRIES,
    *PAST,
    TRAFFIC,
    *WRITES,
    Endpoint(
        "/api/v1/events", get_events, "A `status` event each time there is news", content="text/event-stream"
    ),
    Endpoint("/api/v1/openapi.json", get_document, "This document", None, NoQuery),
    Endpoint("/healthz", get_healthz, "The worst concern in one line", content="text/plain", ill=True),
    Endpoint("/metrics", get_metrics, "For Prometheus", content="text/plain"),
)


def add_api(app: web.Application) -> None:
    for key, thread in (
        (SEARCHES, AnswerThread("search")),
        (SCRAPES, AnswerThread("scrape")),
        (LOOKS_AHEAD, AnswerThread("ahead", 8)),
    ):
        app[key] = thread
        app.cleanup_ctx.append(thread.running)
    app[KEPT_CURVES] = Kept(app[LOOKS_AHEAD])
    app[EVENTS] = Events(app[SOURCE], int(room() * LISTENERS))
    app.cleanup_ctx.append(app[EVENTS].running)
    app[DOCUMENT] = json.dumps(document(ENDPOINTS))
    for each in ENDPOINTS:
        if each.writes:
            app.router.add_route(each.method, each.route, each.handler)
        else:
            app.router.add_get(each.route, each.handler, allow_head=not each.endless)
