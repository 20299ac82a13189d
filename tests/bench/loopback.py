"""Over loopback UDP: the daemon's way to receive, with the sender on the other core."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arm.sflow.collector import Collector
from tests.bench.pipeline import Pipeline
from tests.bench.traffic import SAMPLES

_BURST = 0.002  # seconds: how often the sender sends


@dataclass(frozen=True, slots=True)
class Passage:
    """What went over loopback."""

    sent: int  # datagrams
    received: int
    kernel_drops: int
    seconds: float
    cpu_seconds: float  # of the receiver, the route lookups of every tick included

    @property
    def samples_per_second(self) -> float:
        return self.sent * SAMPLES / self.seconds


async def pass_through(
    pipeline: Pipeline, path: Path, rate: float, seconds: float, sender_core: int | None
) -> Passage:
    """Send the datagrams of a file at so many samples per second, and receive them."""
    loop = asyncio.get_running_loop()
    port = _free_port()
    collector = Collector(pipeline.intake, [("127.0.0.1", port)])
    arguments = [str(port), str(rate / SAMPLES), str(seconds), str(path), str(sender_core)]
    sender = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.loopback", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert sender.stdout is not None
    assert sender.stdin is not None
    await sender.stdout.readline()  # it has read its file
    collector.start(loop.time())
    cpu, due = time.process_time(), loop.time()
    sender.stdin.write(b"\n")
    sent = asyncio.create_task(sender.stdout.readline())
    while not sent.done():
        due += 1.0
        await asyncio.wait([sent], timeout=max(0.0, due - loop.time()))
        pipeline.measure(collector.take(loop.time())[0], loop.time())
    await asyncio.sleep(0.3)  # what is still in the socket
    pipeline.measure(collector.take(loop.time())[0], loop.time())
    cpu = time.process_time() - cpu
    collector.stop()
    await sender.wait()
    count, took = sent.result().split()
    return Passage(int(count), collector.datagrams, collector.dropped, float(took), cpu)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write(datagrams: Sequence[bytes], path: Path) -> None:
    """A file for the sender."""
    with path.open("wb") as out:
        for each in datagrams:
            out.write(struct.pack("=I", len(each)) + each)


def _read(path: Path) -> list[bytes]:
    whole, at, datagrams = path.read_bytes(), 0, []
    while at < len(whole):
        (length,) = struct.unpack_from("=I", whole, at)
        datagrams.append(whole[at + 4 : at + 4 + length])
        at += 4 + length
    return datagrams


def _send(port: int, rate: float, seconds: float, datagrams: list[bytes]) -> tuple[int, float]:
    """At an even pace, in small bursts; from the first datagram again after the last."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(("127.0.0.1", port))
    send, sent, count = sender.send, 0, len(datagrams)
    started = time.monotonic()
    while (passed := time.monotonic() - started) < seconds:
        for number in range(sent, int(passed * rate)):
            send(datagrams[number % count])
        sent = max(sent, int(passed * rate))
        time.sleep(_BURST)
    return sent, time.monotonic() - started


def main() -> None:
    """The sending process."""
    port, rate, seconds, path, core = sys.argv[1:]
    if core != "None":
        os.sched_setaffinity(0, {int(core)})
    datagrams = _read(Path(path))
    print("ready", flush=True)
    sys.stdin.readline()
    print(*_send(int(port), float(rate), float(seconds), datagrams), flush=True)


if __name__ == "__main__":
    main()
