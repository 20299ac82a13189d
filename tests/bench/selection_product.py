"""ARM's selection, asked for a table in a scenario."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.model import Family, Pool
from arm.rib.fulltable import FullTable, RouteIndex
from arm.rib.hoptable import HopTable, Keys
from arm.selection.choose import choose, upper_bound
from arm.selection.demand import Demand

NEVER_MISFORWARD = ("safe", "optimal")


@dataclass(frozen=True, slots=True)
class Asked:
    """A table that ARM chose, at what prices, and how long that took: CPU and wall-clock seconds."""

    entries: HopTable
    prices: tuple[float, ...]
    cpu: float
    wall: float


def index(table: HopTable) -> RouteIndex:
    """The full table as the daemon holds it."""
    learned = RouteIndex(table.bits)
    learned.load(table)
    return learned


def pools(family: Family, entries: int) -> tuple[Pool, ...]:
    """One table of the hardware in which every entry takes one slot."""
    return (Pool("routes", entries, {family: (1,) * (family.bits + 1)}),)


def demand(
    table: FullTable, keys: Keys, weights: NDArray[np.float64], incumbents: HopTable | None = None
) -> Demand:
    """Traffic and nothing given, but for the entries installed now."""
    nothing = HopTable.of(table.routes.bits, ())
    return Demand(table, keys, weights, nothing, nothing, nothing if incumbents is None else incumbents)


def ask(
    strategy: str,
    family: Family,
    wanted: Demand,
    entries: int,
    discount: float = 0.0,
    prices: Sequence[float] | None = None,
) -> Asked:
    """Let ARM choose."""
    wall, cpu = time.perf_counter(), time.process_time()
    choice = choose(strategy, {family: wanted}, pools(family, entries), discount=discount, prices=prices)
    took = time.process_time() - cpu, time.perf_counter() - wall
    return Asked(choice.tables[family], choice.prices, *took)


def bound(family: Family, wanted: Demand, entries: int) -> float:
    """The share of the traffic that no table of this size that never misforwards can exceed."""
    return upper_bound({family: wanted}, pools(family, entries)) / float(wanted.weights.sum())
