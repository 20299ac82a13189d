"""What all answers of the API have in common: queries, a thread, and 304 for who has the answer already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from http import HTTPStatus
from typing import Protocol, TypeVar

from aiohttp import ETag, web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from arm.web.problem import ParameterFault, ProblemError

MAX_WAITING = 32  # answers; more would only make everybody wait longer than they want to

_Query = TypeVar("_Query", bound=BaseModel)
_Answer = TypeVar("_Answer")


class AnswerThread:
    """Answers that take long are made one after the other in a thread of their own.

    The event loop also carries BGP and sFlow and must not stand still for the tenth of a second that
    sorting 100,000 rows takes; and however many pages are open, they get one processor at most.
    """

    def __init__(self, name: str, most: int = MAX_WAITING) -> None:
        """`most`: answers that may wait."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"arm-web-{name}")
        self._most = most
        self._waiting = 0

    async def make(self, answer: Callable[[], _Answer]) -> _Answer:
        if self._waiting >= self._most:
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


# Several, so that many open pages do not keep the monitoring from its figures, nor a look ahead, which may
# take seconds, the pages from theirs.
SEARCHES = web.AppKey("searches", AnswerThread)
SCRAPES = web.AppKey("scrapes", AnswerThread)
LOOKS_AHEAD = web.AppKey("looks_ahead", AnswerThread)


def query_of(model: type[_Query], parameters: MultiMapping[str]) -> _Query:
    """The parameters of a request; a problem that names each that cannot be understood."""
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


def parameter_error(parameter: str, problem: str, allowed: str) -> ProblemError:
    """A parameter that could be understood, but does not go with the others."""
    fault = ParameterFault(parameter=parameter, problem=problem, allowed=allowed)
    return ProblemError(HTTPStatus.BAD_REQUEST, f"cannot understand the query: {parameter}", [fault])


def _fault(model: type[BaseModel], name: str, kind: str, value: str) -> ParameterFault:
    field = model.model_fields.get(name)
    if field is None:
        known = ", ".join(model.model_fields)
        return ParameterFault(parameter=name, problem="no such parameter", allowed=known or "none")
    problem = "too long" if kind == "string_too_long" else f"cannot be {value!r}"
    return ParameterFault(parameter=name, problem=problem, allowed=field.description or "")


def json_answer(request: web.Request, text: str) -> web.Response:
    """The JSON, or 304 if it is the very same that the client says it has."""
    body = text.encode()
    tag = blake2b(body, digest_size=12).hexdigest()
    held = request.if_none_match or ()
    if any(each.value in (tag, "*") for each in held):
        answer = web.Response(status=HTTPStatus.NOT_MODIFIED)
    else:
        answer = web.Response(body=body, content_type="application/json", charset="utf-8")
    answer.etag = ETag(tag)
    # It may be kept, but not shown without asking whether it is still so.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


class Paged(Protocol):
    """A query that asks for a part of what matches."""

    @property
    def limit(self) -> int: ...

    @property
    def offset(self) -> int: ...


async def page_answer(
    request: web.Request, query: Paged, make: Callable[[], tuple[int, str]]
) -> web.Response:
    """One page, with links to those beside it. `make`, in the thread for searches, gives how many match and
    the JSON."""
    matched, text = await request.app[SEARCHES].make(make)
    answer = json_answer(request, text)
    _link_pages(request, answer, query.offset, query.limit, matched)
    return answer


def _link_pages(request: web.Request, answer: web.Response, offset: int, limit: int, matched: int) -> None:
    """Where the pages before and after this one are (RFC 8288)."""
    places = {"prev": max(0, offset - limit)} if offset > 0 else {}
    if offset + limit < matched:
        places["next"] = offset + limit
    for relation, place in places.items():
        # A relative address: behind a proxy nobody here knows the absolute one.
        query = request.rel_url.update_query(offset=place, limit=limit).raw_query_string
        answer.headers.add("Link", f'<?{query}>; rel="{relation}"')
