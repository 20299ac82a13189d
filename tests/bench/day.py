"""A real day's routing updates, a hundred times as fast, through real BIRD and ExaBGP: is anything lost?

`ARM_TEST_DATA=… python -m tests.bench.day [--speed 100] [--events 1393421]`. A peer tells BIRD the full
table, then the day; ARM's rooms follow as in the daemon. The data say which prefixes were announced and
withdrawn; next hops are made. Every ten seconds a prefix of our own goes through, to see how far ARM is
behind. In the end ARM's table must be what the peer has said, prefix by prefix. What the entries
do on the same day is what `repair` measures.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from arm.log import configure as configure_log
from arm.model import Attributes, Family, Prefix
from tests.bench import learning_stream
from tests.bench.learning import Bird
from tests.bench.learning_arm import TICK, Learner, cpu_seconds

_DAY = 86_400.0  # seconds
_BATCH = 0.02  # seconds of sending at once
_BEACON, _BEACONS = Prefix("198.51.100.0/24"), 10.0  # seconds between
_PATIENCE = 60.0  # seconds for what is on its way
_FAMILY = Family.IPV4
_BIRD_AS = 65000


@dataclass(slots=True)
class Day:
    """What has been sent, and what ARM must know because of it."""

    expected: dict[Prefix, str] = field(default_factory=dict)
    sent: int = 0
    behind: list[float] = field(default_factory=list)  # seconds, of each beacon
    line: asyncio.Lock = field(default_factory=asyncio.Lock)  # one message at a time


def events(most: int) -> Iterator[tuple[bool, Prefix]]:
    """Announced or withdrawn, and the prefix."""
    path = learning_stream.folder() / "ris-2026-05-11-ipv4-updates.tsv.gz"
    with gzip.open(path, "rt") as lines:
        for _, line in zip(range(most), lines, strict=False):
            kind, prefix = line.split()
            yield kind == "A", Prefix(prefix)


async def send(day: Day, peer: learning_stream.Peer, speed: float, most: int, learner: Learner) -> None:
    """The day, at the pace that `speed` gives it."""
    rng, hops = random.Random(1), learning_stream.NEXT_HOPS[_FAMILY]
    per_second = 1_393_421 / _DAY * speed
    began, beacon = time.monotonic(), -_BEACONS
    watching: list[asyncio.Task[None]] = []
    batch: list[bytes] = []
    for announced, prefix in events(most):
        hop = rng.choice(hops)
        if announced:
            day.expected[prefix] = hop
        else:
            day.expected.pop(prefix, None)
        batch.append(learning_stream.change(_FAMILY, prefix, hop if announced else None, Attributes()))
        day.sent += 1
        due = day.sent / per_second
        if len(batch) >= per_second * _BATCH:
            async with day.line:
                await asyncio.to_thread(peer.send, b"".join(batch))
            batch.clear()
            passed = time.monotonic() - began
            if passed - beacon >= _BEACONS:
                beacon = passed
                watching.append(asyncio.create_task(_follow(day, peer, len(watching), learner)))
            await asyncio.sleep(max(0.0, due - passed))
    peer.send(b"".join(batch))
    await asyncio.gather(*watching)


async def _follow(day: Day, peer: learning_stream.Peer, number: int, learner: Learner) -> None:
    """Announce the beacon, and see when ARM knows."""
    hop, began = learning_stream.NEXT_HOPS[_FAMILY][number % 8], time.monotonic()
    day.expected[_BEACON] = hop
    async with day.line:
        await asyncio.to_thread(peer.send, learning_stream.change(_FAMILY, _BEACON, hop, Attributes()))
    table = learner.feed.table(_FAMILY)
    while (route := table.get(_BEACON)) is None or route.next_hop != hop:
        if time.monotonic() > began + _PATIENCE:
            break
        await asyncio.sleep(0.01)
    day.behind.append(time.monotonic() - began)


def differences(day: Day, learner: Learner) -> int:
    """Prefixes of which ARM knows something else than what was said, or nothing, or too much."""
    table = learner.feed.table(_FAMILY)
    found = {prefix: route.next_hop for prefix in table if (route := table.get(prefix)) is not None}
    return sum(found.get(prefix) != hop for prefix, hop in day.expected.items()) + len(
        found.keys() - day.expected.keys()
    )


async def live(bird: Bird, folder: Path, speed: float, most: int, python: str) -> bool:
    """Learn, live through the day, compare; whether nothing is missing."""
    day, learner = Day(), Learner(folder, bird.port, Path(python))
    for attributes, hop, prefixes in learning_stream.groups(_FAMILY):
        if not any(_BIRD_AS in segment.numbers for segment in attributes.as_path):  # BIRD sees a loop
            day.expected.update((Prefix(prefix), hop) for prefix in prefixes)
    await learner.exabgp.start()
    bird.tell(on=True)
    process = learner.exabgp._process
    assert process is not None
    ticking = asyncio.create_task(_tick(learner))
    try:
        await learner.done.wait()
        print(f"Learned {len(learner.feed.table(_FAMILY)):,} routes\n", flush=True)
        before = time.process_time(), cpu_seconds(process.pid), learner.updates
        began = time.monotonic()
        await send(day, bird.peer, speed, most, learner)
        took = time.monotonic() - began
        cpu, exabgp = time.process_time() - before[0], cpu_seconds(process.pid) - before[1]
        wrong, waited = differences(day, learner), time.monotonic()
        while wrong and time.monotonic() < waited + _PATIENCE:
            await asyncio.sleep(1.0)
            wrong = differences(day, learner)
        rate = day.sent / took
        print("| a day's updates | |\n|---|---:|")
        print(f"| sent, {rate / (1_393_421 / _DAY):.0f} times as fast | {day.sent:,}, {rate:,.0f} a second |")
        print(f"| UPDATEs that ARM heard | {learner.updates - before[2]:,} |")
        print(f"| from the peer to ARM's table, worst of {len(day.behind)} | {max(day.behind):.2f} s |")
        print(f"| ARM, with its ticks; ExaBGP | {cpu / took:.0%}; {exabgp / took:.0%} of a core |")
        print(f"| prefixes that differ in the end | {'**' if wrong else ''}{wrong}{'**' if wrong else ''} |")
        return not wrong
    finally:
        ticking.cancel()
        await learner.exabgp.stop()


async def _tick(learner: Learner) -> None:
    while True:
        learner._tick()
        learner.look()
        await asyncio.sleep(TICK)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=float, default=100.0, help="(100)")
    parser.add_argument("--events", type=int, default=1_393_421, help="the first of the day's (all)")
    parser.add_argument("--interpreter", default=shutil.which("pypy3") or sys.executable, help="of ExaBGP")
    given = parser.parse_args()
    configure_log("error")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = folder / "stream"
        subprocess.run([sys.executable, "-m", "tests.bench.learning_stream", str(stream)], check=True)
        bird = Bird(folder, stream)
        try:
            (folder / "arm").mkdir()
            fine = asyncio.run(live(bird, folder / "arm", given.speed, given.events, given.interpreter))
        finally:
            bird.stop()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
