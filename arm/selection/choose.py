"""The choice of entries, whatever the strategy. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arm.model import Family, Kind, Pool
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import DEFAULT, MIXED, HopTable
from arm.rib.paint import flatten
from arm.selection import price, top
from arm.selection.check import with_fixed
from arm.selection.demand import Choice, Demand
from arm.selection.fill import fill
from arm.selection.optimal import Optimal
from arm.selection.problem import Problem
from arm.selection.safe import Safe

FEW = 64  # slots: where one entry matters, prices leave gaps that real prefixes may fill better

STRATEGIES: Mapping[str, Callable[[Demand], Problem]] = {"safe": Safe, "optimal": Optimal}


def choose(
    strategy: str,
    demands: Mapping[Family, Demand],
    pools: Sequence[Pool],
    *,
    discount: float = 0.0,
    prices: Sequence[float] | None = None,
    reserve: float = 0.0,
) -> Choice:
    """The entries of each family that serve most in the slots of the pools, a share `reserve` left empty.

    An incumbent costs (1 - discount) of what others do. `prices` are those of the last choice, if any. With
    nothing but fixed entries and the guards that they need being too much, a family gets no entries at all.
    """
    slots = [int(pool.slots * (1.0 - reserve)) for pool in pools]
    if strategy == "top":
        return Choice(top.heaviest(demands, pools, slots, discount), ())
    found = _priced(STRATEGIES[strategy], demands, pools, slots, discount, prices)
    if found is not None and strategy == "optimal" and max(slots, default=0) <= FEW:
        other = _priced(Safe, demands, pools, slots, discount, None)
        if other is not None and served(other, demands) > served(found, demands):
            return replace(other, prices=found.prices)
    if found is not None:
        return found
    # Too many pins, or too much to guard. One family's trouble is not the other's.
    crowded = {
        family
        for family, demand in demands.items()
        if _priced(STRATEGIES[strategy], {family: demand}, pools, slots, discount, None) is None
    } or set(demands)
    without_pins = {
        family: replace(demand, pins=HopTable.of(demand.pins.bits, ())) if family in crowded else demand
        for family, demand in demands.items()
    }
    found = _priced(STRATEGIES[strategy], without_pins, pools, slots, discount, None)
    if found is not None:
        return replace(found, crowded=frozenset(crowded))
    rest = {family: demand for family, demand in demands.items() if family not in crowded}
    found = _priced(STRATEGIES[strategy], rest, pools, slots, discount, None) or Choice({}, ())
    nothing = {family: HopTable.of(demands[family].table.runs.bits, ()) for family in demands}
    return Choice({**nothing, **found.tables}, found.prices, frozenset(crowded))


def served(choice: Choice, demands: Mapping[Family, Demand]) -> float:
    """The traffic that goes where the full table says."""
    total = 0.0
    for family, demand in demands.items():
        installed = flatten(with_fixed(choice.tables[family], demand.fixed))
        right = installed.hop(demand.keys) == demand.table.runs.hop(demand.keys)
        total += float(demand.weights[right].sum())
    return total


def upper_bound(demands: Mapping[Family, Demand], pools: Sequence[Pool]) -> float:
    """What no table that never misforwards can exceed, with or without the pins: in weight, and with what the
    default and fixed entries serve right. Of traffic below the minimum too, which a table may serve by
    the way. 0 if there is no such table."""
    problems = {
        family: Optimal(replace(demand, pins=HopTable.of(demand.pins.bits, ()), minimum=0.0))
        for family, demand in demands.items()
    }
    bound = price.bound(problems, pools, [pool.slots for pool in pools])
    for demand in demands.values():
        hops = demand.table.runs.hop(demand.keys)
        unknown = np.isin(hops, (DEFAULT, MIXED, demand.local))  # to the problems
        bound += float(demand.weights[unknown].sum())
    return min(max(bound, 0.0), sum(float(demand.weights.sum()) for demand in demands.values()))


def kinds(strategy: str, entries: HopTable, table: FullTable) -> NDArray[np.intp]:
    """Why each entry (n,) is there: the values of kinds."""
    if strategy == "top":
        return np.full(len(entries), Kind.ROUTE.value, np.intp)
    real = table.routes.hop_of(entries, MIXED) == entries.hops
    found = np.where(entries.hops == DEFAULT, Kind.GUARD.value, Kind.SYNTHESISED.value)
    found[real & (entries.hops != DEFAULT)] = Kind.ROUTE.value
    return found.astype(np.intp)


def _priced(
    strategy: Callable[[Demand], Problem],
    demands: Mapping[Family, Demand],
    pools: Sequence[Pool],
    slots: Sequence[int],
    discount: float,
    prices: Sequence[float] | None,
) -> Choice | None:
    """The choice at the right prices; None if nothing fits."""
    problems = {family: strategy(demand) for family, demand in demands.items()}
    found = price.fit(problems, pools, slots, discount, prices)
    if found.solutions is None:
        return None
    tables = fill(
        {family: solution.table for family, solution in found.solutions.items()},
        {family: problem.candidates for family, problem in problems.items()},
        demands,
        pools,
        slots,
        discount,
    )
    return Choice(tables, found.prices)
