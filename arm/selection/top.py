"""Strategy `top`: the heaviest prefixes of the table, as the 2016 Active Route Manager chose them. Pure.

It cannot promise that nothing is misforwarded: an installed prefix attracts the traffic of more-specific
routes that were left out. Kept for parity and comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from arm.model import Family, Pool
from arm.rib.hoptable import MIXED, HopTable
from arm.selection.demand import Demand, carried


def worthy(demand: Demand, weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows of the routes that may be entries, by the traffic (n,) that each carries."""
    routes = demand.table.routes
    fit = (weights > 0.0) & (weights >= demand.minimum) & (routes.hops != MIXED) & (routes.lengths > 0)
    return np.flatnonzero(fit)


def heaviest(
    demands: Mapping[Family, Demand], pools: Sequence[Pool], slots: Sequence[int], discount: float
) -> dict[Family, HopTable]:
    """The heaviest prefixes of all families that fit, by what they carry per slot."""
    offers: list[tuple[float, bool, int, int, tuple[int, int, int]]] = []
    for family, demand in demands.items():
        routes = demand.table.routes
        weights = carried(demand)
        pinned = demand.pins.find(routes.starts, routes.lengths) >= 0
        weights[pinned] = np.inf
        rows = worthy(demand, weights)
        taken = sum(
            (np.asarray(pool.costs[family]) for pool in pools if family in pool.costs),
            start=np.zeros(family.bits + 1, np.int64),
        )
        held = demand.incumbents.find(routes.starts[rows], routes.lengths[rows]) >= 0
        score = (
            weights[rows] / np.where(held, 1.0 - discount, 1.0) / np.maximum(taken[routes.lengths[rows]], 1)
        )
        best = rows[np.lexsort((rows, ~held, -score))]
        order = np.lexsort((rows, ~held, -score))
        table = HopTable(routes.bits, routes.starts[best], routes.lengths[best], routes.hops[best])
        columns = (score[order].tolist(), held[order].tolist(), table.rows())
        offers += [
            (-value, not stays, family.number, at, row)
            for at, (value, stays, row) in enumerate(zip(*columns, strict=True))
        ]
    offers.sort()
    left = list(slots)
    chosen: dict[int, list[tuple[int, int, int]]] = {family.number: [] for family in demands}
    families = {family.number: family for family in demands}
    for _, _, number, _, row in offers:
        needed = [pool.cost(families[number], row[1]) for pool in pools]
        if all(need <= room for need, room in zip(needed, left, strict=True)):
            left = [room - need for need, room in zip(needed, left, strict=True)]
            chosen[number].append(row)
        elif max(left) <= 0:
            break
    return {
        family: HopTable.of(demand.table.routes.bits, chosen[family.number])
        for family, demand in demands.items()
    }
