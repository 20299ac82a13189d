"""What each part of a tick costs the event loop at full scale.

`ARM_TEST_DATA=… python -m tests.bench.scale_loop`: the daemon's own rooms, with both full tables, 10,000
samples and 30 routing changes a second; without a lab (scale_world.py). Time is simulated and nothing is done
in two threads at once: figures are processor time, so that a busy machine disturbs them less.
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
from tests.bench.scale_world import World

_WARM_UP = 60  # seconds: until entries may leave, and the first choices are installed
_BEATS = 50  # turns of BIRD in a second
DONE = object()


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time is what the benchmark says."""

    now = 1000.0

    def time(self) -> float:
        return self.now


class Times:
    """How long methods took in the event loop's thread: processor milliseconds."""

    def __init__(self) -> None:
        self._took: dict[str, list[float]] = {}
        self._thread = threading.get_ident()

    def watch(self, owner: object, name: str, label: str = "") -> None:
        """Time every call of a method."""
        method: Callable[..., Any] = getattr(owner, name)
        key = label or f"{type(owner).__name__}.{name}"
        setattr(owner, name, lambda *given, **named: self.of(key, lambda: method(*given, **named)))

    def of(self, what: str, done: Callable[[], Any]) -> Any:
        """Time one thing, unless another thread does it."""
        began = time.thread_time()
        try:
            return done()
        finally:
            if threading.get_ident() == self._thread:
                self._took.setdefault(what, []).append(1e3 * (time.thread_time() - began))

    def clear(self) -> None:
        """Forget what was so far."""
        self._took.clear()

    def report(self, seconds: float) -> None:
        """A Markdown table, what takes longest first."""
        print("| on the event loop | calls | ms a second | ms a call | longest |\n|---|---:|---:|---:|---:|")
        for label, took in sorted(self._took.items(), key=lambda item: -max(item[1])):
            print(
                f"| {label} | {len(took):,} | {sum(took) / seconds:.1f} | {np.mean(took):.2f} "
                f"| {max(took):.1f} |"
            )


def watch(world: World) -> Times:
    """Everything that runs on the loop, and what the tick is made of."""
    times, arm = Times(), world.arm
    for name in ("_on_lines", "_speak", "_refresh", "_advance", "_find_lost", "_publish"):
        times.watch(arm, name)
    for name in ("begin", "_question", "_take"):
        times.watch(arm._choosing, name)
    times.watch(arm._keeper, "tick")
    times.watch(arm._routing, "mend")
    times.watch(arm._collector, "take", "drawing samples (not ARM)")
    for family, loop in arm._loops.items():
        for name in ("settle", "refresh", "set_fixed", "measure", "demand", "incumbents"):
            times.watch(loop, name, f"{family.title} loop.{name}")
        book = arm._speaker._books[family]
        for name in ("want", "_plan"):
            times.watch(book, name, f"{family.title} book.{name}")
        times.watch(arm._board._proofs[family], "look", f"{family.title} proof")
        times.watch(arm._board._reconcilers[family], "compare", f"{family.title} reconciler")
    return times


async def run(world: World, clock: Clock, times: Times, seconds: int) -> None:
    """Live through so many seconds, and measure them but for the first."""
    process = thread = 0.0
    for second in range(_WARM_UP + seconds):
        if second == _WARM_UP:
            _show(world, "Warmed up", times, _WARM_UP)
            process, thread = time.process_time(), time.thread_time()
        tick = world.arm._tick(clock.now)
        while times.of("a piece of the tick", lambda tick=tick: next(tick, DONE)) is not DONE:  # type: ignore[misc]
            await asyncio.sleep(0)
        await world.arm._choosing.finish()
        for beat in range(_BEATS):
            clock.now += 1.0 / _BEATS
            if beat == _BEATS // 2:
                world.change_routes()
            world.obey()
            await asyncio.sleep(0)
    process, thread = time.process_time() - process, time.thread_time() - thread
    _show(world, f"{seconds} s more", times, seconds)
    print(f"Of a core: {process / seconds:.1%}; of that on the event loop: {thread / seconds:.1%}")


def _show(world: World, when: str, times: Times, seconds: float) -> None:
    arm = world.arm
    print(f"\n{when}; {arm._speaker.commands:,} commands so far")
    for family in Family:
        wanted, kernel = len(arm._speaker.wanted(family)), len(arm._kernel.routes[family])
        blocks, active = len(arm._loops[family].meter), len(arm._choosing.active[family])
        print(
            f"{family.title}: {arm._lifecycles[family].state.value}, {wanted:,} wanted, {kernel:,} in the "
            f"kernel, {blocks:,} blocks, {active:,} active prefixes"
        )
    print()
    times.report(seconds)
    times.clear()


async def main(entries: int, strategy: str, many: int, seconds: int, clock: Clock) -> None:
    """Build, warm up, measure, report."""
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory), entries, strategy, many, clock.now)
        world.learn(clock.now)
        gc.collect()
        gc.freeze()  # as the daemon does
        await run(world, clock, watch(world), seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=20_000, help="of each family")
    parser.add_argument("--strategy", choices=("safe", "optimal", "top"), default="safe")
    parser.add_argument("--many", type=int, default=1, help="times as many active prefixes")
    parser.add_argument("--seconds", type=int, default=30)
    given = parser.parse_args()
    found = Clock()
    with asyncio.Runner(loop_factory=lambda: found) as runner:
        runner.run(main(given.entries, given.strategy, given.many, given.seconds, found))
