"""Strategy `safe`: real prefixes only, each with its own next hop or, as a guard, the default's. Pure.

The dynamic programme of optimal.py, over the routes that hold traffic and the routes that cover them. A route
v with next hop t that inherits next hop h may keep it only where that is right: if v is the longest match of
some address, h must be t or the default. A route inside v that holds no traffic, nor anything in it, costs
nothing where all of it goes to h, and else exactly one guard: itself, with the default.
"""

from __future__ import annotations

import numpy as np

from arm.rib.hoptable import DEFAULT, HopTable
from arm.selection.demand import Demand
from arm.selection.problem import (
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
from arm.selection.routetree import RouteTree


class Safe:
    """One family's problem."""

    def __init__(self, demand: Demand) -> None:
        self._tree = tree = RouteTree(demand)
        self._hops = 1 + max(int(tree.hops.max(initial=0)), int(tree.idle_hops.max(initial=0)))
        self.candidates = tree.candidates()
        self._incumbents = np.where((tree.held == DEFAULT) | (tree.held == tree.hops), tree.held, -1).astype(
            np.int64
        )
        # Leaving one of these with the default or with its own next hop saves its guard.
        numbers = np.arange(len(tree.idle_of))
        codes = np.concatenate((tree.idle_of * self._hops, tree.idle_of * self._hops + tree.idle_hops))
        saving = np.concatenate((np.ones(len(numbers), np.bool_), tree.idle_hops > DEFAULT))
        order = np.flatnonzero(saving)
        order = order[np.argsort(codes[order], kind="stable")]
        self._idle_codes: Codes = codes[order]
        self._idle_numbers = np.concatenate((numbers, numbers))[order]

    def solve(self, costs: Floats, discount: float) -> Solution:
        """See `Problem`."""
        tree = self._tree
        guards = costs[tree.idle_table.lengths] * np.where(tree.idle_held, 1.0 - discount, 1.0)
        gains = guards[self._idle_numbers]
        base = -sum_by(tree.idle_of, guards, len(tree.table))
        node_costs = costs[tree.table.lengths]
        codes: Codes = np.empty(0, np.int64)
        extra: Floats = np.empty(0)
        value = -float(node_costs[tree.pinned].sum())
        levels: list[Priced] = []
        for first, behind in tree.levels:
            here = slice(*np.searchsorted(self._idle_codes, (first * self._hops, behind * self._hops)))
            rows, values = self._rows(
                first,
                behind,
                base,
                np.concatenate((codes, self._idle_codes[here])),
                np.concatenate((extra, gains[here])),
            )
            own = tree.own[first:behind]
            hops = tree.hops[first:behind]
            otherwise = np.where(own, -np.inf, base[first:behind])
            nodes, hop = rows // self._hops, rows % self._hops
            allowed = (hop == DEFAULT) | (hop == hops[nodes])
            possible = allowed | ~own[nodes]
            rows, values, allowed = rows[possible], values[possible], allowed[possible]
            incumbents = self._incumbents[first:behind]
            priced = price(
                otherwise, rows, values, self._hops, node_costs[first:behind], incumbents, discount, allowed
            )
            levels.append(priced)
            given = np.flatnonzero(tree.given[first:behind])
            row = look_up(rows, given * self._hops + hops[given])
            value += float(np.where(row >= 0, values[row], otherwise[given]).sum()) if len(given) else 0.0
            parents = tree.parent[first:behind]
            top = np.flatnonzero((parents < 0) & ~tree.given[first:behind])
            value += float(inherited(priced, top * self._hops, top).sum())
            up = np.where(tree.given[first:behind], -1, parents)
            below = np.flatnonzero(up >= 0)
            base += sum_by(up[below], priced.otherwise[below], len(base))
            kept = up[priced.codes // self._hops]
            codes = kept[kept >= 0] * self._hops + priced.codes[kept >= 0] % self._hops
            extra = priced.gains[kept >= 0]
        return Solution(self._descend(levels), value)

    def _rows(
        self, first: int, behind: int, base: Floats, codes: Codes, gains: Floats
    ) -> tuple[Codes, Floats]:
        """What inheriting is worth to the nodes of one level: rows by code, nodes numbered from 0."""
        tree = self._tree
        nodes = np.arange(first, behind)
        routed = nodes[tree.hops[first:behind] > DEFAULT]
        codes, gains = add_up(
            np.concatenate((codes, nodes * self._hops, routed * self._hops + tree.hops[routed])),
            np.concatenate((gains, np.zeros(len(nodes)), tree.weights[routed])),
        )
        return codes - first * self._hops, gains + base[codes // self._hops]

    def _descend(self, levels: list[Priced]) -> HopTable:
        """The entries, from the covering routes to those inside."""
        tree = self._tree
        final = np.zeros(len(tree.table), np.int64)  # the next hop that each node hands down
        wants = np.zeros(len(tree.table), np.bool_)
        for (first, behind), priced in zip(reversed(tree.levels), reversed(levels), strict=True):
            parents = tree.parent[first:behind]
            context = np.where(parents >= 0, final[parents], DEFAULT)
            given = tree.given[first:behind]
            context = np.where(given, tree.hops[first:behind], context)
            content = look_up(priced.codes, np.arange(behind - first) * self._hops + context) >= 0
            wants[first:behind] = ~content & ~priced.careless & ~given
            final[first:behind] = np.where(wants[first:behind], priced.best, context)
        above = final[tree.idle_of]
        guards = tree.idle_table.take((above != DEFAULT) & (above != tree.idle_hops))
        return HopTable.sort(
            tree.table.bits,
            np.concatenate((tree.table.starts[wants | tree.pinned], guards.starts)),
            np.concatenate((tree.table.lengths[wants | tree.pinned], guards.lengths)),
            np.concatenate((final[wants | tree.pinned], np.zeros(len(guards)))).astype(np.int32),
        )
