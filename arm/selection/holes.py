"""Address space with holes: what entries that are given anyway leave to be decided. Pure.

Fixed entries and pins are given: everything inside one is decided by it and below it, whatever is above. So
for what is above, it is a hole; and below it starts a problem of its own, with its next hop as the default.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import DEFAULT, MIXED, ONE, Hops, HopTable, Keys, Runs, among, distinct, last
from arm.selection.demand import Demand


class Space:
    """One family's address space."""

    def __init__(self, demand: Demand) -> None:
        self._runs = runs = demand.table.runs
        self._bits = runs.bits
        self.pins = _without(demand.pins, demand.fixed)
        given = HopTable.sort(
            self._bits,
            np.concatenate((demand.fixed.starts, self.pins.starts)),
            np.concatenate((demand.fixed.lengths, self.pins.lengths)),
            np.concatenate((demand.fixed.hops, self.pins.hops)),
        )
        self._given = given.take(given.lengths > 0)
        content = runs.uniform(self._given.starts, self._given.ends())
        hides = (content != self._given.hops) & (self._given.lengths < self._bits)
        # Cut at the holes' edges, so that no block reaches across one, and through the middle of those that
        # would be one block with another next hop than they have: only their halves can still have entries.
        self.runs = _cut(runs, self._given, hides & (content != MIXED)) if len(self._given) else runs
        if len(self.runs.starts) == 1:  # the default's own prefix can be no entry: its halves can
            half = np.array([0, 1 << (self._bits - 1)], np.uint64)
            self.runs = Runs(self._bits, half, runs.hop(half))
        self._forced: dict[int, tuple[Keys, Hops]] = {}
        self._halves: dict[int, Keys] = {}
        torn = hides & (self._given.hops != DEFAULT)
        for depth in distinct(self._given.lengths).tolist():
            rows = self._given.lengths == depth
            keys = self._given.starts[rows] >> np.uint64(self._bits - depth)
            self._forced[depth] = (keys, self._given.hops[rows])
            if (torn & rows).any():
                inner = self._given.starts[torn & rows] >> np.uint64(self._bits - depth)
                self._halves[depth + 1] = np.concatenate((inner << ONE, inner << ONE | ONE))

    def depths(self) -> list[int]:
        """Prefix lengths at which something is given, or just below."""
        return [*self._forced, *self._halves]

    def forced(self, depth: int, keys: Keys) -> tuple[NDArray[np.bool_], Hops]:
        """Which of these prefixes are given, and with which next hop; shape (n,) each."""
        if depth not in self._forced:
            return np.zeros(len(keys), np.bool_), np.zeros(len(keys), np.int32)
        known, hops = self._forced[depth]
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        same = known[at] == keys
        return same, np.where(same, hops[at], DEFAULT)

    def beside(self, depth: int, keys: Keys) -> Keys:
        """What else there is to decide at a depth where these prefixes are to be decided: their siblings, and
        the halves of given prefixes that hide something. Nothing that is given itself, or made of it."""
        others = keys ^ ONE
        if depth in self._halves:
            others = distinct(np.concatenate((others, self._halves[depth])))
        others = others[~among(others, np.sort(keys, kind="stable"))]
        return others[~self._holes_only(depth, others)]

    def uniform(self, depth: int, keys: Keys) -> Hops:
        """The one next hop of each prefix, holes left out, or MIXED."""
        starts, ends = self._range(depth, keys)
        hops = self._runs.uniform(starts, ends)
        for row in self._torn(depth, starts, ends):
            gaps = self._gaps(depth, int(starts[row]), int(ends[row]))
            found = {int(hop) for hop in self._runs.uniform(*gaps)}
            hops[row] = found.pop() if len(found) == 1 else MIXED
        return hops

    def _holes_only(self, depth: int, keys: Keys) -> NDArray[np.bool_]:
        starts, ends = self._range(depth, keys)
        only, _ = self.forced(depth, keys)
        for row in self._torn(depth, starts, ends):
            only[row] |= not len(self._gaps(depth, int(starts[row]), int(ends[row]))[0])
        return only

    def _range(self, depth: int, keys: Keys) -> tuple[Keys, Keys]:
        starts = keys << np.uint64(self._bits - depth)
        return starts, last(starts, np.full(len(keys), depth, np.int8), self._bits)

    def _torn(self, depth: int, starts: Keys, ends: Keys) -> list[int]:
        """Which of these prefixes have a given start inside. There are few."""
        if not len(self._given):
            return []
        first = np.searchsorted(self._given.starts, starts, "left")
        behind = np.searchsorted(self._given.starts, ends, "right")
        found: list[int] = np.flatnonzero(first < behind).tolist()
        return found

    def _gaps(self, depth: int, start: int, end: int) -> tuple[Keys, Keys]:
        """First and last keys of what the holes leave of a prefix."""
        rows = (self._given.starts >= start) & (self._given.starts <= end) & (self._given.lengths > depth)
        holes = self._given.take(rows)
        gaps, at = [], start
        for first, behind in zip(holes.starts.tolist(), holes.ends().tolist(), strict=True):
            if first > at:
                gaps.append((at, first - 1))
            at = max(at, behind + 1)
        if at <= end:
            gaps.append((at, end))
        columns = np.array(gaps, np.uint64).reshape(-1, 2)
        return columns[:, 0], columns[:, 1]


def _without(table: HopTable, other: HopTable) -> HopTable:
    """The rows of `table` whose prefixes are not in `other`."""
    return table.take(other.find(table.starts, table.lengths) < 0)


def _cut(runs: Runs, holes: HopTable, halved: NDArray[np.bool_]) -> Runs:
    """The same runs, cut where holes begin and end, and in the middle of some."""
    ends = holes.ends()
    after = ends[ends != np.uint64((1 << runs.bits) - 1)] + ONE
    middle = (holes.starts[halved] >> ONE) + (ends[halved] >> ONE) + ONE  # the sum might not fit a key
    starts = distinct(np.concatenate((runs.starts, holes.starts, after, middle)))
    return Runs(runs.bits, starts, runs.hop(starts))
