"""Strategy `optimal`: any prefix, any next hop of the table, the most traffic for the price. Pure.

A Lagrangian dynamic programme over the trie of active blocks. With a price for each entry, let F(v, h) be the
best that can be had below trie node v when v inherits next hop h, and M(v) the best of all h. Then

    F(v, h) = sum over children c of G(c, h)        G(c, h) = max(F(c, h), M(c) - price)
    active block with next hop t and weight w:      F(t) = w, F(default) = 0, anything else is forbidden
    a region without traffic:                       F(default) = 0, and F(q) = 0 if all of it goes to q

so everything that could misforward is paid for or impossible. (Related: ORTC by Draves, King, Venkatachary
and Zill 1999 for the recursion over next hops; CacheFlow by Katta et al. 2016 for why dependencies matter.)

Two facts make it fast. G(c, .) lies between M(c) - price and M(c), so that all next hops but a few share the
lower value; only those few are carried (problem.py). And as soon as the default is the only one of them, the
node is cut off: whatever is above it, it gets the default, by inheritance or by one guard; its parents see
a region that is not uniform, which is what the run map says about it anyway. So only the first few levels
above each block are ever looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import DEFAULT, MIXED, ONE, Hops, HopTable, Keys, distinct
from arm.selection.demand import Demand
from arm.selection.holes import Space
from arm.selection.problem import (
    Candidates,
    Codes,
    Floats,
    Priced,
    Solution,
    add_up,
    inherited,
    look_up,
    price,
    sum_by,
)


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Trie nodes of one depth. `values` (r,) by `codes` (r,): what inheriting is worth; else `otherwise`."""

    keys: Keys
    otherwise: Floats
    codes: Codes
    values: Floats


@dataclass(frozen=True, slots=True)
class _Level:
    """A depth as the way down needs it. `up` (m,): the parent's number in the level above, or -1 for a root,
    which inherits `context`. `codes`: next hops with which a node does not want an entry, `careless`: those
    that never do; `best`: with which they would have one."""

    keys: Keys
    up: NDArray[np.intp]
    context: NDArray[np.int64]
    codes: Codes
    careless: NDArray[np.bool_]
    best: NDArray[np.int64]


class Optimal:
    """One family's problem."""

    def __init__(self, demand: Demand) -> None:
        self._bits = demand.table.runs.bits
        self._space = Space(demand)
        self.candidates = _active(demand, self._space)
        blocks = self.candidates.table
        tables = (blocks, demand.fixed, demand.pins, demand.incumbents, demand.table.runs)
        self._hops = 1 + max(int(table.hops.max(initial=0)) for table in tables)
        self._depths = {
            int(depth): np.flatnonzero(blocks.lengths == depth) for depth in distinct(blocks.lengths)
        }
        self._incumbents = _by_depth(demand.incumbents)

    def solve(self, costs: Floats, discount: float) -> Solution:
        """See `Problem`."""
        deepest = max([*self._depths, *self._space.depths(), 0])
        nodes = self._none()
        levels: list[_Level] = []
        value = 0.0
        for depth in range(deepest, 0, -1):
            level, nodes, worth = self._rise(depth, nodes, costs, discount)
            levels.append(level)
            value += worth
        pins = self._space.pins
        value -= float(costs[pins.lengths].sum())
        return Solution(self._descend(levels[::-1]), value)

    # --- from the blocks up -------------------------------------------------------------------------

    def _rise(
        self, depth: int, below: _Nodes, costs: Floats, discount: float
    ) -> tuple[_Level, _Nodes, float]:
        """One depth: its level, the nodes of the depth above, and what its roots are worth."""
        nodes = self._together(below, self._blocks(depth))
        cost = float(costs[depth])
        priced = self._price(depth, nodes, cost, discount)
        size = len(nodes.keys)
        forced, forced_hops = self._space.forced(depth, nodes.keys)
        # With a price that rises towards the root, a guard here may be cheaper than one above: go on.
        cut = priced.guarded & bool(cost * (1 + 1e-12) >= costs[1 : depth + 1].max(initial=0.0))
        roots = forced | cut | (depth == 1)
        context = np.where(forced, forced_hops, DEFAULT).astype(np.int64)
        worth = self._worth(nodes, priced, forced, roots & ~forced, context)
        live = np.flatnonzero(~roots)
        siblings = self._regions(depth, self._space.beside(depth, nodes.keys[live]))
        other = self._price(depth, siblings, cost, discount)
        keys = np.concatenate((nodes.keys, siblings.keys))
        members = np.concatenate((live, np.arange(size, len(keys))))
        codes = np.concatenate((priced.codes, other.codes + size * self._hops))
        gains = np.concatenate((priced.gains, other.gains))
        otherwise = np.concatenate((priced.otherwise, other.otherwise))
        parents = distinct(keys[members] >> ONE)
        numbers = np.searchsorted(parents, keys[members] >> ONE)
        up = np.full(len(keys), -1, np.intp)
        up[members] = numbers
        sums = sum_by(numbers, otherwise[members], len(parents))
        rows = np.flatnonzero(up[codes // self._hops] >= 0)
        summed, extra = add_up(
            up[codes[rows] // self._hops] * self._hops + codes[rows] % self._hops, gains[rows]
        )
        told = np.zeros(len(parents), np.bool_)
        told[summed // self._hops] = True
        if not told.all():  # where next to nothing is lost by whatever is inherited
            summed, extra = add_up(
                np.concatenate((summed, np.flatnonzero(~told) * self._hops)),
                np.concatenate((extra, np.zeros(int((~told).sum())))),
            )
        above = _Nodes(parents, sums, summed, sums[summed // self._hops] + extra)
        context = np.concatenate((context, np.zeros(len(siblings.keys), np.int64)))
        best = np.concatenate((priced.best, other.best))
        careless = np.concatenate((priced.careless, other.careless))
        return _Level(keys, up, context, codes, careless, best), above, worth

    def _blocks(self, depth: int) -> _Nodes:
        """The active blocks of one depth."""
        rows = self._depths.get(depth, np.empty(0, np.intp))
        blocks = self.candidates.table
        keys = blocks.starts[rows] >> np.uint64(self._bits - depth)
        return self._leaves(keys, blocks.hops[rows], self.candidates.weights[rows])

    def _regions(self, depth: int, keys: Keys) -> _Nodes:
        """Regions without traffic."""
        hops = self._space.uniform(depth, keys)
        return self._leaves(keys, hops, np.zeros(len(keys)))

    def _leaves(self, keys: Keys, hops: Hops, weights: Floats) -> _Nodes:
        """Nodes that allow the default, and their own next hop if they have one."""
        own = np.flatnonzero((hops != DEFAULT) & (hops != MIXED))
        codes = np.concatenate((np.arange(len(keys)) * self._hops, own * self._hops + hops[own]))
        values = np.concatenate((np.zeros(len(keys)), weights[own]))
        order = np.argsort(codes)
        return _Nodes(keys, np.full(len(keys), -np.inf), codes[order], values[order])

    def _together(self, *parts: _Nodes) -> _Nodes:
        sizes = np.cumsum([0, *(len(part.keys) for part in parts)])
        return _Nodes(
            np.concatenate([part.keys for part in parts]),
            np.concatenate([part.otherwise for part in parts]),
            np.concatenate(
                [part.codes + size * self._hops for part, size in zip(parts, sizes[:-1], strict=True)]
            ),
            np.concatenate([part.values for part in parts]),
        )

    def _none(self) -> _Nodes:
        return self._leaves(np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0))

    def _price(self, depth: int, nodes: _Nodes, cost: float, discount: float) -> Priced:
        incumbents = np.full(len(nodes.keys), -1, np.int64)
        if depth in self._incumbents:
            keys, hops = self._incumbents[depth]
            at = np.minimum(np.searchsorted(keys, nodes.keys), len(keys) - 1)
            incumbents = np.where(keys[at] == nodes.keys, hops[at], -1)
        costs = np.full(len(nodes.keys), cost)
        return price(nodes.otherwise, nodes.codes, nodes.values, self._hops, costs, incumbents, discount)

    def _worth(
        self,
        nodes: _Nodes,
        priced: Priced,
        forced: NDArray[np.bool_],
        free: NDArray[np.bool_],
        context: NDArray[np.int64],
    ) -> float:
        """What roots are worth. A forced one has its entry already and cannot have another."""
        ours = np.flatnonzero(free)
        gained = inherited(priced, ours * self._hops, ours)
        given = np.flatnonzero(forced)
        row = look_up(nodes.codes, given * self._hops + context[given])
        fixed = np.where(row >= 0, nodes.values[row], nodes.otherwise[given]) if len(given) else np.empty(0)
        return float(gained.sum() + fixed.sum())

    # --- and down again -----------------------------------------------------------------------------

    def _descend(self, levels: list[_Level]) -> HopTable:
        """The entries, from the shortest to the longest prefix."""
        starts, lengths, hops = [], [], []
        above = np.empty(0, np.int64)  # what each node of the level above hands down
        for depth, level in enumerate(levels, 1):
            given = level.context.copy()
            lower = level.up >= 0
            given[lower] = above[level.up[lower]]
            forced, _ = self._space.forced(depth, level.keys)
            content = look_up(level.codes, np.arange(len(given)) * self._hops + given) >= 0
            wants = ~content & ~level.careless & ~forced
            above = np.where(wants, level.best, given)
            starts.append(level.keys[wants] << np.uint64(self._bits - depth))
            lengths.append(np.full(int(wants.sum()), depth, np.int8))
            hops.append(level.best[wants].astype(np.int32))
        pins = self._space.pins
        return HopTable.sort(
            self._bits,
            np.concatenate((*starts, pins.starts)),
            np.concatenate((*lengths, pins.lengths)),
            np.concatenate((*hops, pins.hops)),
        )


def _active(demand: Demand, space: Space) -> Candidates:
    """The blocks with traffic that the default does not serve anyway."""
    starts, lengths, hops = space.runs.blocks(demand.keys)
    bits = demand.table.runs.bits
    order = np.lexsort((lengths, starts))
    blocks = HopTable(bits, starts[order], lengths[order], hops[order])
    if not len(blocks):
        return Candidates(blocks, np.empty(0))
    # Blocks are disjoint: the same start is the same block.
    first = np.flatnonzero(np.concatenate(([True], blocks.starts[1:] != blocks.starts[:-1])))
    weights = np.add.reduceat(demand.weights[order], first)
    blocks = blocks.take(first)
    worth = (blocks.hops > DEFAULT) & (blocks.hops != demand.local) & (blocks.lengths > 0)
    worth &= (weights > 0.0) & (weights >= demand.minimum)
    return Candidates(blocks.take(worth), weights[worth])


def _by_depth(table: HopTable) -> dict[int, tuple[Keys, NDArray[np.int64]]]:
    """Keys (leading bits) and next hops by prefix length."""
    found = {}
    for depth in distinct(table.lengths[table.lengths > 0]).tolist():
        rows = np.flatnonzero(table.lengths == depth)
        keys = table.starts[rows] >> np.uint64(table.bits - depth)
        found[int(depth)] = (keys, table.hops[rows].astype(np.int64))
    return found
