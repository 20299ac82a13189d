"""The API against its own document, by a tool that neither was made for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from arm.model import Family, Ranking
from arm.web.api import ENDPOINTS
from arm.web.gate import Gate
from arm.web.openapi import document
from arm.web.server import serve
from tests.operating import TOKEN, Desk, token_file
from tests.web.picture import NO_SAMPLES, NOW, FakeSource, make_routes, make_status
from tests.web.rooms import WithRooms

schemathesis = pytest.importorskip("schemathesis")
schema = schemathesis.openapi.from_dict(document(ENDPOINTS))


def filled() -> FakeSource:
    source = WithRooms(make_status([NO_SAMPLES]), make_routes(60))
    for second in range(30):
        source.figures.add(NOW + second, {"ipv4.coverage": 0.5})
        source.split.add(NOW + second, {Family.IPV4: {"as_path": Ranking(("64500",), (1.0,), 3.0)}})
        source.events.reloaded(NOW + second, True, ["nothing new"])
    return source


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server in a thread."""
    folder = tmp_path_factory.mktemp("state")
    ready, found = threading.Event(), list[Any]()

    async def serving() -> None:
        end = asyncio.Event()
        gate = Gate(token_file=token_file(folder), tries=1_000_000)
        async with serve(filled(), "127.0.0.1", 0, gate=gate, operates=Desk(folder).operator) as address:
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
    token = {"Authorization": f"Bearer {TOKEN}"}
    case.call_and_validate(base_url=url, timeout=20, excluded_checks=parted, headers=token)


def check_refusal(case: Any, url: str) -> None:
    """What changes anything does nothing without the token, whatever else is said."""
    answer = case.call(base_url=url, timeout=20)
    case.validate_response(answer, excluded_checks=[schemathesis.checks.negative_data_rejection])
    assert answer.status_code in (401, 404, 405), answer.text


# The stream has no end, and has tests of its own.
examples = settings(max_examples=8, deadline=None, suppress_health_check=[*HealthCheck])
test_every_answer_is_as_described = schema.exclude(path="/api/v1/events").parametrize()(examples(check))
changes = schema.include(method=["POST", "DELETE"])
test_no_change_without_the_token = changes.parametrize()(examples(check_refusal))
