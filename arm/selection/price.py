"""The prices of hardware slots at which the best tables fit. Pure.

Each pool of slots has a price (a Lagrange multiplier); the price of an entry is what its slots cost in all
the pools that hold it. A higher price makes smaller tables, so each pool's price is searched by bisection,
the others held; a shared pool is so split between families by itself. For any prices,

    sum of the problems' values + sum over pools of price x slots

bounds what every safe table that fits can serve (weak duality).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from arm.model import Family, Pool
from arm.selection.problem import Floats, Problem, Solution

TOLERANCE = 0.004  # of the slots that may stay empty; the filling uses them (fill.py)
TRIES = 24  # solutions for one pool
SWEEPS = 3  # rounds over pools that depend on each other


@dataclass(frozen=True, slots=True)
class Fit:
    """Solutions that fit into the pools, and the prices that they were found at. None: nothing fits."""

    solutions: Mapping[Family, Solution] | None
    prices: tuple[float, ...]


def fit(
    problems: Mapping[Family, Problem],
    pools: Sequence[Pool],
    slots: Sequence[int],
    discount: float,
    prices: Sequence[float] | None,
) -> Fit:
    """The dearest solutions that fit; `slots` are those of each pool that may be used."""
    return _Search(problems, pools, slots, discount, prices).fit()


def bound(problems: Mapping[Family, Problem], pools: Sequence[Pool], slots: Sequence[int]) -> float:
    """The least upper bound on what any safe table serves that is found at any prices."""
    return _Search(problems, pools, slots, 0.0, None).bound()


def used(pool: Pool, tables: Mapping[Family, Solution]) -> int:
    """Slots of a pool that the tables take."""
    total = 0
    for family, solution in tables.items():
        costs = pool.costs.get(family)
        if costs is not None:
            total += int(np.asarray(costs)[solution.table.lengths].sum())
    return total


class _Search:
    """One search. Solutions are remembered by their family's prices."""

    def __init__(
        self,
        problems: Mapping[Family, Problem],
        pools: Sequence[Pool],
        slots: Sequence[int],
        discount: float,
        prices: Sequence[float] | None,
    ) -> None:
        self._problems = problems
        self._pools = pools
        self._slots = slots
        self._discount = discount
        self._known: dict[tuple[Family, tuple[float, ...]], Solution] = {}
        weights = [problem.candidates.weights for problem in problems.values()]
        self._top = max((float(each.max(initial=0.0)) for each in weights), default=0.0) or 1.0
        self._floor = 1e-9 * self._top
        self._warm = prices is not None and len(prices) == len(pools)
        self._prices = list(prices) if prices is not None and self._warm else self._guess(weights)

    def _guess(self, weights: Sequence[Floats]) -> list[float]:
        """What the last entry would carry if every block had its own."""
        every = np.sort(np.concatenate((*weights, np.empty(0))))[::-1]
        return [
            max(self._floor, float(every[min(slots, len(every)) - 1]))
            if len(every) and slots
            else self._floor
            for slots in self._slots
        ]

    def fit(self) -> Fit:
        for sweep in range(SWEEPS):
            before = tuple(self._prices)
            for number in range(len(self._pools)):
                self._search(number)
            if tuple(self._prices) == before or (sweep == 0 and not self._coupled()):
                break
        for _ in range(TRIES):  # pools that share entries may have spoilt each other's fit
            solutions = self._solve()
            over = [n for n, pool in enumerate(self._pools) if used(pool, solutions) > self._slots[n]]
            if not over:
                return Fit(solutions, tuple(self._prices))
            for number in over:
                self._prices[number] *= 2.0
        return Fit(None, tuple(self._prices))

    def bound(self) -> float:
        best = math.inf
        for _ in range(SWEEPS):
            for number in range(len(self._pools)):
                best = min(best, self._least(number))
            if not self._coupled():
                break
        return best

    def _coupled(self) -> bool:
        """Does an entry of some family take slots of two pools?"""
        return any(
            sum(pool.cost(family, length) > 0 for pool in self._pools) > 1
            for family in self._problems
            for length in range(family.bits + 1)
        )

    def _solve(self) -> dict[Family, Solution]:
        return {family: self._solution(family) for family in self._problems}

    def _solution(self, family: Family) -> Solution:
        touching = tuple(
            price for price, pool in zip(self._prices, self._pools, strict=True) if family in pool.costs
        )
        if (family, touching) not in self._known:
            costs: Floats = np.zeros(family.bits + 1)
            for price, pool in zip(self._prices, self._pools, strict=True):
                if family in pool.costs:
                    costs += price * np.asarray(pool.costs[family], np.float64)
            costs = np.maximum(costs, self._floor)
            self._known[family, touching] = self._problems[family].solve(costs, self._discount)
        return self._known[family, touching]

    def _search(self, number: int) -> None:
        """Set one pool's price to about the lowest at which it is not overfull."""
        pool, slots = self._pools[number], self._slots[number]
        low = high = None
        best: tuple[int, float] | None = None
        price = self._prices[number]
        for _ in range(TRIES):
            self._prices[number] = price
            taken = used(
                pool, {family: self._solution(family) for family in pool.costs if family in self._problems}
            )
            if taken <= slots:
                if best is None or taken > best[0]:
                    best = taken, price
                high = price
                if taken >= slots * (1.0 - TOLERANCE) or price <= self._floor:
                    break
            else:
                low = price
            price = max(self._floor, self._next(taken, slots, price, low, high))
            if high is not None and low is not None and high / low < 1.0 + 1e-6:
                break
        self._prices[number] = best[1] if best is not None else price

    def _next(self, taken: int, slots: int, price: float, low: float | None, high: float | None) -> float:
        if low is not None and high is not None:
            return math.sqrt(low * high)
        # Outwards: small steps when it nearly fits, then ever larger ones.
        far = abs(taken - slots) > 0.05 * slots
        if low is None:
            return price / (4.0 if far else 1.1)
        return price * (4.0 if far else 1.05)

    def _least(self, number: int) -> float:
        """The least bound along one pool's price. The bound is convex in it: golden section would do, but its
        slope is known: slots less what is taken."""
        pool, slots = self._pools[number], self._slots[number]
        least, low, high = math.inf, self._floor, 2.0 * self._top
        for _ in range(60):
            middle = math.sqrt(low * high)
            self._prices[number] = middle
            solutions = self._solve()
            value = sum(solution.value for solution in solutions.values())
            value += sum(price * each for price, each in zip(self._prices, self._slots, strict=True))
            least = min(least, value)
            if used(pool, solutions) > slots:
                low = middle
            else:
                high = middle
            if high / low < 1.0 + 1e-7:
                break
        return least
