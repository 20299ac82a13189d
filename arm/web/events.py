"""Live status as server-sent events: each listener gets the newest picture, never a backlog of old ones, and
what happens as it comes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from aiohttp import HttpVersion11, web

from arm.model import Status
from arm.web.past import EventView
from arm.web.problem import ProblemError
from arm.web.schemas import status_json
from arm.web.source import Remembers, StatusSource

log = structlog.get_logger(__name__)

_BATCH = 20  # listeners told at once; then BGP, sFlow and all others have their turn
_HEARTBEAT = b"event: heartbeat\ndata:\n\n"
MOST_EVENTS = 50  # of the log that a listener is told at once; who wants all of them reads the log


@dataclass(slots=True, eq=False)
class Line:
    """One listener."""

    transport: asyncio.Transport
    chunked: bool  # HTTP/1.1 wants each event framed
    gone: asyncio.Future[None]
    told: Status | None  # what it was told last
    told_at: float  # loop time at which it was told anything
    heard: int  # number of the last event of the log that it was told
    ready_at: float  # when everything that it had been told had left for it

    def release(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


@dataclass(frozen=True, slots=True)
class Written:
    """An event as it goes to all listeners: made once, however many they are."""

    plain: bytes
    chunk: bytes

    @staticmethod
    def of(event: bytes) -> Written:
        return Written(event, b"%x\r\n%b\r\n" % (len(event), event))


class Events:
    """Looks `every` so many seconds for a new status, writes it as JSON once, and tells all listeners.

    Nobody waits for a listener: one that has not taken what it was told is passed over until it has, then
    gets what is newest, and is cut off after `patience` seconds. Where there is no news for so many seconds,
    a `heartbeat` event tells the page that the line is still up.
    """

    def __init__(
        self,
        source: StatusSource,
        most: int = 1000,
        every: float = 1.0,
        heartbeat: float = 5.0,
        patience: float = 20.0,
    ) -> None:
        """`most`: listeners that there may be; times in seconds."""
        self._source = source
        self._most = most
        self._every = every
        self._heartbeat = heartbeat
        self._patience = patience
        self._shown: Status | None = None
        self._event, self._beat = Written.of(_HEARTBEAT), Written.of(_HEARTBEAT)
        self._news: deque[tuple[int, bytes]] = deque(maxlen=MOST_EVENTS)  # the latest events by number
        self._newest = self._log_number()
        self._since: tuple[int, Written | None] | None = None  # since a number, for who heard that
        self._taken = 0
        self._lines: set[Line] = set()

    @property
    def listeners(self) -> int:
        return self._taken

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
            for place, line in enumerate([*self._lines], 1):
                self._tell(line, asyncio.get_running_loop().time())
                if place % _BATCH == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(self._every)

    def _look(self) -> None:
        status = self._source.status()
        if status is not self._shown:
            self._event = Written.of(f"event: status\ndata: {status_json(status)}\n\n".encode())
            self._shown = status
        self._read_log()

    def _log_number(self) -> int:
        return self._source.log().newest if isinstance(self._source, Remembers) else 0

    def _read_log(self) -> None:
        """What has happened since the last look, as events."""
        if isinstance(self._source, Remembers) and (newest := self._log_number()) != self._newest:
            latest = self._source.log().latest(MOST_EVENTS)
            for event in reversed(latest):
                if event.number > self._newest:
                    text = EventView.model_validate(event).model_dump_json()
                    self._news.append((event.number, f"event: log\ndata: {text}\n\n".encode()))
            self._newest, self._since = newest, None

    def _news_since(self, number: int) -> Written | None:
        """Made once for the many who heard the same."""
        if self._since is None or self._since[0] != number:
            parts = b"".join(event for at, event in self._news if at > number)
            self._since = number, Written.of(parts) if parts else None  # a chunk of nothing ends a stream
        return self._since[1]

    def _tell(self, line: Line, now: float) -> None:
        if line.transport.is_closing():
            line.release()
        elif line.transport.get_write_buffer_size():
            if now - line.ready_at > self._patience:
                line.transport.abort()
                line.release()
        else:
            line.ready_at = now
            if line.heard != self._newest:
                if (news := self._news_since(line.heard)) is not None:
                    self._write(line, news, now)
                line.heard = self._newest
            if line.told is not self._shown:
                line.told = self._shown
                self._write(line, self._event, now)
            elif now - line.told_at >= self._heartbeat:
                self._write(line, self._beat, now)

    def _write(self, line: Line, event: Written, now: float) -> None:
        """Past aiohttp, which would have this wait until the listener has taken it."""
        line.transport.write(event.chunk if line.chunked else event.plain)
        line.told_at = now

    async def _hang_up(self, _app: web.Application) -> None:
        """Without this the server would wait for streams that have no end."""
        for line in self._lines:
            line.transport.abort()
            line.release()

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Until the listener leaves or is cut off."""
        transport = request.transport
        if transport is None:
            raise ConnectionResetError
        if self._taken >= self._most:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{self._most} listeners are connected already"
            )
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        self._taken += 1
        try:
            await self._stream(request, response, transport)
        except ConnectionError:
            pass  # it left, which is how every stream ends
        except TimeoutError:
            transport.abort()
        finally:
            self._taken -= 1
        return response

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, transport: asyncio.Transport
    ) -> None:
        loop = asyncio.get_running_loop()
        told, heard, event = self._shown, self._newest, self._event
        async with asyncio.timeout(self._patience):
            await response.prepare(request)
            await response.write(event.plain)  # with the headers, so through aiohttp
        now = loop.time()
        line = Line(transport, request.version >= HttpVersion11, loop.create_future(), told, now, heard, now)
        self._lines.add(line)
        try:
            await line.gone
        finally:
            self._lines.discard(line)
        transport.abort()  # a stream that was cut short is no stream that has ended
