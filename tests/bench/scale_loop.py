"""What each part of a tick costs the event loop at full scale.

`ARM_TEST_DATA=… python -m tests.bench.scale_loop`: the daemon's own rooms, with both full tables, 10,000
samples and 30 routing changes a second, in real time beside the thread that chooses; without a lab
(scale_world.py). Wall-clock milliseconds, because that is what a stall is: on a busy machine they say little.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from arm.model import Family
from arm.stalls import STALL, Selector, Stalls
from tests.bench.scale_world import World

_WARM_UP = 45.0  # seconds: until entries may leave, and the first choices are installed


class Times:
    """How long methods took in the event loop's thread."""

    def __init__(self) -> None:
        self._took: dict[str, list[float]] = {}
        self._thread = threading.get_ident()

    def watch(self, owner: object, name: str, label: str = "") -> None:
        """Time every call of a method."""
        method: Callable[..., Any] = getattr(owner, name)

        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                if threading.get_ident() == self._thread:
                    key = label or f"{type(owner).__name__}.{name}"
                    self._took.setdefault(key, []).append(1e3 * (time.perf_counter() - began))

        setattr(owner, name, timed)

    def of(self, label: str) -> float:
        """Seconds, of all calls."""
        return sum(self._took.get(label, ())) / 1e3

    def clear(self) -> None:
        """Forget what was so far."""
        self._took.clear()

    def report(self, seconds: float) -> None:
        """A Markdown table, the costliest first."""
        print("| on the event loop | calls | ms a call | longest | ms a second |\n|---|---:|---:|---:|---:|")
        for label, took in sorted(self._took.items(), key=lambda item: -max(item[1])):
            print(
                f"| {label} | {len(took):,} | {np.mean(took):.2f} | {max(took):.1f} "
                f"| {sum(took) / seconds:.1f} |"
            )


def watch(world: World) -> Times:
    """Everything that runs on the loop, and what the tick is made of."""
    times, arm = Times(), world.arm
    for name in ("_tick", "_on_lines", "_speak", "_refresh", "_advance", "_find_lost", "_publish"):
        times.watch(arm, name)
    for name in ("begin", "_question", "_take"):
        times.watch(arm._choosing, name)
    times.watch(arm._keeper, "tick")
    times.watch(world, "second")
    for family, loop in arm._loops.items():
        for name in ("settle", "refresh", "set_fixed", "measure", "demand", "incumbents"):
            times.watch(loop, name, f"{family.title} loop.{name}")
        book = arm._speaker._books[family]
        for name in ("want", "_plan", "expire"):
            times.watch(book, name, f"{family.title} book.{name}")
        times.watch(arm._board._proofs[family], "look", f"{family.title} proof")
        times.watch(arm._board._reconcilers[family], "compare", f"{family.title} reconciler")
    return times


async def run(world: World, stalls: Stalls, times: Times, seconds: float) -> None:
    """Tick as the daemon does, then measure."""
    loop = asyncio.get_running_loop()
    bird = asyncio.create_task(world.obey())
    due, begin = loop.time(), loop.time()
    measuring: tuple[float, float, float, int] | None = None
    longest = 0.0
    while loop.time() < begin + _WARM_UP + seconds:
        world.arm._tick(loop.time())
        if measuring is None and loop.time() > begin + _WARM_UP:
            _show(world, stalls, "after warming up")
            times.clear()
            stalls.__init__()  # type: ignore[misc]
            measuring = loop.time(), time.process_time(), time.thread_time(), stalls.count
        longest = max(longest, stalls.longest(loop.time()))
        await asyncio.sleep(0.5)
        world.change_routes()
        due += 1.0
        await asyncio.sleep(max(0.0, due - loop.time()))
    assert measuring is not None
    wall, used, own, before = measuring
    took = loop.time() - wall
    _show(world, stalls, f"after {took:.0f} s more")
    process, thread = time.process_time() - used, time.thread_time() - own
    self_made = times.of("World.second")
    print(
        f"CPU {process / took:.1%} of a core, the loop's thread {thread / took:.1%}, of that drawing samples "
        f"{self_made / took:.1%}; {stalls.count - before} stalls of {1e3 * STALL:.0f} ms or more, "
        f"the longest {1e3 * longest:.0f} ms\n"
    )
    times.report(took)
    bird.cancel()


def _show(world: World, stalls: Stalls, when: str) -> None:
    arm = world.arm
    for family in Family:
        wanted, kernel = len(arm._speaker.wanted(family)), len(arm._kernel.routes[family])
        blocks, active = len(arm._loops[family].meter), len(arm._choosing.active[family])
        print(
            f"{family.title} {when}: {arm._lifecycles[family].state.value}, {wanted:,} wanted, {kernel:,} "
            f"in the kernel, {blocks:,} blocks, {active:,} active prefixes"
        )
    print(f"{arm._speaker.commands:,} commands so far")
    print(f"longest stall {1e3 * stalls.longest(time.monotonic()):.0f} ms\n", flush=True)


async def main(entries: int, strategy: str, seconds: float, stalls: Stalls) -> None:
    """Build, warm up, measure, report."""
    with tempfile.TemporaryDirectory() as directory:
        now = asyncio.get_running_loop().time()
        world = World(Path(directory), entries, strategy, now, stalls)
        world.learn(asyncio.get_running_loop().time())
        gc.collect()
        gc.freeze()  # as the daemon does
        times = watch(world)
        await run(world, stalls, times, seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000, help="of each family")
    parser.add_argument("--strategy", choices=("safe", "optimal", "top"), default="safe")
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    found = Stalls()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector(found))) as runner:
        runner.run(main(given.entries, given.strategy, given.seconds, found))
