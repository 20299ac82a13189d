"""A redis as SONiC's database container runs it, for the tests that read it."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisError

RECORDED = Path(__file__).parent / "recorded/sonic"


class Databases:
    """On a socket of its own, and as the file `file` says."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "redis.sock"
        self.file = directory / "database_config.json"
        text = (RECORDED / "database_config.json").read_text()
        self.file.write_text(text.replace("/var/run/redis/redis.sock", str(self.socket)))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {"port": "0", "unixsocket": str(self.socket), "save": "", "notify-keyspace-events": "AKE"}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self[0].ping()
                return
            except RedisError:
                time.sleep(0.02)
        raise AssertionError("redis does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)

    def __getitem__(self, number: int) -> Any:
        return Redis(unix_socket_path=str(self.socket), db=number, decode_responses=True)

    def fill(self, *numbers: int) -> None:
        self[0].flushall()
        for number, keys in json.loads((RECORDED / "databases.json").read_text()).items():
            if int(number) in numbers:
                for key, fields in keys.items():
                    self[int(number)].hset(key, mapping=fields)


def needed() -> None:
    """Skip where there is no redis."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis: install redis-server (tests/run does)")


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    """One that does not run yet."""
    needed()
    databases = Databases(tmp_path)
    yield databases
    databases.stop()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """One that runs, with whatever the test before left in it."""
    needed()
    databases = Databases(tmp_path_factory.mktemp("redis"))
    databases.start()
    yield databases
    databases.stop()
