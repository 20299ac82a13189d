"""The full table as arrays, kept up to date: the run map, its prefixes, and who owns an address. Pure.

Nothing in here is numbered by position: an interval knows its owner by the owner's length, a prefix its
parent likewise. So a change touches only the address range of the prefix that changed, and the rest of the
arrays is copied as it is. (1.04 M routes: 1.3 M intervals, 413 k runs.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arm.model import Family
from arm.rib.hoptable import (
    MIXED,
    ONE,
    Hops,
    HopTable,
    Keys,
    Lengths,
    Runs,
    among,
    distinct,
    key_bits,
    network,
)
from arm.rib.paint import NOBODY, Ranges, everything, merge, paint, spread
from arm.rib.splice import Cuts

GONE = -2  # as a next hop in a change: the prefix is withdrawn
# So many changes at once, one that only moves counted for a quarter, may be made one by one. From more than a
# 128th of the routes on it is quicker to paint everything anew.
MANY = 100


@dataclass(frozen=True, slots=True)
class FullTable:
    """The table at one moment. `parents` (n,): length of the nearest route that covers each route, or NOBODY.

    From `starts[i]` to the next start the longest match has length `owners[i]`, or there is NOBODY.
    """

    routes: HopTable
    parents: Lengths
    starts: Keys
    owners: Lengths
    runs: Runs

    def owner(self, keys: Keys) -> NDArray[np.intp]:
        """The row in `routes` of each address's longest match, or -1."""
        lengths = self.owners[np.searchsorted(self.starts, keys, "right") - 1]
        rows = self.routes.find(network(keys, np.maximum(lengths, 0), self.routes.bits), lengths)
        return np.where(lengths == NOBODY, -1, rows)


def from_prefixes(family: Family, rows: Iterable[tuple[int, int, int]]) -> HopTable:
    """A table from (first address at full width, length, next hop).

    What is longer than a key makes its block MIXED, whatever else is said about that block.
    """
    bits, dropped = key_bits(family), family.bits - key_bits(family)
    found, mixed = [], []
    for start, length, hop in rows:
        if length <= bits:
            found.append((start >> dropped, length, hop))
        else:
            mixed.append((start >> dropped, bits, MIXED))
    return HopTable.of(bits, found + mixed)


class RouteIndex:
    """One family's routes, by raw next-hop numbers; a snapshot translates those to what they mean now."""

    _routes: HopTable
    _parents: Lengths
    _starts: Keys  # of the intervals, with the length and the raw next hop of their owners
    _owners: Lengths
    _hops: Hops
    _shown: tuple[Hops, FullTable] | None = (
        None  # the last snapshot, with its meaning, if nothing has changed
    )

    def __init__(self, bits: int) -> None:
        self.load(HopTable.of(bits, ()))

    def __len__(self) -> int:
        return len(self._routes)

    @property
    def bits(self) -> int:
        """Of a key."""
        return self._routes.bits

    @property
    def octets(self) -> int:
        """In memory."""
        routes = self._routes
        columns = (
            routes.starts,
            routes.lengths,
            routes.hops,
            self._parents,
            self._starts,
            self._owners,
            self._hops,
        )
        return sum(column.nbytes for column in columns)

    def gaps(self, first: int, last: int, length: int, firsts: Keys, lasts: Keys) -> NDArray[np.bool_]:
        """In which of these ranges, all from `first` to `last`, is the longest match anywhere no longer than
        `length`, or none?"""
        low = int(np.searchsorted(self._starts, np.uint64(first), "right")) - 1
        starts = self._starts[low : int(np.searchsorted(self._starts, np.uint64(last), "right"))]
        gaps = self._owners[low : low + len(starts)] <= length
        upto = np.zeros(len(gaps) + 1, np.int64)
        np.cumsum(gaps, out=upto[1:])
        begin, behind = np.searchsorted(starts, firsts, "right") - 1, np.searchsorted(starts, lasts, "right")
        found: NDArray[np.bool_] = upto[behind] != upto[begin]
        return found

    def load(self, routes: HopTable) -> None:
        """Replace everything."""
        self._routes, self._shown = routes, None
        self._paint_all()

    def snapshot(self, meaning: Hops | None = None) -> FullTable:
        """The table now. `meaning` (next hops,) gives the number that stands for each raw next hop."""
        if self._shown is not None and meaning is not None and np.array_equal(self._shown[0], meaning):
            return self._shown[1]  # most seconds of a small table bring nothing new
        routes, hops = self._routes, self._hops
        if meaning is not None:
            routes = replace(routes, hops=meaning.take(routes.hops))
            hops = meaning.take(hops)
        runs = merge(routes.bits, self._starts, hops)
        full = FullTable(routes, self._parents, self._starts, self._owners, runs)
        self._shown = None if meaning is None else (meaning, full)
        return full

    def update(self, changes: HopTable) -> None:
        """Announce, change or withdraw (next hop GONE) some routes."""
        rows = self._routes.find(changes.starts, changes.lengths)
        known, gone = rows >= 0, changes.hops == GONE
        moved, left, came = known & ~gone, known & gone, ~known & ~gone
        moved[moved] = self._routes.hops[rows[moved]] != changes.hops[moved]
        if not (moved | left | came).any():
            return
        self._shown = None
        hops = self._routes.hops.copy()  # a snapshot may have the old ones
        hops[rows[moved]] = changes.hops[moved]
        self._routes = replace(self._routes, hops=hops)
        structural = changes.take(left | came)
        if len(structural):
            self._edit(structural)
        if len(structural) + moved.sum() // 4 > max(MANY, len(self) >> 7):
            self._paint_all()
        else:
            self._move(changes.take(moved))
            if len(structural):
                self._repaint(structural)

    def _paint_all(self) -> None:
        painting = paint(self._routes, everything(self._routes.bits))
        self._starts, self._owners, self._hops = painting.starts, painting.owners, painting.hops
        self._parents = painting.parents

    def _edit(self, changes: HopTable) -> None:
        """Take rows out and put rows in."""
        old, gone = self._routes, changes.hops == GONE
        at = old.place(changes.starts, changes.lengths)
        cuts = Cuts(len(old), at, at + gone, np.cumsum(~gone) - ~gone, np.cumsum(~gone))
        new = changes.take(~gone)
        self._routes = HopTable(
            old.bits,
            cuts.splice(old.starts, new.starts),
            cuts.splice(old.lengths, new.lengths),
            cuts.splice(old.hops, new.hops),
        )
        self._parents = cuts.splice(self._parents, np.full(len(new), NOBODY, np.int8))

    def _move(self, changes: HopTable) -> None:
        """New next hops, same prefixes."""
        firsts = np.searchsorted(self._starts, changes.starts, "left").tolist()
        behinds = np.searchsorted(self._starts, changes.ends(), "right").tolist()
        columns = (firsts, behinds, changes.lengths.tolist(), changes.hops.tolist())
        for first, behind, length, hop in zip(*columns, strict=True):
            part = self._hops[first:behind]
            part[self._owners[first:behind] == length] = hop

    def _repaint(self, changes: HopTable) -> None:
        """Paint the ranges of prefixes that came or went."""
        ranges, rows = self._ranges(changes)
        painting = paint(self._routes.take(rows), ranges)
        self._parents[rows] = painting.parents
        starts, owners, hops = painting.starts, painting.owners, painting.hops
        first = np.searchsorted(self._starts, ranges.firsts, "left")
        behind = np.searchsorted(self._starts, ranges.lasts, "right")
        # An interval that reached across the end of a range goes on behind it.
        after = ranges.lasts + ONE
        known = self._starts[np.minimum(behind, len(self._starts) - 1)] == after
        cut = ~(known | among(after, ranges.firsts)) & (ranges.lasts != (1 << self._routes.bits) - 1)
        order = np.argsort(np.concatenate((starts, after[cut])), kind="stable")
        starts = np.concatenate((starts, after[cut]))[order]
        owners = np.concatenate((owners, self._owners[behind[cut] - 1]))[order]
        hops = np.concatenate((hops, self._hops[behind[cut] - 1]))[order]
        pieces = np.append(np.searchsorted(starts, ranges.firsts), len(starts))
        cuts = Cuts(len(self._starts), first, behind, pieces[:-1], pieces[1:])
        self._starts = cuts.splice(self._starts, starts)
        self._owners = cuts.splice(self._owners, owners)
        self._hops = cuts.splice(self._hops, hops)
        self._close(np.concatenate((ranges.firsts, after)))

    def _ranges(self, changes: HopTable) -> tuple[Ranges, NDArray[np.intp]]:
        """The ranges of the changed prefixes, without nested ones, and the rows of the routes inside."""
        reach = np.maximum.accumulate(changes.ends())
        outer = np.ones(len(changes), np.bool_)
        outer[1:] = changes.starts[1:] > reach[:-1]
        found = changes.take(outer)
        lengths = np.full(len(found), NOBODY, np.int8)
        hops = np.zeros(len(found), np.int32)
        for length in range(int(found.lengths.max(initial=0))):  # the longest comes last and stays
            shorter = np.full(len(found), length, np.int8)
            rows = self._routes.find(network(found.starts, shorter, found.bits), shorter)
            covered = (rows >= 0) & (found.lengths > length)
            lengths[covered] = length
            hops[covered] = self._routes.hops[rows[covered]]
        first = np.searchsorted(self._routes.starts, found.starts, "left")
        behind = np.searchsorted(self._routes.starts, found.ends(), "right")
        rows = spread(first, behind)
        inside = self._routes.lengths[rows] > np.repeat(lengths, behind - first)  # not what covers the range
        return Ranges(found.starts, found.ends(), lengths, hops), rows[inside]

    def _close(self, seams: Keys) -> None:
        """Drop interval borders at which the owner does not change."""
        at = distinct(np.searchsorted(self._starts, seams, "left"))
        at = at[(at > 0) & (at < len(self._starts))]
        lengths = self._owners[at]
        here = network(self._starts[at], np.maximum(lengths, 0), self._routes.bits)
        before = network(self._starts[at - 1], np.maximum(lengths, 0), self._routes.bits)
        same = (lengths == self._owners[at - 1]) & ((here == before) | (lengths == NOBODY))
        if same.any():
            rows = at[same]
            nothing = np.zeros(len(rows), np.intp)
            cuts = Cuts(len(self._starts), rows, rows + 1, nothing, nothing)
            self._starts = cuts.splice(self._starts, self._starts[:0])
            self._owners = cuts.splice(self._owners, self._owners[:0])
            self._hops = cuts.splice(self._hops, self._hops[:0])
