"""Proof that a table never misforwards, before it leaves and wherever it is seen. Pure.

Every address is looked at: where two tables of address runs are both constant, one address stands for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arm.rib.fulltable import FullTable
from arm.rib.hoptable import DEFAULT, MIXED, ONE, HopTable, Keys, Runs
from arm.rib.paint import flatten


@dataclass(frozen=True, slots=True)
class Wrong:
    """Ranges of addresses that go neither where the full table says nor to the default; shape (n,) each."""

    firsts: Keys
    lasts: Keys

    @property
    def keys(self) -> int:
        """How many; of IPv6, /64 networks."""
        return sum(int(last) - int(first) + 1 for first, last in zip(self.firsts, self.lasts, strict=True))

    def __len__(self) -> int:
        return len(self.firsts)


def with_fixed(entries: HopTable, fixed: HopTable) -> HopTable:
    """What the FIB holds: the entries, and what it has anyway."""
    own = entries.take(fixed.find(entries.starts, entries.lengths) < 0)
    return HopTable.sort(
        entries.bits,
        np.concatenate((own.starts, fixed.starts)),
        np.concatenate((own.lengths, fixed.lengths)),
        np.concatenate((own.hops, fixed.hops)),
    )


def misforwarded(entries: HopTable, table: FullTable, fixed: HopTable) -> Wrong:
    """The addresses that entries and fixed entries together send the wrong way.

    Where the table has routes longer than a key inside a fixed entry that is as long as one, nothing can be
    said, and nobody could do anything about it: that is not called wrong.
    """
    unknown = (fixed.lengths == fixed.bits) & (table.runs.hop(fixed.starts) == MIXED)
    said = HopTable(fixed.bits, fixed.starts, fixed.lengths, np.where(unknown, np.int32(DEFAULT), fixed.hops))
    installed = flatten(with_fixed(entries, said))
    ends = np.append(installed.starts[1:] - ONE, np.uint64((1 << installed.bits) - 1))
    # Quick: a run of the FIB is right if it lies within one run of the full table with the same next hop.
    doubtful = (installed.hops != DEFAULT) & (table.runs.uniform(installed.starts, ends) != installed.hops)
    firsts, lasts = [], []
    for row in np.flatnonzero(doubtful).tolist():
        first, last = _wrong(table.runs, installed.starts[row], ends[row], int(installed.hops[row]))
        firsts.append(first)
        lasts.append(last)
    nothing = np.empty(0, np.uint64)
    return Wrong(np.concatenate((nothing, *firsts)), np.concatenate((nothing, *lasts)))


def _wrong(runs: Runs, first: np.uint64, last: np.uint64, hop: int) -> tuple[Keys, Keys]:
    """The parts of a range where the full table has another next hop."""
    begin = int(np.searchsorted(runs.starts, first, "right")) - 1
    behind = int(np.searchsorted(runs.starts, last, "right"))
    starts = np.maximum(runs.starts[begin:behind], first)
    ends = np.append(starts[1:] - ONE, last)
    wrong = runs.hops[begin:behind] != hop
    return starts[wrong], ends[wrong]
