"""Lines over a real pipe: all of them, in order, never blocking, never without bound."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.exabgp import lines
from arm.exabgp.lines import Lines


class Other:
    """The other side of both pipes, and what our side tells."""

    def __init__(self) -> None:
        ours_in, self.writer = os.pipe()
        self.reader, ours_out = os.pipe()
        self.heard: list[bytes] = []
        self.reasons: list[str] = []
        self.lines = Lines(ours_in, ours_out, self.heard.extend, self.reasons.append)

    def close(self) -> None:
        self.lines.close()
        for fd in (self.reader, self.writer):
            if fd >= 0:
                os.close(fd)

    def hang_up(self) -> None:
        os.close(self.writer)
        os.close(self.reader)
        self.reader = self.writer = -1


def in_loop(test: Callable[[Other], Awaitable[None]]) -> Other:
    async def run() -> Other:
        other = Other()
        try:
            await test(other)
        finally:
            other.close()
        return other

    return asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.binary(max_size=50).map(lambda line: line.replace(b"\n", b"")), max_size=20),
    st.lists(st.integers(1, 60), min_size=1, max_size=40),
)
def test_lines_arrive_however_they_are_cut(sent: list[bytes], cuts: list[int]) -> None:
    async def write(other: Other) -> None:
        stream = b"".join(line + b"\n" for line in sent)
        for cut in cuts:
            os.write(other.writer, stream[:cut])
            stream = stream[cut:]
            await asyncio.sleep(0)
        os.write(other.writer, stream)
        await until(lambda: len(other.heard) == len(sent))

    other = in_loop(write)
    assert other.heard == sent
    assert other.reasons == []


def test_a_slow_reader_gets_everything_and_holds_nobody_up() -> None:
    commands = [f"announce route number {number} " + "x" * 1000 for number in range(3000)]  # 3 MB, pipe: 1 MB
    read = b""

    async def slow(other: Other) -> None:
        nonlocal read
        for command in commands:
            other.lines.send(command)  # would block here if it blocked
        assert other.lines.backlog > 1_000_000
        loop = asyncio.get_running_loop()
        expected = sum(len(command) + 1 for command in commands)
        while len(read) < expected:
            read += await loop.run_in_executor(None, os.read, other.reader, 5000)
        assert other.lines.backlog == 0

    other = in_loop(slow)
    assert read.decode().splitlines() == commands
    assert other.reasons == []


def test_commands_that_nobody_reads_end_it_within_a_bound() -> None:
    highest = 0

    async def flood(other: Other) -> None:
        nonlocal highest
        for _ in range(20_000):  # 20 MB
            other.lines.send("x" * 1000)
            highest = max(highest, other.lines.backlog)
        await asyncio.sleep(0)
        assert other.lines.backlog == 0, "given up, and freed"

    other = in_loop(flood)
    assert other.reasons == ["does not read its commands"], "told once"
    assert lines.LARGEST_BACKLOG - 2000 < highest <= lines.LARGEST_BACKLOG


def test_a_line_without_end_is_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 100_000)

    async def write(other: Other) -> None:
        os.set_blocking(other.writer, False)
        while not other.reasons:
            with suppress(BlockingIOError):
                os.write(other.writer, b"x" * 10_000)
            await asyncio.sleep(0)

    other = in_loop(write)
    assert other.reasons == ["writes a line without end"]
    assert other.heard == []


@pytest.mark.parametrize("busy", [False, True])
def test_a_pipe_that_closes_is_told_once(busy: bool) -> None:
    async def close(other: Other) -> None:
        if busy:
            other.lines.send("x" * 3_000_000)
        os.write(other.writer, b"last words\nand ha")
        await until(lambda: bool(other.heard))
        other.hang_up()
        await until(lambda: bool(other.reasons))
        other.lines.send("more")
        for _ in range(10):
            await asyncio.sleep(0)

    other = in_loop(close)
    assert other.heard == [b"last words"]
    assert other.reasons == ["closed its pipe"]
