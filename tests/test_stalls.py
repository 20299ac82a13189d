"""How long the event loop is kept from its sockets, with a clock in the test's hands, and in a real loop."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from arm.stalls import SPAN, STALL, Selector, Stalls


class Clock:
    def __init__(self, *times: float) -> None:
        self._times = list(times)

    def __call__(self) -> float:
        return self._times.pop(0)


def rounds(timeout: float | None, *times: float) -> Stalls:
    """A loop that waits twice; times: asked, back, asked, back."""
    stalls = Stalls()
    reader, writer = os.pipe()  # ready at once, so that no test waits
    os.write(writer, b"x")
    with Selector(stalls, Clock(*times)) as selector:
        selector.register(reader, 1)
        selector.select(timeout)
        selector.select(timeout)
    os.close(reader)
    os.close(writer)
    return stalls


def test_a_round_lasts_until_the_loop_waits_again() -> None:
    assert rounds(10.0, 0.0, 9.0, 9.25, 9.25).longest(10.0) == 0.25
    assert rounds(None, 0.0, 9.0, 9.25, 9.25).longest(10.0) == 0.25


def test_coming_back_late_from_waiting_counts() -> None:
    assert rounds(1.0, 0.0, 1.5, 1.75, 1.75).longest(2.0) == 0.75
    assert rounds(0.0, 0.0, 0.5, 0.75, 0.75).longest(1.0) == 0.75, "there was something to do at once"


def test_only_long_rounds_are_stalls() -> None:
    stalls = Stalls()
    for seconds in (0.0, 0.9 * STALL, STALL, 2 * STALL):
        stalls.took(seconds, 1.0)
    assert stalls.count == 2


@pytest.mark.parametrize("begin", [0.0, 1000.0])
def test_the_longest_is_remembered_for_a_minute_and_forgotten_after_two(begin: float) -> None:
    stalls = Stalls()
    assert stalls.longest(begin) == 0.0
    stalls.took(0.5, begin + 1.0)
    stalls.took(0.2, begin + 2.0)
    assert stalls.longest(begin + SPAN) == 0.5
    stalls.took(0.1, begin + SPAN + 2.0)
    assert stalls.longest(begin + SPAN + 2.0) == 0.5
    assert stalls.longest(begin + 2 * SPAN + 4.0) == 0.1
    assert stalls.longest(begin + 9 * SPAN) == 0.0


def test_in_a_real_loop_waiting_is_none_and_working_is() -> None:
    stalls = Stalls()

    async def idle_then_busy() -> float:
        await asyncio.sleep(0.5)
        calm = stalls.longest(time.monotonic())
        time.sleep(3 * STALL)  # as a computation would
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return calm

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector(stalls))) as runner:
        calm = runner.run(idle_then_busy())
    assert calm < 0.5
    assert stalls.count >= 1
    assert stalls.longest(time.monotonic()) >= 3 * STALL
