"""Which platform is asked, and that asking it never holds up the event loop."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from arm.fib import cumulus, sonic
from arm.fib.cumulus import Cumulus
from arm.fib.devlink import Devlink
from arm.fib.hardware import PORTION, Reading, Usage
from arm.fib.platforms import HardwareWatch, Unasked, platform
from arm.fib.sonic import Sonic
from arm.model import ArmError, Family, Prefix
from tests.fib.conftest import Databases

V4, V6 = Family


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that is no switch; what it turns out to be lies in the folder."""
    monkeypatch.setattr(sonic, "DATABASES", tmp_path / "database_config.json")
    monkeypatch.setattr(cumulus, "PROGRAM", tmp_path / "cl-resource-query")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_name_is_taken_at_its_word(bare: Path) -> None:
    assert platform("none") is None
    for word, kind in (("sonic", Sonic), ("cumulus", Cumulus), ("devlink", Devlink)):
        assert type(platform(word)) is kind, "though there is nothing here"


def test_auto_finds_out(bare: Path) -> None:
    assert platform("auto") is None
    devlink = bare / "devlink"
    devlink.write_text("#!/bin/sh\necho '{}'\n")
    devlink.chmod(0o755)
    assert platform("auto") is None, "no switch, though it has the program"
    fib = {"name": "IPv4", "resources": [{"name": "fib", "occ": 3, "size": 9}]}
    shown = {"dev": {"pci/1": {}}, "resources": {"pci/1": [fib]}}
    devlink.write_text(f"#!/bin/sh\necho '{json.dumps(shown)}'\n")
    assert type(platform("auto")) is Devlink
    (bare / "cl-resource-query").touch()
    assert type(platform("auto")) is Cumulus
    (bare / "database_config.json").touch()
    assert type(platform("auto")) is Sonic


def test_sonic_without_the_package_stops_nobody_who_did_not_ask(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "database_config.json").touch()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ArmError, match="the Python package redis"):
        platform("sonic")
    found = platform("auto")
    assert type(found) is Unasked
    assert found.name == "sonic"
    with pytest.raises(ArmError, match="the Python package redis"):
        found.read()


# --- the watch ----------------------------------------------------------------------------------------


class Slow:
    """A platform that takes its time, and says what it is told to."""

    name = "slow"
    interval = 0.01

    def __init__(self, *answers: Reading | Exception) -> None:
        self.answers = list(answers)
        self.threads: set[int] = set()
        self.closed = False

    def read(self) -> Reading:
        self.threads.add(threading.get_ident())
        time.sleep(0.1)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True


def watch(asked: Slow | Sonic, enough: Callable[[list[Reading | str]], bool]) -> list[Reading | str]:
    """What the watch tells until that is enough."""
    told: list[Reading | str] = []

    async def run() -> None:
        watching = asyncio.create_task(
            HardwareWatch(asked, told.append, lambda error: told.append(error.problem)).run()
        )
        for _ in range(1_000):
            await asyncio.sleep(0.01)
            if enough(told):
                break
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    asyncio.run(run())
    assert enough(told), told
    return told


def test_it_is_asked_in_a_thread_and_a_failure_is_told_once() -> None:
    well, error = Reading({V4: Usage(1, 2)}), ArmError("no answer", "wait")
    slow = Slow(well, error, error, error, ValueError("odd"), well)
    told = watch(slow, lambda told: told.count(well) >= 2)
    assert told[:2] == [well, "no answer"]
    assert isinstance(told[2], str)
    assert "odd" in told[2]
    assert told[3] == well
    assert threading.get_ident() not in slow.threads
    assert slow.closed


def test_many_prefixes_come_in_portions() -> None:
    prefixes = frozenset(Prefix(f"20.{n // 250}.{n % 250}.0/24") for n in range(3 * PORTION - 1))
    gone = frozenset({Prefix("2001:db8::/32")})
    reading = Reading({V4: Usage(1, 2)}, True, {V4: prefixes}, {V6: gone})
    parts = list(reading.parts())
    assert [len(part.came.get(V4, ())) for part in parts] == [PORTION, PORTION, PORTION - 1, 0]
    assert frozenset().union(*(part.came.get(V4, frozenset()) for part in parts)) == prefixes
    assert parts[-1].went == {V6: gone}
    assert all(part.usage == reading.usage and part.tells for part in parts)
    empty = Reading({}, False)
    assert list(empty.parts()) == [empty]


def test_a_real_redis_that_goes_and_comes_back(databases: Databases) -> None:
    """The watch says once that it is gone, and then everything anew."""
    databases.start()
    databases.fill(2, 14)
    turns = [databases.stop, databases.start]

    def again(told: list[Reading | str]) -> bool:
        lost = bool(told) and isinstance(told[-1], str)
        if turns and told and lost is (len(turns) == 1):
            turns.pop(0)()
            if lost:
                databases.fill(2, 14)
        return sum(bool(each.came) for each in told if isinstance(each, Reading)) == 4  # two families, twice

    told = watch(Sonic(databases.file), again)
    (error,) = (each for each in told if isinstance(each, str))
    assert "do not answer" in error
