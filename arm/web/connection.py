"""One client's connection, and how much of anything a client may take: room, time and octets."""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from arm.log import printable
from arm.web.headers import HEADERS
from arm.web.problem import Handler, ProblemError, body_of, response_to

log = structlog.get_logger(__name__)

MAX_CONNECTIONS = 1200
LISTENERS = 5 / 6  # of the connections may be listeners: the others stay for questions
MAX_REQUEST = 64 * 1024  # octets of a request, or before the next one begins
PATIENCE = 20.0  # seconds for a request to come, and for some of its answer to be taken


def room() -> int:
    """Connections that there may be. BGP, BIRD and the file of the state need descriptors as well."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else min(MAX_CONNECTIONS, files // 2)


@dataclass(slots=True)
class Door:
    """What all connections share."""

    most: int = field(default_factory=room)
    patience: float = PATIENCE
    inside: int = 0


class Connection(web.RequestHandler):
    """As aiohttp has it, with limits, and with errors in the same form as all others."""

    __slots__ = ("_checking", "_counted", "_door", "_ending", "_octets", "_served", "_unsent")

    def __init__(self, server: web.Server, door: Door, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._door = door
        self._counted = False
        self._served = False  # at least one request was complete
        self._ending = False  # nothing more is answered
        self._octets = 0  # since then
        self._unsent = 0  # octets of the answer that the client had not taken when this was last looked at
        self._checking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._door.inside >= self._door.most:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections are open already")
            return
        self._door.inside += 1
        self._counted = True
        self._check_later()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._counted:
            self._door.inside -= 1
            self._counted = False
        if self._checking is not None:
            self._checking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._octets += len(data)
        if self._octets > MAX_REQUEST and self._ending:
            self.force_close()  # it has its answer, and goes on with what that was about
            return
        if self._octets > MAX_REQUEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_REQUEST} octets")
            return
        super().data_received(data)

    def arrived(self) -> None:
        """A request is complete but for its body."""
        self._served, self._octets = True, 0

    def ending(self) -> None:
        """Its answer is the last of this connection."""
        self._ending = True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no request, or a fault outside of all handlers. A client cannot fill the log."""
        self.arrived()
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer has been sent")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("a request failed", exc_info=exc)
            problem = ProblemError(HTTPStatus(status), "a fault in ARM; its log has the details")
        elif isinstance(exc, LineTooLong):
            problem = ProblemError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the request line or a header is too long"
            )
        else:
            words = printable(" ".join((message or "").split()))[:200]
            problem = ProblemError(HTTPStatus(status), f"this is no request of HTTP: {words}")
        response = response_to(problem)
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = "no-store"
        response.force_close()
        return response

    def _check_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._checking = loop.call_later(self._door.patience, self._check)

    def _check(self) -> None:
        transport = self.transport
        if transport is None:
            return
        unsent = transport.get_write_buffer_size()
        if not self._served:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request has not come in time")
        elif unsent and unsent >= self._unsent > 0:
            transport.abort()  # it takes nothing: there is no telling it
        else:
            self._unsent = unsent
            self._check_later()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """An answer of the last resort, to a client that has not said what it wants."""
        if self.transport is None or self.transport.is_closing():
            return
        body = body_of(ProblemError(status, detail)).encode()
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "Content-Type: application/problem+json",
            f"Content-Length: {len(body)}",
            "Connection: close",
            "Cache-Control: no-store",
            *(f"{name}: {value}" for name, value in HEADERS.items()),
        ]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.force_close()


@web.middleware
async def limits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The first to see a request."""
    protocol = request.protocol if isinstance(request.protocol, Connection) else None
    if protocol is not None:
        protocol.arrived()
    if (request.content_length or 0) > MAX_REQUEST:
        response = response_to(
            ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_REQUEST} octets")
        )
        response.force_close()
        return response
    answer = await handler(request)
    if protocol is not None and answer.keep_alive is False:
        protocol.ending()
    return answer
