"""A real Chromium, and a daemon's web server that it looks at."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

from arm.web.server import serve
from arm.web.source import StatusSource
from tests.web.picture import FakeSource

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Daemon:
    """A web server in a thread of its own, which comes back at the same port after it was stopped."""

    def __init__(self, source: StatusSource) -> None:
        self.source = source
        self.publishing = True
        self.url = ""
        self._port = 0
        self._thread = threading.Thread()
        self._stop = threading.Event()

    def start(self) -> None:
        up = threading.Event()
        self._stop.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(up)))
        self._thread.start()
        assert up.wait(10)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    async def _serve(self, up: threading.Event) -> None:
        async with serve(self.source, "127.0.0.1", self._port) as self.url:
            self._port = int(self.url.rstrip("/").rpartition(":")[2])
            up.set()
            while not self._stop.is_set():
                if self.publishing and isinstance(self.source, FakeSource):
                    self.source.current = replace(self.source.current, time=time.time())
                await asyncio.sleep(0.1)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path) as answer:
            return json.load(answer)
