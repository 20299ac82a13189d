"""What present traffic would be worth with other numbers of entries, and to each strategy. Pure.

`look` belongs to the thread that runs the rooms and is quick; what it gives may run in any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from arm.model import Family
from arm.picture import Watched
from arm.rib.hoptable import HopTable, key_bits
from arm.selection.curve import NOTHING, Curve, Shares, curve, numbers
from arm.selection.demand import carried


@dataclass(frozen=True, slots=True)
class CurveSeen:
    """See `Curve`. `made`: Unix time of the traffic that it is about; None: there was none, and no curve."""

    family: Family
    capacity: int
    entries: tuple[int, ...]
    strategies: Mapping[str, Shares]
    astray: tuple[float, ...]
    bound: tuple[float, ...]
    made: float | None


def look(watched: Watched, entries: int | None, time: float) -> Callable[[], CurveSeen]:
    """Take what there is now; at so many entries, or None: at those that show how far more would help."""
    loop, capacity = watched.loop, watched.capacity
    demand = loop.demand(HopTable.of(key_bits(loop.family), ()))
    learned = len(watched.table) > 0

    def made() -> CurveSeen:
        found: Curve = NOTHING
        if learned:
            active = np.count_nonzero(carried(demand))
            asked = numbers(capacity, int(active)) if entries is None else [entries]
            found = curve(loop.family, demand, asked)
        return CurveSeen(
            loop.family,
            capacity,
            found.entries,
            found.strategies,
            found.astray,
            found.bound,
            time if found.entries else None,
        )

    return made
