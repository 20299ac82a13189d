"""ARM's part of learning, in a process of its own: ExaBGP, parser, feed and ticks as in the daemon.

Prints one JSON object: what it took. CPU seconds are this thread's, so that what else runs on the machine
does not count.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path

import arm.app  # noqa: F401  # what the daemon has loaded
from arm.allocator import return_large_pieces
from arm.announce.speaker import Speaker
from arm.beside import beside
from arm.exabgp.config import Session
from arm.exabgp.config import Speaker as SpeakerOptions
from arm.exabgp.process import Exabgp
from arm.family import FamilyLoop, Valuation
from arm.log import configure as configure_log
from arm.model import Family
from arm.rib.feed import Feed
from arm.rib.messages import Parser, Update
from arm.routing import REFLECTOR, Routing, Tables
from arm.selection.policy import Policy

LONGEST = 300.0  # seconds
TICK = 1.0


class Clock:
    """CPU seconds by step, and the longest piece of each."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.longest: dict[str, float] = {}

    def add(self, step: str, started: float) -> float:
        """A piece of `step` began at `started`; returns now."""
        now = time.thread_time()
        self.spent[step] = self.spent.get(step, 0.0) + now - started
        self.longest[step] = max(self.longest.get(step, 0.0), now - started)
        return now


class Learner:
    """One start, from nothing to both families' end-of-RIB."""

    def __init__(self, folder: Path, port: int, python: Path | None) -> None:
        self.feed = Feed()
        self.loops = {family: FamilyLoop(family, Valuation(300.0), Policy()) for family in Family}
        speaker = Speaker("", 65000, (), 1000.0)
        tables = Tables(self.feed, self.loops, speaker)
        sessions = [Session(REFLECTOR, "127.0.0.1", "127.0.0.8", 65000, "192.0.2.8")]
        sessions.append(Session("target", "127.0.0.1", "127.0.0.9", 65000, "192.0.2.8"))
        self._routing = Routing(
            tables, {each.local_ip: each.name for each in sessions}, "safe", lambda *_: False, 0.0, beside
        )
        options = SpeakerOptions(sessions[0], sessions[1], port, 90, 120, "root")
        self.exabgp = Exabgp(options, folder, self._on_lines, self._on_down, python)
        self.clock = Clock()
        self.ends: dict[Family, float] = {}
        self.began: float | None = None
        self.lines = self.updates = 0
        self.done = asyncio.Event()
        self._learning: dict[Family, bool] = dict.fromkeys(Family, True)
        self._watch_steps()

    def _watch_steps(self) -> None:
        """Parsing and the table, apart."""
        parser: Parser = self._routing._parser
        parse, update = parser.parse, self.feed.update
        clock = self.clock

        def timed_parse(line: bytes) -> object:
            started = time.thread_time()
            found = parse(line)
            clock.add("parse", started)
            return found

        def timed_update(event: Update) -> object:
            started = time.thread_time()
            found = update(event)
            clock.add("table", started)
            self.updates += 1
            return found

        if os.environ.get("ARM_BENCH_STEPS", "1") == "1":
            parser.parse = timed_parse  # type: ignore[method-assign, assignment]
            self.feed.update = timed_update  # type: ignore[method-assign, assignment]

    def _on_lines(self, lines: list[bytes]) -> None:
        started = time.thread_time()
        self.lines += len(lines)
        self._routing.lines(lines, time.monotonic())
        self.clock.add("lines", started)
        if self.began is None and self.feed.up:
            self.began = time.monotonic()

    def look(self) -> None:
        """Has a table been put to use?"""
        for family in Family:
            if self._learning[family] and self.feed.up and not self.feed.learning(family):
                self._learning[family] = False
                self.ends[family] = time.monotonic()
        if len(self.ends) == len(Family):
            self.done.set()

    def _on_down(self, reason: str) -> None:
        raise RuntimeError(reason)

    async def run(self) -> dict[str, object]:
        """Start, learn, stop."""
        born = time.monotonic()
        await self.exabgp.start()
        print("ready", flush=True)
        stalls = asyncio.create_task(self._watch_loop())
        try:
            async with asyncio.timeout(LONGEST):
                while not self.done.is_set():
                    with_tick = time.monotonic()
                    self._tick()
                    await _until(self.done, TICK - (time.monotonic() - with_tick))
            learned = time.thread_time()
            self._tick()
            self.clock.add("first picture", learned)
            exabgp = self.exabgp._process
            assert exabgp is not None
            return self._report(born, exabgp.pid, await _stop(stalls))
        finally:
            stalls.cancel()
            await self.exabgp.stop()

    def _tick(self) -> None:
        """As the daemon does it."""
        for family, loop in self.loops.items():
            for table in self.feed.tables(family):
                started = time.thread_time()
                loop.settle(table, 0.0)
                self.clock.add("settle", started)
            started = time.thread_time()
            loop.refresh(self.feed.table(family), None, 0.0)
            self.clock.add("refresh", started)

    async def _watch_loop(self) -> float:
        """The longest that the event loop did not come round, in seconds."""
        worst, pause = 0.0, 0.005
        while not self.done.is_set():
            self.look()
            before = time.monotonic()
            await asyncio.sleep(pause)
            worst = max(worst, time.monotonic() - before - pause)
        return worst

    def _report(self, born: float, exabgp: int, stall: float) -> dict[str, object]:
        assert self.began is not None
        gc.collect()
        return {
            "python": self.exabgp.python,
            "seconds": {family.label: end - self.began for family, end in self.ends.items()},
            "since start": max(self.ends.values()) - born,
            "routes": {family.label: len(self.feed.table(family)) for family in Family},
            "lines": self.lines,
            "updates": self.updates,
            "cpu": {step: round(spent, 2) for step, spent in self.clock.spent.items()},
            "longest": {step: round(spent * 1e3, 1) for step, spent in self.clock.longest.items()},
            "stall": stall,
            "cpu arm": time.process_time(),
            "cpu exabgp": cpu_seconds(exabgp),
            "rss arm": resident(os.getpid()),
            "rss exabgp": resident(exabgp),
        }


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), max(0.0, seconds))
    except TimeoutError:
        return


async def _stop(stalls: asyncio.Task[float]) -> float:
    return await stalls


def cpu_seconds(pid: int) -> float:
    """Of a process, all threads."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> tuple[float, float]:
    """What a process has in memory, now and at the most, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(found["VmRSS"]) / 1e3, int(found["VmHWM"]) / 1e3


def main() -> None:
    return_large_pieces()
    folder, port, python = sys.argv[1:]
    configure_log("error")
    learner = Learner(Path(folder), int(port), Path(python) if python else None)
    print(json.dumps(asyncio.run(learner.run())), flush=True)


if __name__ == "__main__":
    main()
