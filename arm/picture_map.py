"""The address space cut into cells of equal size, with their traffic and the entries in them. Pure.

`look` belongs to the thread that runs the rooms and is quick; what it gives may run in any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.family import FamilyLoop
from arm.model import Family, Prefix
from arm.rib.hoptable import DEFAULT, HopTable, key_bits
from arm.rib.prefixmap import key, text


@dataclass(frozen=True, slots=True)
class CellSeen:
    """One cell with anything in it. `index` counts in the order of addresses, which is that along the curve.

    `installed_bits_per_second`: the part that an entry of the FIB sends to a next hop of its own.
    `installed`: entries of ARM's in the kernel that hold addresses of the cell, those larger than it too.
    """

    index: int
    prefix: Prefix
    bits_per_second: float
    installed_bits_per_second: float
    installed: int


@dataclass(frozen=True, slots=True)
class MapSeen:
    """4**order cells of `prefix`, without the empty ones."""

    family: Family
    prefix: Prefix
    order: int
    cells: tuple[CellSeen, ...]


def look(loop: FamilyLoop, prefix: Prefix, order: int) -> Callable[[], MapSeen]:
    """Take what there is now. `prefix` is canonical, its length + 2 * order no more than a key's bits."""
    family, meter = loop.family, loop.meter
    keys, rates, installed = meter.keys(), meter.rate_of(meter.octets()) * 8, loop.installed
    fixed = loop.fixed_table()
    bits, dropped = key_bits(family), family.bits - key_bits(family)
    start, length = key(prefix)
    cells, low = 1 << 2 * order, bits - length - 2 * order
    first, last = start >> dropped, (start >> dropped) + (1 << (bits - length)) - 1

    def made() -> MapSeen:
        begin, behind = (
            np.searchsorted(keys, np.uint64(first)),
            np.searchsorted(keys, np.uint64(last), "right"),
        )
        inside, carried = keys[begin:behind], rates[begin:behind]
        cell = ((inside - np.uint64(first)) >> np.uint64(low)).astype(np.intp)
        served = installed.runs.hop(inside) != DEFAULT
        total = np.bincount(cell, carried, cells)
        through = np.bincount(cell[served], carried[served], cells)
        own = installed.routes.take(fixed.find(installed.routes.starts, installed.routes.lengths) < 0)
        counts = _touching(own, first, last, low, cells)
        rows = np.flatnonzero((total > 0.0) | (counts > 0))
        columns = (rows.tolist(), total[rows].tolist(), through[rows].tolist(), counts[rows].tolist())
        found = (
            CellSeen(at, text(family, first + (at << low) << dropped, length + 2 * order), *figures)
            for at, *figures in zip(*columns, strict=True)
        )
        return MapSeen(family, prefix, order, tuple(found))

    return made


def _touching(entries: HopTable, first: int, last: int, low: int, cells: int) -> NDArray[np.int64]:
    """How many entries, the default route aside, hold addresses of each cell; shape (cells,)."""
    starts, ends = entries.starts, entries.ends()
    rows = np.flatnonzero((entries.lengths > 0) & (ends >= np.uint64(first)) & (starts <= np.uint64(last)))
    from_cell = (np.maximum(starts[rows], np.uint64(first)) - np.uint64(first)) >> np.uint64(low)
    to_cell = (np.minimum(ends[rows], np.uint64(last)) - np.uint64(first)) >> np.uint64(low)
    steps = np.zeros(cells + 1, np.int64)
    np.add.at(steps, from_cell.astype(np.intp), 1)
    np.add.at(steps, to_cell.astype(np.intp) + 1, -1)
    counts: NDArray[np.int64] = np.cumsum(steps[:-1])
    return counts
