"""What listeners of the live events cost the event loop: how late the tick of a second is, with up to 1,000.

`python -m tests.bench.listeners`: the daemon's server in one process, a new status and an event of the log
each second; the listeners in another, on real sockets, so that they do not take the time of the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from urllib.parse import urlsplit

from arm.web.server import serve
from tests.web.picture import NO_SAMPLES, FakeSource, make_status

SECONDS = 20  # of ticks for each number of listeners
LISTENERS = (0, 100, 1000)


def listen(port: int, number: int, ready: Event, stop: Event) -> None:
    """So many listeners that read all that they are told."""

    connected: list[asyncio.StreamReader] = []

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        connected.append(reader)
        told = 0
        with contextlib.suppress(ConnectionError):
            while octets := await reader.read(1 << 16):
                told += len(octets)
        return told

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(one()) for _ in range(number)]
        while len(connected) < number:
            await asyncio.sleep(0.1)
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(all_of_them())


@contextlib.contextmanager
def listening(port: int, number: int) -> Iterator[None]:
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=listen, args=(port, number, ready, stop))
    process.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        stop.set()
        process.join(20)


async def measure(number: int) -> tuple[list[float], float]:
    """How late each tick was, in seconds, and the CPU seconds of this process per second."""
    source = FakeSource()
    async with serve(source, "127.0.0.1", 0) as url:
        port = urlsplit(url).port or 0
        holding = listening(port, number)
        await asyncio.to_thread(holding.__enter__)
        try:
            late, loop = [], asyncio.get_running_loop()
            due, cpu = loop.time(), time.process_time()
            for second in range(SECONDS):
                due += 1.0
                await asyncio.sleep(due - loop.time())
                late.append(loop.time() - due)
                source.current = make_status([NO_SAMPLES], time=time.time())
                source.events.add(time.time(), "choice", f"choice {second}")
            return late, (time.process_time() - cpu) / SECONDS
        finally:
            await asyncio.to_thread(holding.__exit__, None, None, None)


def main() -> None:
    print("| listeners | ticks late: median | worst, ms | CPU of a core |")
    print("|---:|---:|---:|---:|")
    for number in LISTENERS:
        late, cpu = asyncio.run(measure(number))
        print(f"| {number:,} | {1e3 * statistics.median(late):.1f} | {1e3 * max(late):.1f} | {cpu:.1%} |")


if __name__ == "__main__":
    main()
