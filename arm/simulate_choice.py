"""The daemon's choice, made from files: what would be installed, in which order, and what it would do. Pure,
but for the time that it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from arm.model import Family, Kind, Pool, Prefix
from arm.rib.fulltable import RouteIndex, from_prefixes
from arm.rib.hoptable import HopTable, key_bits
from arm.rib.prefixmap import Key, PrefixMap, text
from arm.selection.choose import choose, kinds, upper_bound
from arm.selection.demand import Demand
from arm.selection.regions import Room
from arm.selection.steps import plan
from arm.simulate_files import Files, Routes
from arm.simulate_judge import Judge, Verdict


@dataclass(frozen=True, slots=True)
class Chosen:
    """One entry, in words."""

    prefix: Prefix
    next_hop: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one choice comes to. `upper_bound`: the largest share that any safe table of that size can cover;
    None without traffic. `crowded`: there is no safe table that small, because of the fixed entries."""

    entries: tuple[Chosen, ...]
    steps: tuple[tuple[Prefix, str | None], ...]  # in order; next hop, None: withdrawn
    verdict: Verdict
    upper_bound: float | None
    crowded: bool
    seconds: float  # for the choice alone


def demand_of(files: Files) -> Demand:
    """What the selection chooses from. What is longer than its keys can tell is in its full table, which
    keeps such a block to the default, but can be no entry."""
    family, bits = files.family, key_bits(files.family)
    known = RouteIndex(bits)
    known.load(hop_table(family, {**files.table, **files.fixed}))
    short = [
        {key: hop for key, hop in each.items() if key[1] <= bits} for each in (files.fixed, files.previous)
    ]
    fixed, previous = (hop_table(family, routes) for routes in short)
    return Demand(
        table=known.snapshot(),
        keys=np.array([address >> (family.bits - bits) for address in files.weights], np.uint64),
        weights=np.array(list(files.weights.values()), np.float64),
        fixed=fixed,
        pins=HopTable.of(bits, ()),
        incumbents=previous,
    )


def hop_table(family: Family, routes: Routes) -> HopTable:
    """As the selection has them."""
    return from_prefixes(family, ((start, length, hop) for (start, length), hop in routes.items()))


def pool(family: Family, capacity: int) -> Pool:
    """Room for so many entries of any length."""
    return Pool("fib", capacity, {family: (1,) * (family.bits + 1)})


class Simulation:
    """One full table and its traffic, for any number of choices."""

    def __init__(self, files: Files, default_route: bool, discount: float) -> None:
        """`default_route`: is there one? If not, nothing may be announced. `discount`: how much less the
        entries that are there already cost, 0 to 1."""
        self._files = files
        self._default_route = default_route
        self._discount = discount
        self._judge = Judge(files.family, files.table, files.fixed, files.weights)
        self._demand = demand_of(files)

    def run(self, strategy: str, capacity: int) -> Outcome:
        """One choice."""
        table, crowded, seconds = self._choose(strategy, capacity)
        entries = self._routes(table)
        name = self._files.next_hops.name
        return Outcome(
            entries=tuple(
                Chosen(self._text(key), name(hop), Kind(kind))
                for (key, hop), kind in zip(
                    entries.items(), kinds(strategy, table, self._demand.table).tolist(), strict=True
                )
            ),
            steps=self._steps(entries, capacity),
            verdict=self._judge.judge(entries),
            upper_bound=self.upper_bound(capacity),
            crowded=crowded,
            seconds=seconds,
        )

    def coverage(self, strategy: str, capacity: int) -> float | None:
        """The share of the traffic that a choice covers."""
        table, _, _ = self._choose(strategy, capacity)
        return self._judge.judge(self._routes(table)).coverage

    def upper_bound(self, capacity: int) -> float | None:
        """The largest share that any safe table covers."""
        if not self._judge.total:
            return None
        if not self._default_route:
            return self._judge.judge({}).coverage
        family = self._files.family
        bound = upper_bound({family: self._demand}, [pool(family, capacity)])
        return min(1.0, bound / self._judge.total)

    def _choose(self, strategy: str, capacity: int) -> tuple[HopTable, bool, float]:
        """Entries, whether there is no room for any safe table, and the seconds it took."""
        if not self._default_route:
            return HopTable.of(key_bits(self._files.family), ()), False, 0.0
        family = self._files.family
        pools = [pool(family, capacity)]
        began = time.perf_counter()
        choice = choose(strategy, {family: self._demand}, pools, discount=self._discount)
        seconds = time.perf_counter() - began
        return choice.tables[family], family in choice.crowded, seconds

    def _steps(self, entries: Routes, capacity: int) -> tuple[tuple[Prefix, str | None], ...]:
        family, name = self._files.family, self._files.next_hops.name
        files = self._files
        old, new, fixed = (
            PrefixMap(family, {self._text(key): hop for key, hop in routes.items()})
            for routes in (files.previous, entries, files.fixed)
        )
        steps = plan(old, new, family, Room([pool(family, capacity)]), fixed=fixed)
        return tuple((step.prefix, None if step.value is None else name(step.value)) for step in steps)

    def _routes(self, table: HopTable) -> Routes:
        dropped = self._files.family.bits - table.bits
        return {(start << dropped, length): hop for start, length, hop in table.rows()}

    def _text(self, key: Key) -> Prefix:
        return text(self._files.family, *key)
