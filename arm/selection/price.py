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
from numpy.typing import NDArray

from arm.model import Family, Pool
from arm.selection.bracket import TOLERANCE, Bracket, Piece
from arm.selection.problem import Floats, Problem, Solution

TRIES = 24  # solutions for one pool
MOST_PIECES = 60  # of a bound; a dozen are usual
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
    return _Search(problems, pools, slots, 0.0, None, relaxed=True).bound()


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
        relaxed: bool = False,
    ) -> None:
        """`relaxed`: solve something easier, that is worth no less."""
        self._problems = problems
        self._relaxed = relaxed
        self._pools = pools
        self._slots = slots
        self._discount = discount
        self._known: dict[tuple[Family, tuple[float, ...]], Solution] = {}
        weights = [problem.candidates.weights for problem in problems.values()]
        self._top = max((float(each.max(initial=0.0)) for each in weights), default=0.0) or 1.0
        self._floor = 1e-9 * self._top
        # Of more than all there is to gain, prices only ask for the smallest tables.
        self._enough = 2.0 * (sum(float(each.sum()) for each in weights) or 1.0)
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
        """Do entries of some family live in two pools? What is dear in one may be cheap in the other."""
        return any(sum(family in pool.costs for pool in self._pools) > 1 for family in self._problems)

    def _solve(self) -> dict[Family, Solution]:
        return {family: self._solution(family) for family in self._problems}

    def _solution(self, family: Family) -> Solution:
        touching = tuple(
            price for price, pool in zip(self._prices, self._pools, strict=True) if family in pool.costs
        )
        if (family, touching) not in self._known:
            costs = self._costs(family)
            if self._relaxed:
                costs = costs[_cheapest(costs)]
            self._known[family, touching] = self._problems[family].solve(costs, self._discount)
        return self._known[family, touching]

    def _costs(self, family: Family) -> Floats:
        """What an entry of each length costs; shape (bits + 1,)."""
        costs: Floats = np.zeros(family.bits + 1)
        for price, pool in zip(self._prices, self._pools, strict=True):
            if family in pool.costs:
                costs += price * np.asarray(pool.costs[family], np.float64)
        return np.maximum(costs, self._floor)

    def _search(self, number: int) -> None:
        """Set one pool's price to about the lowest at which it is not overfull."""
        pool, slots = self._pools[number], self._slots[number]
        bracket = Bracket(slots)
        best: tuple[int, float] | None = None
        price = self._prices[number]
        for _ in range(TRIES):
            self._prices[number] = price
            taken = used(
                pool, {family: self._solution(family) for family in pool.costs if family in self._problems}
            )
            if taken <= slots and (best is None or taken > best[0]):
                best = taken, price
            if slots * (1.0 - TOLERANCE) <= taken <= slots or (taken <= slots and price <= self._floor):
                break
            price = max(self._floor, bracket.next(price, taken))
            if bracket.narrow:
                break
        self._prices[number] = best[1] if best is not None else price

    def _least(self, number: int) -> float:
        """The least bound along one pool's price, in which it is convex and made of straight pieces: one for
        each table that is the best somewhere, falling while the table is too large. Where the pieces of a
        table that is too large and of one that is not cross, there is another one, or the bound is least."""
        falling, rising = self._piece(number, self._floor), self._piece(number, self._enough)
        if falling.slope >= 0.0 or rising.slope < 0.0:
            least = falling if falling.slope >= 0.0 else rising
        else:
            least = min(falling, rising, key=lambda piece: piece.bound)
            for _ in range(MOST_PIECES):
                piece = self._piece(number, falling.crossing(rising))
                least = min(least, piece, key=lambda piece: piece.bound)
                if piece.bound <= falling.at(piece.price) + 1e-9 * self._enough or piece.slope == 0.0:
                    break
                falling, rising = (piece, rising) if piece.slope < 0.0 else (falling, piece)
        self._prices[number] = least.price
        return least.bound

    def _piece(self, number: int, price: float) -> Piece:
        self._prices[number] = price
        pool = self._pools[number]
        bound = sum(each * slots for each, slots in zip(self._prices, self._slots, strict=True))
        slope = self._slots[number]
        for family, solution in self._solve().items():
            bound += solution.value
            if family in pool.costs:
                lengths = _cheapest(self._costs(family))[solution.table.lengths]
                slope -= int(np.asarray(pool.costs[family])[lengths].sum())
        return Piece(price, bound, float(slope))


def _cheapest(costs: Floats) -> NDArray[np.intp]:
    """For each length the one, not shorter, at which an entry costs least.

    Where longer entries cost less than shorter ones, the best table may have several of them instead of one.
    No problem knows that; but if the shorter one costs as little, it is as good as any.
    """
    longest_first = costs[::-1]
    least = np.minimum.accumulate(longest_first)
    found = np.maximum.accumulate(np.where(longest_first == least, np.arange(len(costs)), 0))
    cheapest: NDArray[np.intp] = len(costs) - 1 - found[::-1]
    return cheapest
