"""The daemon's own server on a socket, and a command that asks it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from arm.cli import main
from arm.web.gate import Gate
from arm.web.server import serve
from arm.web.source import Operates, StatusSource
from tests.explaining import ExplainingDaemon

Capture = pytest.CaptureFixture[str]


@contextmanager
def serving(
    source: StatusSource, gate: Gate | None = None, operates: Operates | None = None
) -> Iterator[str]:
    """The daemon's server in a thread; gives its address."""
    started, address = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def running() -> None:
        async with serve(source, "127.0.0.1", 0, gate=gate, operates=operates) as url:
            address.append(url)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(running()))
    thread.start()
    assert started.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def call(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    return code, *capsys.readouterr()


def busy() -> StatusSource:
    """A daemon with traffic to three routes and an entry for one of them, which hides another."""
    daemon = ExplainingDaemon()
    daemon.install("20.0.0.0/16", 1)
    for _ in range(2):
        daemon.tick({"20.0.0.1": 6000.0, "20.0.1.1": 3000.0, "20.1.0.1": 1000.0})
    return daemon.board
