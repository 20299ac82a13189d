"""What strategies that put a price on entries have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import HopTable

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Solution:
    """The best table at given prices. `value` is what it serves less what its entries cost."""

    table: HopTable
    value: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """Prefixes that could carry their own traffic: columns of one row each, `table` sorted."""

    table: HopTable
    weights: Floats


class Problem(Protocol):
    """One family's choice, for any prices."""

    candidates: Candidates  # each of them uniform, so that installing one more is always safe

    def solve(self, costs: Floats, discount: float) -> Solution:
        """The best safe table when an entry of length l costs `costs[l]` (bits + 1,), incumbents less."""
        ...


# --- sums by (node, next hop) -------------------------------------------------------------------------
#
# What a subtree is worth depends on the next hop that it inherits. All but a few next hops are worth the
# same: only those few are written down, as a code = node * next hops + next hop, in ascending order. This is
# what keeps a thousand next hops as cheap as eight.

Codes = NDArray[np.int64]


def sum_by(numbers: NDArray[np.intp], values: Floats, size: int) -> Floats:
    """Sums of the values with equal numbers; shape (size,)."""
    return np.bincount(numbers, values, size).astype(np.float64)  # of nothing numpy makes integers


def add_up(codes: Codes, values: Floats) -> tuple[Codes, Floats]:
    """Sums of the values with equal codes, by ascending code."""
    if not len(codes):
        return codes, values
    order = np.argsort(codes, kind="stable")
    codes, values = codes[order], values[order]
    first = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    return codes[first], np.add.reduceat(values, first)


def look_up(codes: Codes, wanted: Codes) -> NDArray[np.intp]:
    """Where each wanted code is, or -1."""
    if not len(codes):
        return np.full(len(wanted), -1, np.intp)
    at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    return np.where(codes[at] == wanted, at, -1)


@dataclass(frozen=True, slots=True)
class Priced:
    """Nodes with the option of an entry at each: inheriting a next hop is worth `otherwise` (m,), or as many
    more as `gains` (r,) say for `codes` (r,). `best` (m,) is the next hop that an entry would have."""

    otherwise: Floats
    codes: Codes
    gains: Floats
    best: NDArray[np.int64]
    guarded: NDArray[np.bool_]  # the only next hop that is worth more than an entry is the default
    careless: NDArray[np.bool_]  # whatever is inherited, no entry is worth its price


def price(
    otherwise: Floats,
    codes: Codes,
    values: Floats,
    hops: int,
    costs: Floats,
    incumbents: NDArray[np.int64],
    discount: float,
    allowed: NDArray[np.bool_] | None = None,
) -> Priced:
    """Give each node the option of an entry.

    Inheriting is worth `otherwise` (m,), or `values` (r,) for `codes` (r,); every node has at least one. An
    entry costs `costs` (m,), but (1 - discount) as much if it is the `incumbents` (m,) next hop, -1 for none.
    `allowed` (r,): next hops that an entry may have; all if not given.
    """
    nodes = codes // hops
    tiny = 1e-9 * costs
    worth = values if allowed is None else np.where(allowed, values, -np.inf)
    first = np.searchsorted(codes, np.arange(len(otherwise)) * hops)
    top = np.maximum.reduceat(worth, first) if len(first) else np.empty(0)
    ties = np.flatnonzero(worth >= (top - tiny)[nodes])  # the lowest next hop: the default if it is one
    ties = ties[np.concatenate(([True], nodes[ties][1:] != nodes[ties][:-1]))] if len(ties) else ties
    best = codes[ties] % hops
    install = top - costs
    held = np.flatnonzero(incumbents >= 0)
    if len(held):
        row = look_up(codes, held * hops + incumbents[held])
        same = np.where(row >= 0, worth[row], otherwise[held] if allowed is None else -np.inf)
        same = same - costs[held] * (1.0 - discount)
        stay = same >= install[held] - tiny[held]
        install[held[stay]] = np.maximum(same[stay], install[held[stay]])
        best[held[stay]] = incumbents[held[stay]]
    best_value = np.maximum(otherwise, install)
    gains = values - best_value[nodes]
    keep = gains > tiny[nodes]
    count = np.bincount(nodes[keep], minlength=len(otherwise))
    to_default = np.bincount(nodes[keep & (codes % hops == 0)], minlength=len(otherwise))
    guarded = (count == 1) & (to_default == 1) & (otherwise <= install)
    return Priced(best_value, codes[keep], gains[keep], best, guarded, otherwise >= install)


def inherited(priced: Priced, wanted: Codes, nodes: NDArray[np.intp]) -> Floats:
    """What these nodes are worth that inherit the next hops in `wanted` codes."""
    row = look_up(priced.codes, wanted)
    worth = priced.otherwise[nodes]
    worth[row >= 0] += priced.gains[row[row >= 0]]
    return worth
