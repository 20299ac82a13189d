"""Live status as server-sent events: each listener gets the newest picture, never a backlog of old ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus

import structlog
from aiohttp import web

from arm.model import Status
from arm.web.problem import ProblemError
from arm.web.schemas import status_json
from arm.web.source import StatusSource

log = structlog.get_logger(__name__)

MAX_LISTENERS = 64
_HEARTBEAT = b"event: heartbeat\ndata:\n\n"


class Events:
    """Looks `every` so many seconds for a new status, writes it as JSON once, and wakes the listeners.

    A listener that reads slowly only holds up its own coroutine: when it is ready again it gets what is
    newest then. One that reads nothing for `patience` seconds is cut off. Where there is no news, a
    `heartbeat` event tells the page after so many seconds that the line is still up.
    """

    def __init__(
        self, source: StatusSource, every: float = 1.0, heartbeat: float = 5.0, patience: float = 20.0
    ) -> None:
        self._source = source
        self._every = every
        self._heartbeat = heartbeat
        self._patience = patience
        self._shown: Status | None = None
        self._event = _HEARTBEAT
        self._news = asyncio.Event()
        self._lines: set[asyncio.Transport] = set()

    @property
    def listeners(self) -> int:
        return len(self._lines)

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """For `Application.cleanup_ctx`."""
        app.on_shutdown.append(self._hang_up)
        publishing = asyncio.create_task(self._publish())
        yield
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing

    async def _publish(self) -> None:
        while True:
            try:
                self._look()
            except Exception:
                # The next picture may be good again; until then the page says that this one is old.
                log.exception("the status cannot be shown")
            await asyncio.sleep(self._every)

    def _look(self) -> None:
        status = self._source.status()
        if status is self._shown:
            return
        self._shown = status
        self._event = f"event: status\ndata: {status_json(status)}\n\n".encode()
        # Whoever waits holds the old Event; those who come back from a slow write find it set.
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _hang_up(self, _app: web.Application) -> None:
        """Without this the server would wait for streams that have no end."""
        for line in self._lines:
            line.abort()
        self._news.set()  # who waits for news finds the line gone

    async def listen(self, request: web.Request) -> web.StreamResponse:
        line = request.transport
        if line is None:
            raise ConnectionResetError
        if len(self._lines) >= MAX_LISTENERS:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_LISTENERS} listeners are connected already"
            )
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        self._lines.add(line)
        try:
            await response.prepare(request)
            await self._tell(response)
        except ConnectionError:
            pass  # it left, which is how every stream ends
        except TimeoutError:
            line.abort()
        finally:
            self._lines.discard(line)
        return response

    async def _tell(self, response: web.StreamResponse) -> None:
        """Until the line breaks."""
        news, event = self._news, self._event
        while True:
            async with asyncio.timeout(self._patience):
                await response.write(event)
            try:
                async with asyncio.timeout(self._heartbeat):
                    await news.wait()
                news, event = self._news, self._event
            except TimeoutError:
                event = _HEARTBEAT
