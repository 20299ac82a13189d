"""How much of the traffic a table serves, by how many entries it may have. Pure.

A choice from nothing, with no price for change: what the strategies are worth, not what a running ARM would
do next. Entries count one each, whatever the slots that they take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arm.model import Family, Pool
from arm.rib.hoptable import DEFAULT, MIXED, HopTable
from arm.rib.paint import flatten
from arm.selection import price
from arm.selection.check import with_fixed
from arm.selection.choose import FEW, STRATEGIES, served
from arm.selection.demand import Choice, Demand, carried
from arm.selection.fill import fill
from arm.selection.optimal import Optimal
from arm.selection.problem import Problem
from arm.selection.top import worthy

Shares = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares of the traffic, 0 to 1, for each number of `entries`; all of the same length.

    `strategies` by name: what goes where the full table says; None: not even the pins and what the fixed
    entries need fit. `astray`: what `top` sends neither there nor to the default. `bound`: what no table that
    never misforwards can exceed.
    """

    entries: tuple[int, ...]
    strategies: Mapping[str, Shares]
    astray: tuple[float, ...]
    bound: tuple[float, ...]


NOTHING = Curve((), {"top": (), "safe": (), "optimal": ()}, (), ())


def curve(family: Family, demand: Demand, entries: Sequence[int]) -> Curve:
    """The curve at these numbers of entries, ascending; without traffic there is none."""
    total = float(demand.weights.sum())
    if total <= 0.0 or not len(entries):
        return NOTHING
    ranking = _ranking(demand)
    tops = [_share_of_top(demand, ranking, count, total) for count in entries]
    prices: list[float] = []
    safe = _shares(family, demand, "safe", entries, total, prices)
    optimal = _shares(family, demand, "optimal", entries, total, prices)
    for at, count in enumerate(entries):
        if count <= FEW:  # as in choose: where prices leave gaps, real prefixes may fill better
            known = [each for each in (safe[at], optimal[at]) if each is not None]
            optimal[at] = max(known) if optimal[at] is not None else None
    bound = [
        max(each, safe[at] or 0.0, optimal[at] or 0.0)  # rounded, it may be less by a hair
        for at, each in enumerate(_bound(family, demand, entries, total, prices))
    ]
    return Curve(
        tuple(entries),
        {"top": tuple(right for right, _ in tops), "safe": tuple(safe), "optimal": tuple(optimal)},
        tuple(wrong for _, wrong in tops),
        tuple(bound),
    )


def numbers(capacity: int, active: int) -> list[int]:
    """At which numbers of entries a curve is drawn: the capacity, halves and doubles of it, and no further
    than what it takes to have an entry for every prefix with traffic."""
    middle = capacity or active
    if not middle or not active:
        return []
    found = sorted({max(1, round(middle * 2.0**step)) for step in range(-6, 3)})
    enough = next((at for at, count in enumerate(found) if count >= max(active, middle)), len(found))
    return found[: enough + 1]


# --- top ----------------------------------------------------------------------------------------------


def _ranking(demand: Demand) -> NDArray[np.intp]:
    """Rows of the full table, those first that carry most."""
    weights = carried(demand)
    rows = worthy(demand, weights)
    return rows[np.lexsort((rows, -weights[rows]))]


def _share_of_top(demand: Demand, ranking: NDArray[np.intp], count: int, total: float) -> tuple[float, float]:
    """Shares that go right and astray with the first `count` of the ranking."""
    table = demand.table.routes.take(np.sort(ranking[:count]))
    does = flatten(with_fixed(table, demand.fixed)).hop(demand.keys)
    right = does == demand.table.runs.hop(demand.keys)
    wrong = ~right & (does != DEFAULT)
    return _share(float(demand.weights[right].sum()), total), _share(
        float(demand.weights[wrong].sum()), total
    )


# --- strategies with a price -------------------------------------------------------------------------------


def _shares(
    family: Family, demand: Demand, strategy: str, entries: Sequence[int], total: float, prices: list[float]
) -> list[float | None]:
    """The problem is made once, and each search begins at the price that the last one found. Those found are
    added to `prices`."""
    problem = STRATEGIES[strategy](demand)
    found: list[float | None] = []
    start: Sequence[float] | None = None
    for count in entries:
        pool = Pool("entries", count, {family: (1,) * (family.bits + 1)})
        fit = price.fit({family: problem}, [pool], [count], 0.0, start)
        if fit.solutions is None:
            found.append(None)
            continue
        start = fit.prices
        prices += fit.prices
        tables = {family: fit.solutions[family].table}
        table = fill(tables, {family: problem.candidates}, {family: demand}, [pool], [count], 0.0)
        found.append(_share(served(Choice(table, fit.prices), {family: demand}), total))
    return found


def _bound(
    family: Family, demand: Demand, entries: Sequence[int], total: float, prices: Sequence[float]
) -> list[float]:
    """Each price bounds what any number of entries can serve (price.py), those that fitted some number best
    nearly as well as can be."""
    free = replace(demand, pins=HopTable.of(demand.pins.bits, ()), minimum=0.0)
    problem: Problem = Optimal(free)
    hops = demand.table.runs.hop(demand.keys)
    unknown = float(demand.weights[np.isin(hops, (DEFAULT, MIXED, demand.local))].sum())  # to the problem
    pieces = [
        (each, problem.solve(np.full(family.bits + 1, each), 0.0).value) for each in sorted(set(prices))
    ]
    return [
        _share(min([value + each * count + unknown for each, value in pieces] or [total]), total)
        for count in entries
    ]


def _share(part: float, total: float) -> float:
    return min(1.0, max(0.0, part / total))
