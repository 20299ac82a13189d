"""Live events: many listeners, and one that never reads."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from arm.model import Status
from arm.web import events as events_module
from arm.web.events import MOST_EVENTS, Events, Line
from arm.web.problem import problems
from arm.web.schemas import status_json
from arm.web.server import make_app
from tests.web.picture import NO_SAMPLES, NOW, FakeSource, make_status

Client = TestClient[web.Request, web.Application]
TIME = re.compile(rb'"time":(\d+)')


@asynccontextmanager
async def live(
    source: FakeSource, most: int = 100, every: float = 0.01, heartbeat: float = 5.0, patience: float = 5.0
) -> AsyncIterator[tuple[Client, Events]]:
    events = Events(source, most, every=every, heartbeat=heartbeat, patience=patience)
    app = web.Application(middlewares=[problems])
    app.cleanup_ctx.append(events.running)
    app.router.add_get("/events", events.listen, allow_head=False)
    async with TestClient(TestServer(app)) as client:
        yield client, events


async def next_event(stream: ClientResponse) -> tuple[str, Any]:
    name = (await stream.content.readline()).decode().removeprefix("event: ").strip()
    data = (await stream.content.readline()).decode().removeprefix("data:").strip()
    assert await stream.content.readline() == b"\n"
    return name, json.loads(data) if data else None


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(limited())


def test_the_application_offers_the_stream() -> None:
    async def test() -> None:
        async with TestClient(TestServer(make_app(FakeSource()))) as client:
            stream = await client.get("/api/v1/events")
            assert stream.content_type == "text/event-stream"
            assert stream.headers["Cache-Control"] == "no-store"
            name, status = await next_event(stream)
            assert name == "status"
            assert status == await (await client.get("/api/v1/status")).json()

    run(test)


def test_every_listener_gets_each_new_status_once() -> None:
    async def test() -> None:
        source = FakeSource()
        async with live(source) as (client, _):
            streams = [await client.get("/events") for _ in range(5)]
            for step in range(3):
                source.current = make_status(time=NOW + step)
                told = [await next_event(stream) for stream in streams]
                assert {status["time"] for _, status in told} == {NOW + step}

    run(test)


def test_the_end_of_the_server_ends_the_streams() -> None:
    async def test() -> None:
        async with live(FakeSource(), heartbeat=3600) as (client, events):
            await client.get("/events")
            await until(lambda: events.listeners == 1)
            assert client.app is not None
            await client.app.shutdown()
            await until(lambda: events.listeners == 0)

    run(test)


def test_heartbeat_when_there_is_no_news() -> None:
    async def test() -> None:
        async with live(FakeSource(), heartbeat=0.02) as (client, _):
            stream = await client.get("/events")
            names = [(await next_event(stream))[0] for _ in range(3)]
            assert names == ["status", "heartbeat", "heartbeat"]

    run(test)


def test_what_happens_is_told_as_it_comes() -> None:
    async def test() -> None:
        source = FakeSource()
        source.events.started(NOW, "0.1.0")  # before: who wants it reads the log
        async with live(source) as (client, _):
            streams = [await client.get("/events") for _ in range(3)]
            for stream in streams:
                assert (await next_event(stream))[0] == "status"
            for number in (2, 3):
                source.events.add(NOW, "operator", f"event {number}", who="::1")
                for stream in streams:
                    name, event = await next_event(stream)
                    assert (name, event["number"], event["text"]) == ("log", number, f"event {number}")
                    assert event["facts"] == {"who": "::1"}

    run(test)


def test_many_events_at_once_are_cut_to_the_latest() -> None:
    async def test() -> None:
        source = FakeSource()
        async with live(source) as (client, _):
            stream = await client.get("/events")
            assert (await next_event(stream))[0] == "status"
            for number in range(1, 151):
                source.events.add(NOW, "operator", str(number))
            told = [(await next_event(stream))[1]["number"] for _ in range(MOST_EVENTS)]
            assert told == list(range(101, 151))

    run(test)


def test_one_that_never_reads_holds_nobody_up_and_is_cut_off() -> None:
    async def test() -> None:
        # Big pictures, so that the buffers between the two ends are full soon.
        big = make_status([replace(NO_SAMPLES, text="x" * 300_000)])
        source = FakeSource(big)
        async with live(source, patience=1.0) as (client, events):
            reader, writer = await asyncio.open_connection(client.host, client.port, limit=1024)
            writer.write(b"GET /events HTTP/1.1\r\nHost: arm\r\n\r\n")
            await until(lambda: events.listeners == 1)
            stream = await client.get("/events", read_bufsize=2**20)
            await next_event(stream)
            step = 0
            async with asyncio.timeout(30):
                while events.listeners == 2:
                    step += 1
                    source.current = replace(big, time=NOW + step)
                    _, status = await next_event(stream)
                    assert status["time"] == NOW + step
            assert step > 1
            writer.close()
            del reader

    run(test)


def test_a_slow_reader_gets_the_newest_not_the_backlog() -> None:
    async def test() -> None:
        big = make_status([replace(NO_SAMPLES, text="x" * 1_000_000)])
        source = FakeSource(big)
        async with live(source, patience=30.0) as (client, _):
            stream = await client.get("/events", read_bufsize=2**16)
            for step in range(1, 101):  # while it reads nothing
                source.current = replace(big, time=NOW + step)
                await asyncio.sleep(0.015)
            seen: list[int] = []
            end = b""
            while seen[-1:] != [int(NOW) + 100]:
                end = end[-40:] + await stream.content.readany()
                seen += [time for time in map(int, TIME.findall(end)) if time not in seen]
            assert seen == sorted(seen)
            assert len(seen) < 60

    run(test)


def test_listeners_are_bounded() -> None:
    async def test() -> None:
        async with live(FakeSource(), most=2, heartbeat=0.02) as (client, events):
            streams = [await client.get("/events") for _ in range(2)]
            refused = await client.get("/events")
            assert refused.status == 503
            assert "2 listeners" in (await refused.json(content_type=None))["detail"]
            streams[0].close()
            await until(lambda: events.listeners == 1)
            assert (await client.get("/events")).status == 200

    run(test)


def test_a_picture_that_cannot_be_shown_does_not_end_the_stream() -> None:
    async def test() -> None:
        source = FakeSource()
        async with live(source) as (client, _):
            stream = await client.get("/events")
            await next_event(stream)
            source.current = None  # type: ignore[assignment]
            await asyncio.sleep(0.05)
            source.current = make_status(time=NOW + 9)
            assert (await next_event(stream))[1]["time"] == NOW + 9

    run(test)


def test_an_event_is_made_once_however_many_listen(monkeypatch: Any) -> None:
    made: list[Any] = []

    def counted(status: Status) -> str:
        made.append(status)
        return status_json(status)

    monkeypatch.setattr(events_module, "status_json", counted)

    async def test() -> None:
        source = FakeSource()
        async with live(source) as (client, events):
            streams = [await client.get("/events") for _ in range(60)]
            await until(lambda: events.listeners == 60)
            for step in range(1, 4):
                source.current = make_status(time=NOW + step)
                while {status["time"] for _, status in [await next_event(each) for each in streams]} != {
                    NOW + step
                }:
                    pass
            assert len(made) == 4

    run(test)


def test_others_have_their_turn_while_many_are_told() -> None:
    told: list[int] = []
    rounds: list[int] = []

    class Counted(asyncio.Transport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            told.append(len(data))

        def is_closing(self) -> bool:
            return False

        def get_write_buffer_size(self) -> int:
            return 0

        def abort(self) -> None:
            pass

    async def test() -> None:
        loop, source = asyncio.get_running_loop(), FakeSource()
        events, app = Events(source, every=0.01), web.Application()
        lines = [Line(Counted(), True, loop.create_future(), None, 0.0, 0, 0.0) for _ in range(1000)]
        events._lines.update(lines)
        running = aiter(events.running(app))
        await anext(running)
        while len(told) < 1000:
            before = len(told)
            await asyncio.sleep(0)
            rounds.append(len(told) - before)
        assert max(rounds) <= 20
        assert len(told) == 1000
        async for _ in running:
            raise AssertionError("it runs on")

    run(test)


def test_http_1_0_gets_events_without_frames() -> None:
    async def test() -> None:
        source = FakeSource()
        async with live(source) as (client, events):
            reader, writer = await asyncio.open_connection(client.host, client.port)
            writer.write(b"GET /events HTTP/1.0\r\nHost: arm\r\n\r\n")
            await until(lambda: events.listeners == 1)
            await reader.readuntil(b"\r\n\r\n")
            for step in range(3):
                text = await reader.readuntil(b"\n\n")
                assert text.startswith(b"event: status\ndata: {")
                assert json.loads(text.partition(b"data:")[2])["time"] == NOW + step
                source.current = make_status(time=NOW + step + 1)
            writer.close()
            await until(lambda: events.listeners == 0)

    run(test)
