"""The API against its own document, by a tool that neither was made for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from arm.web.api import ENDPOINTS
from arm.web.openapi import document
from arm.web.server import serve
from tests.web.picture import NO_SAMPLES, NOW, FakeSource, make_routes, make_status
from tests.web.rooms import WithRooms

schemathesis = pytest.importorskip("schemathesis")
schema = schemathesis.openapi.from_dict(document(ENDPOINTS))


def filled() -> FakeSource:
    source = WithRooms(make_status([NO_SAMPLES]), make_routes(60))
    for second in range(30):
        source.figures.add(NOW + second, {"ipv4.coverage": 0.5})
        source.events.reloaded(NOW + second, True, ["nothing new"])
    return source


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a server in a thread."""
    ready, found = threading.Event(), list[Any]()

    async def serving() -> None:
        end = asyncio.Event()
        async with serve(filled(), "127.0.0.1", 0) as address:
            found.extend((address, asyncio.get_running_loop(), end))
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serving()), daemon=True)
    thread.start()
    assert ready.wait(20)
    address, loop, end = found
    yield address.rstrip("/")
    loop.call_soon_threadsafe(end.set)
    thread.join(20)


def check(case: Any, url: str) -> None:
    # What goes with what, a family with its prefixes, is more than a schema of single parameters can tell.
    parted = [schemathesis.checks.positive_data_acceptance] if case.path == "/api/v1/map" else []
    case.call_and_validate(base_url=url, timeout=20, excluded_checks=parted)


# The stream has no end, and has tests of its own.
examples = settings(max_examples=8, deadline=None, suppress_health_check=[*HealthCheck])
test_every_answer_is_as_described = schema.exclude(path="/api/v1/events").parametrize()(examples(check))
