"""The API described as OpenAPI 3.1, from the same list and the same schemas that serve it. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from arm import __version__
from arm.web.problem import ProblemBody

_REFERENCE = "#/components/schemas/{model}"
_TAG = {"description": "changes when the answer does", "schema": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path that can be read."""

    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    answer: type[BaseModel] | None = None  # None: no JSON of a fixed shape
    query: type[BaseModel] | None = None  # None: it takes no parameters
    content: str = "application/json"
    ill: bool = False  # 503 has the same form as 200: it is an answer, not an error

    @property
    def endless(self) -> bool:
        """A stream: HEAD would never end."""
        return self.content == "text/event-stream"

    @property
    def tagged(self) -> bool:
        """Answered by `json_answer`?"""
        return self.content == "application/json"


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    answers: dict[type[BaseModel], Literal["serialization"]] = {ProblemBody: "serialization"}
    answers |= {each.answer: "serialization" for each in endpoints if each.answer is not None}
    _, schemas = models_json_schema([*answers.items()], ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Active Route Manager",
            "version": __version__,
            "description": "Times are Unix seconds, shares run from 0 to 1, an unknown value is null.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {each.path: {"get": _operation(each)} for each in endpoints},
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"} if endpoint.tagged else {"type": "string"}
    if endpoint.answer is not None:
        schema = _reference(endpoint.answer)
    good: dict[str, Any] = {"description": "the answer", "content": {endpoint.content: {"schema": schema}}}
    problem = {"application/problem+json": {"schema": _reference(ProblemBody)}}
    responses: dict[str, Any] = {"200": good}
    if endpoint.tagged:
        good["headers"] = {"ETag": _TAG}
        responses["304"] = {"description": "it is still what If-None-Match names", "headers": {"ETag": _TAG}}
    if endpoint.query is not None:
        responses["400"] = {"description": "a parameter cannot be understood", "content": problem}
    if endpoint.ill:
        responses["503"] = {**good, "description": "service is affected"}
    responses["default"] = {"description": "any other problem", "content": problem}
    return {
        "operationId": endpoint.path.removeprefix("/api/v1").strip("/").replace(".", "_").replace("/", "_"),
        "summary": endpoint.summary,
        "parameters": _parameters(endpoint.query) if endpoint.query is not None else [],
        "responses": responses,
    }


def _parameters(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema(mode="validation")
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, **_parameter(each)}
        for name, each in schema["properties"].items()
    ]


def _parameter(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be missing is `X | None` in Python, but nobody can write null in a query."""
    description = schema.pop("description", "")
    schema.pop("title", None)
    choices = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]
    if schema.get("default", ...) is None:
        del schema["default"]
    if len(choices) == 1:
        schema |= choices[0]
    elif choices:
        schema["anyOf"] = choices
    return {"description": description, "schema": schema}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
