"""What a choice is made from, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arm.model import Family
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import MIXED, HopTable, Keys


@dataclass(frozen=True, slots=True)
class Demand:
    """One family: its routes, its traffic, and what is given. All next hops are numbered alike.

    `keys` (n,) are addresses, `weights` (n,) what their traffic is worth; several addresses may fall into one
    prefix, and what adds up to less than `minimum` is worth nothing. `fixed` are entries of the FIB that ARM
    does not own, `pins` those that it must install; `table` has both, over whatever BGP says about the same
    prefix. `incumbents` is what is installed now. `local` is the next hop of what stays on this router, which
    no entry of ARM's can have.
    """

    table: FullTable
    keys: Keys
    weights: NDArray[np.float64]
    fixed: HopTable
    pins: HopTable
    incumbents: HopTable
    minimum: float = 0.0
    local: int = MIXED


def carried(demand: Demand) -> NDArray[np.float64]:
    """The traffic of which each route (n,) is the longest match."""
    owners = demand.table.owner(demand.keys)
    owned = owners >= 0
    sums = np.bincount(owners[owned], demand.weights[owned], len(demand.table.routes))
    return sums.astype(np.float64)  # without traffic numpy gives integers


@dataclass(frozen=True, slots=True)
class Choice:
    """The entries of each family that ARM should install.

    `prices` (one for each pool): what a slot had to be worth, to start from the next time. `crowded`:
    families for which there is not even room for the pins, which were then left out.
    """

    tables: Mapping[Family, HopTable]
    prices: tuple[float, ...]
    crowded: frozenset[Family] = field(default_factory=frozenset)
