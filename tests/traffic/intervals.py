"""Intervals for tests of recordings."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from arm.model import Family
from arm.traffic.interval import Interval, write_line
from arm.traffic.record import Recorder

LIMIT = 1_000_000


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    family = draw(st.sampled_from(Family))
    size = draw(st.integers(0, 5))

    def column(each: st.SearchStrategy[float] | st.SearchStrategy[int]) -> list[float]:
        return draw(st.lists(each, min_size=size, max_size=size))

    number = st.floats(0, 1e300)
    return Interval(
        draw(number),
        family,
        draw(number),
        np.array(column(st.integers(0, (1 << min(family.bits, 64)) - 1)), np.uint64),
        np.array(column(number), np.float64),
        np.array(column(number), np.float64),
        np.array(column(st.integers(0, 2**63 - 1)), np.int64),
    )


def one(time: float, size: int = 1) -> Interval:
    """An IPv4 interval that does not compress to nothing."""
    numbers = np.random.default_rng(int(time)).integers(0, 1 << 32, size)
    floats = numbers.astype(np.float64)
    return Interval(float(time), Family.IPV4, 1.0, numbers.astype(np.uint64), floats, floats, numbers)


def plain(found: Sequence[Interval]) -> list[str]:
    """To be compared: by the text of their lines."""
    return [write_line(interval) for interval in found]


def record(path: Path, found: Sequence[Interval]) -> list[int]:
    """Write a recording; the size of the file after the header and after each interval."""
    recorder = Recorder(path, LIMIT)
    sizes = [path.stat().st_size]
    for interval in found:
        assert recorder.write(interval) is None
        sizes.append(path.stat().st_size)
    recorder.close()
    return sizes


def compress(path: Path, *lines: str) -> None:
    """A recording written by hand, after its header."""
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in ('{"recording":1}', *lines)).encode()))
