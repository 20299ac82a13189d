"""The watch on BIRD, with a BIRD that is a script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from arm.fib import bird
from arm.fib.birdview import BirdView
from arm.model import ArmError

TARGET = "arm_target"


def session(name: str, state: str, imported: int = 0) -> list[str]:
    return [
        f"{name} BGP --- up 15:18:09.762 {state}",
        f"  BGP state:          {state}",
        f"    Neighbor address: 10.0.0.{len(name)}",
        "  Channel ipv4",
        "    Import limit:   10",
        f"    Routes:         {imported} imported, 0 exported, 0 preferred",
        "",
    ]


class FakeBird:
    """Answers like BIRD, and notes what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sessions = {TARGET: ("Established", 0), "transit": ("Established", 0)}
        self.asked: list[str] = []
        self.silent = self.recovering = False
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.path.unlink()
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        writer.write(b"0001 BIRD 2.0.12 ready.\n")
        while line := await reader.readline():
            self.asked.append(line.decode().strip())
            if not self.silent:
                writer.write(self._answer(self.asked[-1]))

    def _answer(self, command: str) -> bytes:
        if command == "restrict":
            return b"0016 Access restricted\n"
        if command == "show bfd sessions":
            return b"9001 There is no BFD protocol\n"
        if command == "show status":
            lines = ["BIRD 2.0.12", "Router ID is 10.0.0.1", "Hostname is switch"]
            if self.recovering:
                lines.append("Graceful restart recovery in progress")
            return (
                b"1000-%s\n1011-%s\n" % (lines[0].encode(), lines[1].encode())
                + b"".join(b" %s\n" % line.encode() for line in lines[2:])
                + b"0013 Daemon is up and running\n"
            )
        head = ["Name Proto Table State Since Info"]
        if command == "show protocols":
            lines = [f"{name} BGP --- up 15:18:09.762 {state}" for name, (state, _) in self.sessions.items()]
            return b"".join(b"1002-%s\n" % line.encode() for line in head + lines) + b"0000 \n"
        only = command.removeprefix("show protocols all").strip()
        if only and only not in self.sessions:
            return b"8003 No protocols match\n"
        out = b"2002-Name Proto Table State Since Info\n"
        for name, (state, imported) in self.sessions.items():
            if only in ("", name):
                first, second, *rest = session(name, state, imported)
                out += b"1002-%s\n1006-%s\n" % (first.encode(), second.encode())
                out += b"".join(b" %s\n" % line.encode() for line in rest)
        return out + b"0000 \n"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "INTERVAL", 0.01)
    monkeypatch.setattr(bird, "RETRY", (0.01,))
    monkeypatch.setattr(bird, "TIMEOUT", 0.3)


Script = Callable[[FakeBird, list[BirdView], list[ArmError]], Awaitable[None]]


def watch(path: Path, script: Script) -> None:
    async def run() -> None:
        fake, views, errors = FakeBird(path / "bird.ctl"), list[BirdView](), list[ArmError]()
        await fake.start()
        task = asyncio.create_task(bird.BirdWatch(str(fake.path), TARGET, views.append, errors.append).run())
        try:
            await script(fake, views, errors)
        finally:
            task.cancel()
            await asyncio.wait([task])
            if fake.path.exists():
                await fake.stop()

    asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("did not happen")


def test_told_of_changes_only(tmp_path: Path) -> None:
    async def script(fake: FakeBird, views: list[BirdView], errors: list[ArmError]) -> None:
        await until(lambda: len(fake.asked) > 20)
        assert len(views) == 1
        assert views[0].version == "2.0.12"
        assert fake.asked[0] == "restrict"
        assert fake.asked.count("restrict") == 1, "one connection"
        assert fake.asked.count("show protocols all") == 1
        fake.sessions[TARGET] = ("Established", 7)
        await until(lambda: len(views) == 2)
        assert [each.imported for each in views[1].sessions[0].channels] == [7], (
            "without asking for everything"
        )
        assert fake.asked.count("show protocols all") == 1
        assert views[1].dead((TARGET,)) == frozenset()
        fake.sessions["transit"] = ("Idle", 0)
        await until(lambda: len(views) == 3)
        assert views[2].dead((TARGET,)) == {"10.0.0.7"}
        assert errors == []
        fake.recovering = True
        await until(lambda: len(views) == 4)
        assert views[3].recovering
        assert not views[2].recovering

    watch(tmp_path, script)


def test_bird_goes_and_comes_back(tmp_path: Path) -> None:
    async def script(fake: FakeBird, views: list[BirdView], errors: list[ArmError]) -> None:
        await until(lambda: len(views) == 1)
        await fake.stop()
        await until(lambda: len(errors) == 1)
        await asyncio.sleep(0.1)
        assert len(errors) == 1, "said once"
        assert errors[0].problem.startswith("no BIRD at")
        assert len(views) == 1
        await fake.start()
        await until(lambda: len(views) == 2)
        assert views[1] == views[0], "it answers again, with the same to say"

    watch(tmp_path, script)


def test_bird_hangs(tmp_path: Path) -> None:
    async def script(fake: FakeBird, views: list[BirdView], errors: list[ArmError]) -> None:
        await until(lambda: len(views) == 1)
        fake.silent = True
        await until(lambda: len(errors) == 1)
        assert "does not answer" in errors[0].problem
        fake.silent = False
        await until(lambda: len(views) == 2)

    watch(tmp_path, script)


def test_a_target_that_is_not_there(tmp_path: Path) -> None:
    async def script(fake: FakeBird, views: list[BirdView], errors: list[ArmError]) -> None:
        await until(lambda: len(views) == 1)
        state = fake.sessions.pop(TARGET)
        await until(lambda: len(errors) == 1)
        assert errors[0].problem == "BIRD has no BGP session arm_target"
        fake.sessions[TARGET] = state
        await until(lambda: len(views) == 2)

    watch(tmp_path, script)


def test_one_question(tmp_path: Path) -> None:
    async def run() -> None:
        fake = FakeBird(tmp_path / "bird.ctl")
        await fake.start()
        assert len(await bird.ask(str(fake.path), "show protocols")) == 4
        with pytest.raises(ArmError, match="BIRD says: No protocols match"):
            await bird.ask(str(fake.path), "show protocols all nobody")
        await fake.stop()
        with pytest.raises(ArmError, match="no BIRD at"):
            await bird.ask(str(fake.path), "show status")

    asyncio.run(run())


def test_a_target_that_another_arm_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "PATIENCE", 0.1)

    async def run() -> None:
        fake = FakeBird(tmp_path / "bird.ctl")
        await fake.start()
        with pytest.raises(ArmError, match="arm_target is up already, with another ARM: stop the other ARM"):
            await bird.unused(str(fake.path), TARGET)
        waiting = asyncio.create_task(bird.unused(str(fake.path), TARGET))
        asked = len(fake.asked)
        await until(lambda: len(fake.asked) > asked + 4)
        fake.sessions[TARGET] = ("Passive", 0)
        await waiting
        await fake.stop()

    asyncio.run(run())
