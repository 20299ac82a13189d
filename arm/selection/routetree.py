"""The routes that hold traffic, those that cover them, and what lies idle right below. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arm.rib.fulltable import FullTable
from arm.rib.hoptable import DEFAULT, HopTable, among, distinct, network
from arm.rib.paint import spread
from arm.selection.demand import Demand, carried
from arm.selection.problem import Candidates, Floats

Rows = NDArray[np.intp]


class RouteTree:
    """Nodes are numbered by level, the deepest first: a level is a range of numbers. Columns of shape (m,).

    `parent`: number of the node that covers each, or -1. `own`: it is the longest match of some address.
    `given`: a fixed entry or a pin; `pinned`: a pin. `held`: next hop of the incumbent there, or -2.
    `idle_*` (n,): routes without traffic right below the node `idle_of`, the next hop that all of their
    addresses have (or MIXED), and whether there is a guard now.
    """

    table: HopTable  # not sorted
    levels: Sequence[tuple[int, int]]

    def __init__(self, demand: Demand) -> None:
        routes = demand.table.routes
        fixed = _found(routes, demand.fixed)
        pins = _found(routes, demand.pins)
        pins = pins[~among(pins, fixed)]
        given = distinct(np.concatenate((fixed, pins)))
        weights = route_weights(demand)
        rows = _closed(demand.table, distinct(np.concatenate((np.flatnonzero(weights > 0.0), given))))
        parent = _parents(demand.table, rows)
        depth = _depths(parent)
        order = np.lexsort((np.arange(len(rows)), -depth))
        number = np.empty(len(rows), np.intp)
        number[order] = np.arange(len(rows))
        edges = np.flatnonzero(np.concatenate(([True], np.diff(depth[order]) != 0, [True])))
        self.levels = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)) if len(rows) else []
        self.parent = np.where(parent[order] >= 0, number[parent[order]], -1)
        rows = rows[order]
        self.table = HopTable(routes.bits, routes.starts[rows], routes.lengths[rows], routes.hops[rows])
        self.hops = self.table.hops.astype(np.int64)
        self.weights = weights[rows]
        self.given = among(rows, given)
        self.pinned = among(rows, pins)
        self.held = demand.incumbents.hop_of(self.table, -2).astype(np.int64)
        self.own = _own(demand.table, self.table)
        idle, self.idle_of = _idle(demand.table, rows)
        self.idle_table = HopTable(routes.bits, routes.starts[idle], routes.lengths[idle], routes.hops[idle])
        runs = demand.table.runs
        self.idle_hops = runs.uniform(self.idle_table.starts, self.idle_table.ends()).astype(np.int64)
        self.idle_held = demand.incumbents.hop_of(self.idle_table, -2) == DEFAULT
        uniform = runs.uniform(self.table.starts, self.table.ends())
        self._servable = (uniform == self.hops) & (self.hops > DEFAULT) & (self.weights > 0.0) & ~self.given

    def candidates(self) -> Candidates:
        """The nodes that could be installed without any guard."""
        rows = np.flatnonzero(self._servable)
        rows = rows[np.lexsort((self.table.lengths[rows], self.table.starts[rows]))]
        return Candidates(self.table.take(rows), self.weights[rows])


def route_weights(demand: Demand) -> Floats:
    """The traffic of which each route (n,) is the longest match, where the default does not serve it."""
    routes = demand.table.routes
    weights = carried(demand)
    weights[(routes.hops <= DEFAULT) | (weights < demand.minimum) | (routes.lengths == 0)] = 0.0
    return weights


def _found(routes: HopTable, table: HopTable) -> Rows:
    rows = routes.find(table.starts, table.lengths)
    return distinct(rows[(rows >= 0) & (table.lengths > 0)])


def _covering(table: FullTable, rows: Rows) -> Rows:
    """The nearest route that covers each of these, the default route not considered, or -1."""
    lengths = table.parents[rows]
    starts = network(table.routes.starts[rows], np.maximum(lengths, 0), table.routes.bits)
    return np.where(lengths > 0, table.routes.find(starts, lengths), -1)


def _closed(table: FullTable, rows: Rows) -> Rows:
    """These routes and all that cover them, ascending."""
    every = new = rows
    while len(new):
        above = _covering(table, new)
        above = distinct(above[above >= 0])
        new = above[~among(above, every)]
        every = distinct(np.concatenate((every, new)))
    return every


def _parents(table: FullTable, rows: Rows) -> Rows:
    """Position in `rows` of the route that covers each, or -1."""
    above = _covering(table, rows)
    return np.where(above >= 0, np.searchsorted(rows, above), -1)


def _depths(parent: Rows) -> NDArray[np.int64]:
    depth = np.zeros(len(parent), np.int64)
    above = parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parent[above], -1)
    return depth


def _own(table: FullTable, nodes: HopTable) -> NDArray[np.bool_]:
    """Which nodes are the longest match of some address: an interval inside has an owner of their length."""
    own = np.zeros(len(nodes), np.bool_)
    ends = nodes.ends()
    for length in distinct(nodes.lengths).tolist():
        rows = np.flatnonzero(nodes.lengths == length)
        starts = table.starts[table.owners == length]
        first = np.searchsorted(starts, nodes.starts[rows], "left")
        own[rows] = first < np.searchsorted(starts, ends[rows], "right")
    return own


def _idle(table: FullTable, rows: Rows) -> tuple[Rows, Rows]:
    """Routes right below these that are not among them, and below which position of `rows` each is."""
    routes = table.routes
    ends = HopTable(routes.bits, routes.starts[rows], routes.lengths[rows], routes.hops[rows]).ends()
    first = rows + 1
    behind = np.maximum(np.searchsorted(routes.starts, ends, "right"), first)
    inside = spread(first, behind)
    of = np.repeat(np.arange(len(rows)), behind - first)
    right_below = table.parents[inside] == routes.lengths[rows][of]
    inside, of = inside[right_below], of[right_below]
    active = np.zeros(len(routes), np.bool_)
    active[rows] = True
    return inside[~active[inside]], of[~active[inside]]
