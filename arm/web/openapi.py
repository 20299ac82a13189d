"""The API described as OpenAPI 3.1, from the same list and the same schemas that serve it. Pure."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from arm import __version__
from arm.web.problem import ProblemBody

_REFERENCE = "#/components/schemas/{model}"
_REFUSALS = {
    401: "the token is missing or wrong",
    403: "changes are switched off, or not taken from there",
    404: "there is nothing to take back",
    408: "the body did not come in time",
    409: "it cannot be done as things are",
    413: "the body is too large",
    415: "the body is no JSON",
    429: "too many wrong tokens",
    503: "it could not be kept",
}
_TAG = {"description": "changes when the answer does", "schema": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path, and what is done there."""

    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    summary: str
    answer: type[BaseModel] | None = None  # None: no JSON of a fixed shape
    query: type[BaseModel] | None = None  # None: it takes no parameters
    content: str = "application/json"
    ill: bool = False  # 503 has the same form as 200: it is an answer, not an error
    method: Literal["GET", "POST", "DELETE"] = "GET"
    body: type[BaseModel] | None = None  # what is posted
    place: type[BaseModel] | None = None  # what stands in the path's braces, which may hold a /

    @property
    def writes(self) -> bool:
        """It changes something, and so wants the token."""
        return self.method != "GET"

    @property
    def route(self) -> str:
        """The path for aiohttp's router."""
        return self.path.replace("}", ":.+}")

    @property
    def endless(self) -> bool:
        """A stream: HEAD would never end."""
        return self.content == "text/event-stream"

    @property
    def tagged(self) -> bool:
        """Answered by `json_answer`?"""
        return self.content == "application/json" and not self.writes


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    answers: dict[type[BaseModel], Literal["serialization"]] = {ProblemBody: "serialization"}
    answers |= {each.answer: "serialization" for each in endpoints if each.answer is not None}
    bodies: dict[type[BaseModel], Literal["validation"]] = {
        each.body: "validation" for each in endpoints if each.body is not None
    }
    _, schemas = models_json_schema([*answers.items(), *bodies.items()], ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Active Route Manager",
            "version": __version__,
            "description": "Times are Unix seconds, shares run from 0 to 1, an unknown value is null.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "the word in the file that web.token_file names",
                }
            },
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    json = endpoint.content == "application/json"
    schema: dict[str, Any] = {"type": "object"} if json else {"type": "string"}
    if endpoint.answer is not None:
        schema = _reference(endpoint.answer)
    good: dict[str, Any] = {"description": "the answer", "content": {endpoint.content: {"schema": schema}}}
    problem = {"application/problem+json": {"schema": _reference(ProblemBody)}}
    responses: dict[str, Any] = {"200": good}
    if endpoint.tagged:
        good["headers"] = {"ETag": _TAG}
        responses["304"] = {"description": "it is still what If-None-Match names", "headers": {"ETag": _TAG}}
    if endpoint.query is not None:
        responses["400"] = {"description": "something cannot be understood", "content": problem}
    if endpoint.writes:
        responses |= {
            str(code): {"description": description, "content": problem}
            for code, description in _REFUSALS.items()
        }
    if endpoint.ill:
        responses["503"] = {**good, "description": "service is affected"}
    responses["default"] = {"description": "any other problem", "content": problem}
    name = re.sub(r"[^a-z0-9]+", "_", endpoint.path.removeprefix("/api/v1").lower()).strip("_")
    parameters = _parameters(endpoint.place, "path") + _parameters(endpoint.query, "query")
    operation = {
        "operationId": f"{endpoint.method.lower()}_{name}" if endpoint.writes else name,
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": responses,
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": any(field.is_required() for field in endpoint.body.model_fields.values()),
            "content": {"application/json": {"schema": _reference(endpoint.body)}},
        }
    if endpoint.writes:
        operation["security"] = [{"token": []}]
    return operation


def _parameters(model: type[BaseModel] | None, where: Literal["path", "query"]) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(mode="validation")
    required = schema.get("required", ())
    return [
        {"name": name, "in": where, "required": name in required, **_parameter(each)}
        for name, each in schema.get("properties", {}).items()
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
