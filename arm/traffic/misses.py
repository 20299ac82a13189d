"""Why traffic took no entry, scored like coverage on traffic that came after the table was there. Pure.

The miss rate is the share of bytes that the FIB sends where the default goes; every such byte has one reason:

| name               | the traffic                                                                         |
|--------------------|-------------------------------------------------------------------------------------|
| follows-default    | belongs there: its route leads where the default does, is denied, or leads nowhere  |
| not-routed         | belongs there: the BGP table has no route to it but the default                     |
| several            | is in a /64 with longer routes, of which nothing may be installed                   |
| waiting            | has an entry that is chosen, and not in the kernel (yet)                            |
| new                | had no sample yet when the last choice was made                                     |
| below-minimum-rate | is of a prefix that carries less than `selection.minimum_rate`                      |
| evicted            | was served by an entry since it is known, and others carry more for that place now  |
| no-room            | was never served: others carry more for their place                                 |

The first two are no loss: without them the shares add up to 1 - coverage - misforwarded. The names are those
of explain_words.py, which has no "evicted" because it tells what is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.model import MISS_REASONS
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import DEFAULT, MIXED, Keys, Runs, among, distinct
from arm.rib.paint import NOBODY
from arm.traffic.coverage import MEMORY

_NUMBER = {name: number for number, name in enumerate(MISS_REASONS)}
_SPARE = 10_000  # blocks that may be remembered as served beyond those that are measured


@dataclass(frozen=True, slots=True)
class Chosen:
    """The last choice. `blocks` (n,) are the keys that it knew traffic of, ascending; `poor` (n,) those in
    prefixes that carry less than the minimum; `does` is what its entries do with every address."""

    blocks: Keys
    poor: NDArray[np.bool_]
    does: Runs


class Misses:
    """One family's decayed sums. `chosen` is told by whoever takes a choice over; None: none was yet."""

    def __init__(self) -> None:
        self.chosen: Chosen | None = None
        self._served: Keys = np.empty(0, np.uint64)  # blocks that an entry served rightly, ascending
        self._sums = np.zeros(len(MISS_REASONS))
        self._bytes = 0.0
        self._time: float | None = None

    def add(
        self,
        keys: Keys,
        blocks: Keys,
        octets: NDArray[np.float64],
        table: FullTable,
        installed: Runs,
        now: float,
    ) -> None:
        """Age the sums to `now`, then add one interval's traffic to addresses `keys` (n,), whose traffic is
        remembered by `blocks` (n,)."""
        elapsed = 0.0 if self._time is None else max(0.0, now - self._time)
        self._time = now
        decay = math.exp(-elapsed / MEMORY)
        wanted, done = table.runs.hop(keys), installed.hop(keys)
        missed = np.flatnonzero(done == DEFAULT)
        why = self._why(keys[missed], blocks[missed], wanted[missed], table)
        gain = np.bincount(why, octets[missed], len(MISS_REASONS))
        self._sums = self._sums * decay + gain
        self._bytes = self._bytes * decay + float(octets.sum())
        self._serve(distinct(blocks[(done != DEFAULT) & (done == wanted)]))

    def forget(self, known: Keys) -> None:
        """Of blocks that are not measured any more, `known` (n,) ascending, nobody needs to know whether they
        were served."""
        if len(self._served) > 2 * len(known) + _SPARE:
            self._served = self._served[among(self._served, known)]

    @property
    def shares(self) -> dict[str, float] | None:
        """Each reason's share of all bytes; None without traffic."""
        if self._bytes <= 0.0:
            return None
        return dict(zip(MISS_REASONS, np.minimum(1.0, self._sums / self._bytes).tolist(), strict=True))

    def _why(self, keys: Keys, blocks: Keys, wanted: NDArray[np.int32], table: FullTable) -> NDArray[np.intp]:
        """The number of each address's reason, from the weakest to the one that decides."""
        why = np.full(len(keys), _NUMBER["no-room"], np.intp)
        why[among(blocks, self._served)] = _NUMBER["evicted"]
        chosen = self.chosen
        if chosen is None:
            why[:] = _NUMBER["new"]
        else:
            at = np.minimum(np.searchsorted(chosen.blocks, blocks), max(len(chosen.blocks) - 1, 0))
            known = among(blocks, chosen.blocks)
            why[~known] = _NUMBER["new"]
            why[known] = np.where(chosen.poor[at[known]], _NUMBER["below-minimum-rate"], why[known])
            why[chosen.does.hop(keys) == wanted] = _NUMBER["waiting"]
        why[wanted == MIXED] = _NUMBER["several"]
        belongs = np.flatnonzero(wanted == DEFAULT)
        owners = table.owners[np.searchsorted(table.starts, keys[belongs], "right") - 1]
        why[belongs] = np.where(owners == NOBODY, _NUMBER["not-routed"], _NUMBER["follows-default"])
        return why

    def _serve(self, blocks: Keys) -> None:
        fresh = blocks[~among(blocks, self._served)]
        if len(fresh):
            self._served = np.insert(self._served, np.searchsorted(self._served, fresh), fresh)
