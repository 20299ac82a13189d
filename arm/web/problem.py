"""Every error leaves as application/problem+json (RFC 9457): what is wrong, and what is allowed instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

import structlog
from aiohttp import web
from pydantic import BaseModel

log = structlog.get_logger(__name__)

_LATER = {HTTPStatus.SERVICE_UNAVAILABLE: "5", HTTPStatus.TOO_MANY_REQUESTS: "60"}  # seconds

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ParameterFault(BaseModel):
    """One query parameter that cannot be understood."""

    parameter: str
    problem: str
    allowed: str


class ProblemBody(BaseModel):
    """The body of every error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    parameters: list[ParameterFault] | None = None


class ProblemError(Exception):
    """Raised by a handler to answer with an error."""

    def __init__(self, status: HTTPStatus, detail: str, parameters: Sequence[ParameterFault] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.parameters = list(parameters)


def body_of(problem: ProblemError) -> str:
    """JSON."""
    body = ProblemBody(
        title=problem.status.phrase,
        status=problem.status,
        detail=problem.detail,
        parameters=problem.parameters or None,
    )
    return body.model_dump_json(exclude_none=True)


def response_to(problem: ProblemError) -> web.Response:
    """The answer to a request that had this problem."""
    return web.Response(status=problem.status, text=body_of(problem), content_type="application/problem+json")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns whatever goes wrong below into a problem; what went wrong inside is logged, never shown."""
    try:
        return await handler(request)
    except ProblemError as problem:
        response = response_to(problem)
        if problem.status in _LATER:
            response.headers["Retry-After"] = _LATER[problem.status]
        if problem.status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Bearer realm="arm"'
        if problem.status == HTTPStatus.REQUEST_TIMEOUT:
            response.force_close()
        return response
    except web.HTTPNotFound:
        return response_to(ProblemError(HTTPStatus.NOT_FOUND, f"there is nothing at {request.path}"))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        response = response_to(
            ProblemError(
                HTTPStatus.METHOD_NOT_ALLOWED, f"{error.method} is not possible here, only {allowed}"
            )
        )
        response.headers["Allow"] = allowed
        return response
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return response_to(ProblemError(HTTPStatus(error.status), error.reason))
    except ConnectionError:
        raise  # the client left: there is nobody to answer
    except Exception:
        log.exception("the request failed", path=request.path)
        return response_to(
            ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault in ARM; its log has the details")
        )
