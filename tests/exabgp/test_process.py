"""Whatever ExaBGP does, ARM goes on and has a working one again: with a stand-in that misbehaves on order."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from arm.exabgp import process
from arm.exabgp.config import Session, Speaker
from arm.exabgp.process import Exabgp
from arm.model import ArmError

HOLD_TIME = 3  # seconds; hung after one without a word, deaf after three without an answer


class Supervised:
    """An ExaBGP whose starts behave as `behaviour` says, word by word."""

    def __init__(self, folder: Path, behaviour: str, hold_time: int = HOLD_TIME) -> None:
        self.folder = folder
        python = folder / "python"
        python.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("fake.py")} "$@"\n')
        python.chmod(0o755)
        (folder / "behaviour").write_text(behaviour)
        session = Session("reflector", "127.0.0.1", "127.0.0.1", 65000, "192.0.2.254")
        self.speaker = Speaker(session, session, 1179, hold_time, 100, "root")
        self.heard: list[bytes] = []
        self.reasons: list[str] = []
        self.exabgp = Exabgp(self.speaker, folder, self.heard.extend, self.down, python)

    def down(self, reason: str) -> None:
        assert not alive(self.pids()[-1]), "it has gone when that is told"
        self.reasons.append(reason)

    def lives(self) -> list[str]:
        return (self.folder / "lives").read_text().splitlines()

    def pids(self) -> list[int]:
        return [int(line.split()[1]) for line in self.lives() if line.startswith("started")]

    def run(self, test: Callable[[], Awaitable[None]]) -> None:
        async def run() -> None:
            await self.exabgp.start()
            try:
                await test()
            finally:
                await self.exabgp.stop()

        asyncio.run(run())
        assert "two at once" not in self.lives()
        assert not any(map(alive, self.pids()))

    async def restarted(self, times: int) -> None:
        async with asyncio.timeout(20):
            while self.exabgp.restarts < times:
                await asyncio.sleep(0.02)
            before = len(self.heard)
            self.exabgp.send("announce eor")
            while self.heard[before:] != [b"done"]:
                await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BACKOFF", (0.05,))


def test_a_healthy_one_is_left_alone_and_our_questions_are_nobody_else_s_business(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path, "healthy", hold_time=6)  # hung after two seconds

    async def work() -> None:
        until = time.monotonic() + 2.5
        sent = 0
        while time.monotonic() < until:
            supervised.exabgp.send("announce eor")
            sent += 1
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)
        assert supervised.heard == [b"done"] * sent
        assert supervised.exabgp.supervised

    supervised.run(work)
    assert (supervised.exabgp.restarts, supervised.reasons) == (0, [])
    assert not supervised.exabgp.supervised


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("silent", "hangs"), ("stuck", "hangs"), ("deaf", "hangs"), ("crashes", "")],
)
def test_whatever_it_suffers_from_the_next_one_works(tmp_path: Path, behaviour: str, reason: str) -> None:
    supervised = Supervised(tmp_path, f"{behaviour} healthy")
    supervised.run(lambda: supervised.restarted(1))
    assert len(supervised.reasons) == 1
    assert supervised.reasons[0].startswith(f"ExaBGP {reason}")
    assert [line.split()[-1] for line in supervised.lives()] == [behaviour, "healthy"]


def test_failures_to_start_again_are_tried_until_one_works(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path, "crashes fails empty crashes healthy")
    supervised.run(lambda: supervised.restarted(2))
    assert len(supervised.reasons) == 2, "told for each that had worked"
    assert len(supervised.pids()) == 5


def test_one_that_pauses_while_bird_waits_is_started_again_once(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path, "healthy")

    async def work() -> None:
        began = asyncio.get_running_loop().time()
        for passed in range(100):  # more than its pause is patient, from now on
            supervised.exabgp.look(False, False, began + passed)
        assert supervised.exabgp.restarts == 0
        await asyncio.sleep(0.1)
        for passed in range(100, 110):
            supervised.exabgp.look(False, True, began + passed)
        await supervised.restarted(1)
        for passed in range(10):
            supervised.exabgp.look(False, True, asyncio.get_running_loop().time() + passed)
        await asyncio.sleep(0.2)

    supervised.run(work)
    assert (supervised.exabgp.restarts, supervised.reasons) == (1, ["ExaBGP pauses while BIRD waits for it"])


def test_commands_that_it_does_not_read_hold_nobody_up_and_end_it(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path, "stuck healthy")

    async def flood() -> None:
        highest = 0
        while not supervised.reasons:
            supervised.exabgp.send("announce route " + "x" * 10_000)
            highest = max(highest, supervised.exabgp.backlog)
            await asyncio.sleep(0)
        assert highest < 5_000_000
        await supervised.restarted(1)

    begun = time.monotonic()
    supervised.run(flood)
    assert supervised.reasons == ["ExaBGP does not read its commands"]
    assert time.monotonic() - begun < 15


def test_commands_for_none_are_dropped(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path, "healthy")
    supervised.exabgp.send("announce eor")
    assert supervised.exabgp.backlog == 0


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [("fails", "ExaBGP did not start"), ("empty", "ExaBGP did not hand over its pipe")],
)
def test_a_first_start_that_fails_says_so_and_leaves_nothing(
    tmp_path: Path, behaviour: str, problem: str
) -> None:
    supervised = Supervised(tmp_path, behaviour)
    with pytest.raises(ArmError) as caught:
        asyncio.run(supervised.exabgp.start())
    assert caught.value.problem == problem
    assert not any(map(alive, supervised.pids()))


def test_a_full_disk_does_not_lose_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is only written when it is new, so that a crash on a full disk can be healed from."""
    supervised = Supervised(tmp_path, "crashes healthy")

    async def full() -> None:
        monkeypatch.setattr(Path, "write_text", lambda *_: pytest.fail("written again"))
        await supervised.restarted(1)

    supervised.run(full)


def test_an_address_of_another_machine_is_found_out_before_the_start(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path, "healthy")
    target = replace(supervised.speaker.target, name="target", local_ip="192.0.2.7")
    supervised.speaker = replace(supervised.speaker, target=target)
    exabgp = Exabgp(supervised.speaker, tmp_path, supervised.heard.extend, supervised.down)
    with pytest.raises(ArmError, match=r"192\.0\.2\.7 \(.*\): set target\.local_ip to an address"):
        asyncio.run(exabgp.start())
    assert not (tmp_path / "lives").exists()


def test_descriptors_are_not_lost(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path, "crashes crashes crashes crashes healthy")
    before = len(os.listdir("/proc/self/fd"))
    supervised.run(lambda: supervised.restarted(4))
    assert len(os.listdir("/proc/self/fd")) == before
