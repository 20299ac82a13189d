"""What a client may take of room, time and octets, over plain sockets; and what it is told then."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from arm.web.connection import MAX_CONNECTIONS, MAX_REQUEST, Door, room
from arm.web.server import serve
from tests.web.picture import FakeSource, make_routes

STATUS = b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
Test = Callable[[str, int], Awaitable[None]]


def run(test: Test, door: Door | None = None, source: FakeSource | None = None) -> None:
    async def running() -> None:
        async with asyncio.timeout(30), serve(source or FakeSource(), "127.0.0.1", 0, door) as url:
            await test("127.0.0.1", urlsplit(url).port or 0)

    asyncio.run(running())


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side ends the connection, however it does."""
    found = b""
    try:
        while octets := await reader.read(1 << 16):
            found += octets
    except ConnectionError:
        pass
    return found


def problem(answer: bytes) -> tuple[int, str]:
    """Code and detail of an error; it has the form and the headers of every other."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"frame-ancestors 'none'" in head
    words: dict[str, Any] = json.loads(body)
    assert words["status"] == int(head.split()[1])
    return words["status"], words["detail"]


async def say(host: str, port: int, *pieces: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    answer = asyncio.create_task(all_of(reader))
    for piece in pieces:
        if not answer.done():
            writer.write(piece)
            await asyncio.sleep(0.01)
    try:
        return await answer
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("request_", "code", "detail"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "no request of HTTP"),  # TLS
        (b"GET / HTTP/9\r\n\r\n", 400, "no request of HTTP"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "no request of HTTP"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400, "no request of HTTP"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 431, "too long"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 9000 + b"\r\n\r\n", 431, "too long"),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413, "octets"),
    ],
    ids=["tls", "version", "header", "length", "line", "field", "body"],
)
def test_what_is_malformed_or_too_large(
    request_: bytes, code: int, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(host: str, port: int) -> None:
        found, words = problem(await say(host, port, request_))
        assert found == code
        assert detail in words

    run(test)
    assert not caplog.records  # a client cannot fill the log


@pytest.mark.parametrize(
    "many", [b"GET / HTTP/1.1\r\n" + b"Another: header\r\n" * 10_000, STATUS[:-4] + b"x" * 90_000]
)
def test_headers_without_end(many: bytes) -> None:
    async def test(host: str, port: int) -> None:
        pieces = [many[at : at + 8000] for at in range(0, len(many), 8000)]
        assert problem(await say(host, port, *pieces))[0] in (400, 413, 431)

    run(test)


@pytest.mark.parametrize("pieces", [(), (b"",), (b"GET /api/v1/sta",), (STATUS[:-2],)])
def test_a_request_that_does_not_come_is_not_waited_for(pieces: tuple[bytes, ...]) -> None:
    async def test(host: str, port: int) -> None:
        assert problem(await say(host, port, *pieces)) == (408, "the request has not come in time")

    run(test, Door(patience=0.1))


def test_who_has_asked_once_may_ask_again_later() -> None:
    async def test(host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        for _ in range(3):
            writer.write(STATUS)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split()[0])
            assert json.loads(await reader.readexactly(length))["version"] == "0.1.0"
            await asyncio.sleep(0.25)  # longer than the door's patience
        writer.close()

    run(test, Door(patience=0.1))


def test_who_takes_nothing_of_the_answer_is_cut_off() -> None:
    door = Door(patience=0.2)

    async def test(host: str, port: int) -> None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, port))
        ask = b"GET /api/v1/routes?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.sendall(ask * 30)
        while door.inside != 1:
            await asyncio.sleep(0.01)
        while door.inside:
            await asyncio.sleep(0.01)
        client.close()

    run(test, door, FakeSource(routes=make_routes(4000)))


def test_connections_are_bounded_and_the_room_of_those_that_left_is_free() -> None:
    door = Door(most=3)

    async def test(host: str, port: int) -> None:
        lines = [await asyncio.open_connection(host, port) for _ in range(3)]
        while door.inside != 3:
            await asyncio.sleep(0.01)
        assert problem(await say(host, port)) == (503, "too many connections are open already")
        assert door.inside == 3
        lines[0][1].close()
        while door.inside != 2:
            await asyncio.sleep(0.01)
        answer = await say(host, port, STATUS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        for _, writer in lines[1:]:
            writer.close()

    run(test, door)


def test_slow_and_idle_clients_keep_nobody_from_an_answer() -> None:
    async def test(host: str, port: int) -> None:
        slow = [await asyncio.open_connection(host, port) for _ in range(100)]
        for _, writer in slow:
            writer.write(b"GET /api/v1/status HTTP/1.1\r\nX: ")
        answer = await say(host, port, STATUS.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert answer.startswith(b"HTTP/1.1 200 OK")
        for _, writer in slow:
            writer.close()

    run(test)


@pytest.mark.parametrize(
    ("files", "connections"),
    [(1024, 512), (1 << 20, MAX_CONNECTIONS), (resource.RLIM_INFINITY, MAX_CONNECTIONS)],
)
def test_file_descriptors_are_left_for_others(
    files: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert room() == connections


def test_a_body_that_nobody_asked_for_ends_the_connection() -> None:
    async def test(host: str, port: int) -> None:
        head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await say(host, port, head, *[b"1000\r\n" + b"x" * 4096 + b"\r\n"] * (MAX_REQUEST // 2048))
        assert answer.startswith(b"HTTP/1.1 200 OK")  # and then it is closed, or `say` would not end

    run(test)
