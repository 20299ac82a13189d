"""The document that describes the API, held against what the API does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from arm.web.api import ENDPOINTS
from arm.web.openapi import document
from arm.web.server import make_app
from tests.operating import Desk
from tests.web.picture import NO_DEFAULT, NO_SAMPLES, FakeSource, make_routes, make_status
from tests.web.rooms import WithRooms

DOCUMENT = document(ENDPOINTS)
SOURCE = WithRooms(make_status([NO_SAMPLES]), make_routes(40))
OPERATOR = Desk(Path("/nonexistent")).operator  # who is only asked
READS = [each for each in ENDPOINTS if not each.writes]
STREAM = "/api/v1/events"  # has no end: the tests of events read it


def ask(path: str, source: FakeSource = SOURCE) -> tuple[int, str, str]:
    async def asking() -> tuple[int, str, str]:
        app = make_app(source, operates=OPERATOR)
        async with TestClient(TestServer(app)) as client, client.get(path) as answer:
            return answer.status, answer.content_type, await answer.text()

    return asyncio.run(asking())


def check(path: str, code: int, content: str, text: str) -> None:
    """AssertionError or ValidationError unless the document tells of such an answer."""
    responses = DOCUMENT["paths"][path]["get"]["responses"]
    told = responses.get(str(code), responses["default"])["content"]
    assert content in told
    schema = {**told[content]["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(text) if "json" in content else text)


def values(parameter: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Values of a query parameter, and whether they are among those that the document allows."""
    schema = parameter["schema"]
    yield from ((value, True) for value in schema.get("enum", ()))
    if "default" in schema:
        yield str(schema["default"]), True
    if "minimum" in schema:
        yield from ((str(schema["minimum"]), True), (str(schema["minimum"] - 1), False))
    if "maximum" in schema:
        yield from ((str(schema["maximum"]), True), (str(schema["maximum"] + 1), False))
    if "maxLength" in schema:
        yield from (("x" * schema["maxLength"], True), ("x" * (schema["maxLength"] + 1), False))
    if "enum" in schema or "pattern" in schema or schema["type"] != "string":
        yield "no such", False


CASES = [
    (each.path, parameter["name"], value, allowed)
    for each in READS
    for parameter in DOCUMENT["paths"][each.path]["get"]["parameters"]
    for value, allowed in values(parameter)
]


def test_the_document_is_served() -> None:
    code, kind, text = ask("/api/v1/openapi.json")
    assert (code, kind) == (200, "application/json")
    assert json.loads(text) == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_path_of_the_api_is_in_it() -> None:
    served = {
        (route.resource.canonical, route.method.lower())
        for route in make_app(SOURCE).router.routes()
        if route.resource and route.method != "HEAD"
    }
    known = {each for each in served if each[0].startswith("/api/") or each[0] in ("/healthz", "/metrics")}
    operations = {
        (path, method): each for path, item in DOCUMENT["paths"].items() for method, each in item.items()
    }
    assert known == set(operations)
    identifiers = [each["operationId"] for each in operations.values()]
    assert len(set(identifiers)) == len(identifiers)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    named = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(DOCUMENT["components"]["schemas"])
    assert {"ProblemBody", "StatusView", "RouteView"} <= named


@pytest.mark.parametrize("path", [each.path for each in READS if each.path != STREAM])
def test_answers_are_as_described(path: str) -> None:
    required = any(each["required"] for each in DOCUMENT["paths"][path]["get"]["parameters"])
    code, kind, text = ask(path)
    assert code == (400 if required else 200)
    check(path, code, kind, text)
    check(path, *ask(path, WithRooms(make_status([NO_DEFAULT]))))


@pytest.mark.parametrize(("path", "name", "value", "allowed"), CASES)
def test_what_the_document_allows_and_nothing_else(path: str, name: str, value: str, allowed: bool) -> None:
    needed = {"/api/v1/simulate": "&entries=2"}.get(path, "") if name != "entries" else ""
    code, kind, text = ask(f"{path}?{name}={value}{needed}")
    assert code == (200 if allowed else 400), text
    check(path, code, kind, text)


def test_what_takes_no_such_parameter_refuses_it() -> None:
    for each in READS:
        if each.query is not None:
            code, kind, text = ask(f"{each.path}?no-such=1")
            assert code == 400
            check(each.path, code, kind, text)


def test_the_check_can_fail() -> None:
    class Wrong(BaseModel):
        health: int

    with pytest.raises(AssertionError):
        check("/api/v1/status", 200, "text/html", "")
    with pytest.raises(Exception, match="health"):
        check("/api/v1/status", 200, "application/json", Wrong(health=1).model_dump_json())
