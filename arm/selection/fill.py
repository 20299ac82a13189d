"""What is left of the budget goes to the heaviest prefixes that are not served yet. Pure.

A prefix whose addresses all have one next hop in the full table can always be installed with it: no address
inside goes anywhere else than it should. So nothing needs to be guarded, and the rest of the table stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from arm.model import Family, Pool
from arm.rib.hoptable import DEFAULT, MIXED, HopTable
from arm.rib.paint import flatten
from arm.selection.check import with_fixed
from arm.selection.demand import Demand
from arm.selection.problem import Candidates


def fill(
    tables: Mapping[Family, HopTable],
    candidates: Mapping[Family, Candidates],
    demands: Mapping[Family, Demand],
    pools: Sequence[Pool],
    slots: Sequence[int],
    discount: float,
) -> dict[Family, HopTable]:
    """Add what fits, incumbents before others of the same weight."""
    left = [
        room - sum(_taken(pool, family, table) for family, table in tables.items())
        for pool, room in zip(pools, slots, strict=True)
    ]
    offers: list[tuple[float, Family, tuple[int, int, int]]] = []
    for family, table in tables.items():
        offers += _offers(table, candidates[family], demands[family], family, discount, max(left, default=0))
    offers.sort(key=lambda offer: (-offer[0], offer[1].number, offer[2]))
    added: dict[Family, list[tuple[int, int, int]]] = {family: [] for family in tables}
    known = {family: _prefixes(table) for family, table in tables.items()}
    for _, family, row in offers:
        needed = [0] * len(pools) if row[:2] in known[family] else [p.cost(family, row[1]) for p in pools]
        if all(need <= room for need, room in zip(needed, left, strict=True)):
            left = [room - need for need, room in zip(needed, left, strict=True)]
            added[family].append(row)
        elif max(left) <= 0:
            break
    return {
        family: HopTable.of(table.bits, [*table.rows(), *added[family]]) if added[family] else table
        for family, table in tables.items()
    }


def _taken(pool: Pool, family: Family, table: HopTable) -> int:
    costs = pool.costs.get(family)
    return int(np.asarray(costs)[table.lengths].sum()) if costs is not None else 0


def _prefixes(table: HopTable) -> set[tuple[int, int]]:
    return set(zip(table.starts.tolist(), table.lengths.tolist(), strict=True))


def _offers(
    table: HopTable, candidates: Candidates, demand: Demand, family: Family, discount: float, room: int
) -> list[tuple[float, Family, tuple[int, int, int]]]:
    """The heaviest candidates that follow the default now, as (worth, family, row)."""
    prefixes = candidates.table
    installed = flatten(with_fixed(table, demand.fixed))
    unserved = installed.uniform(prefixes.starts, prefixes.ends()) == DEFAULT
    unserved &= demand.fixed.find(prefixes.starts, prefixes.lengths) < 0
    rows = np.flatnonzero(unserved)
    offered = HopTable(prefixes.bits, prefixes.starts[rows], prefixes.lengths[rows], prefixes.hops[rows])
    held = demand.incumbents.hop_of(offered, MIXED) == offered.hops
    worth = candidates.weights[rows] / np.where(held, 1.0 - discount, 1.0)
    if len(rows) > 4 * room:
        heaviest = np.argpartition(-worth, 4 * room)[: 4 * room]
        worth, offered = worth[heaviest], offered.take(heaviest)
    return [(value, family, row) for value, row in zip(worth.tolist(), offered.rows(), strict=True)]
