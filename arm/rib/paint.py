"""Nested prefixes flattened to intervals, without a loop over prefixes. Pure.

Prefixes of one length never overlap. So painting them onto the address space length by length, the shortest
first, leaves every interval in the colour of its longest match; and what a prefix is painted over is the
nearest prefix that covers it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import DEFAULT, ONE, Hops, HopTable, Keys, Lengths, Runs, distinct

NOBODY = -1  # as a length: no prefix covers this


@dataclass(frozen=True, slots=True)
class Ranges:
    """Parts of the address space to paint, ascending and disjoint; both ends belong to them; shape (n,).

    `lengths` and `hops` tell what covers each as a whole: NOBODY and DEFAULT where nothing does.
    """

    firsts: Keys
    lasts: Keys
    lengths: Lengths
    hops: Hops


def everything(bits: int) -> Ranges:
    """The whole address space."""
    return Ranges(
        np.zeros(1, np.uint64),
        np.array([(1 << bits) - 1], np.uint64),
        np.array([NOBODY], np.int8),
        np.array([DEFAULT], np.int32),
    )


@dataclass(frozen=True, slots=True)
class Painting:
    """From `starts[i]` on, the longest match has length `owners[i]` and next hop `hops[i]`; shape (m,).

    `parents` (n,) are the lengths of the nearest prefixes that cover those painted.
    """

    starts: Keys
    owners: Lengths
    hops: Hops
    parents: Lengths


def paint(table: HopTable, ranges: Ranges) -> Painting:
    """Flatten the prefixes of `table`, all of which lie inside of `ranges`."""
    ends = table.ends()
    within = np.searchsorted(ranges.firsts, table.starts, "right") - 1
    after = ends[ends < ranges.lasts[within]] + ONE
    starts = distinct(np.concatenate((ranges.firsts, table.starts, after)))
    within = np.searchsorted(ranges.firsts, starts, "right") - 1
    owners, hops = ranges.lengths[within], ranges.hops[within]
    parents = np.empty(len(table), np.int8)
    first = np.searchsorted(starts, table.starts)
    behind = np.searchsorted(starts, ends, "right")
    by_length = np.argsort(table.lengths, kind="stable")
    for rows in np.split(by_length, np.flatnonzero(np.diff(table.lengths[by_length])) + 1):
        if not len(rows):
            continue
        parents[rows] = owners[first[rows]]
        where = spread(first[rows], behind[rows])
        counts = behind[rows] - first[rows]
        owners[where] = table.lengths[rows[0]]
        hops[where] = np.repeat(table.hops[rows], counts)
    return Painting(starts, owners, hops, parents)


def spread(firsts: NDArray[np.intp], behinds: NDArray[np.intp]) -> NDArray[np.intp]:
    """All numbers of all ranges first <= i < behind, one range after the other."""
    counts = behinds - firsts
    numbers = np.repeat(firsts - (np.cumsum(counts) - counts), counts)
    numbers += np.arange(len(numbers))
    return numbers


def flatten(table: HopTable) -> Runs:
    """What a table does with every address; DEFAULT where it has no prefix."""
    painting = paint(table, everything(table.bits))
    return merge(table.bits, painting.starts, painting.hops)


def merge(bits: int, starts: Keys, hops: Hops) -> Runs:
    """Runs of intervals with the same next hop."""
    new = np.ones(len(starts), np.bool_)
    np.not_equal(hops[1:], hops[:-1], out=new[1:])
    rows = np.flatnonzero(new)  # far quicker than by mask
    return Runs(bits, starts.take(rows), hops.take(rows))
