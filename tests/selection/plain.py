"""One family's question on a tiny universe, and its answer by trying everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
from hypothesis import strategies as st

from arm.model import Family, Prefix
from arm.rib.fulltable import RouteIndex, from_prefixes
from arm.rib.hoptable import HopTable, key_bits
from arm.rib.prefixmap import key, text
from arm.selection.demand import Demand
from tests.selection.universe import DEFAULT, HOPS, Universe

IMPOSSIBLE = float("-inf")
Table = Mapping[Prefix, int]
Cost = Callable[[Prefix, int], float]  # of an entry with that next hop
Slots = Callable[[Prefix], tuple[int, ...]]  # that an entry takes of each pool

# In none of them routes are longer than keys of the selection.
TINY = (
    Universe(Family.IPV4, 20 << 24, 8, 3),
    Universe(Family.IPV4, (20 << 24) + 32, 29, 3),  # down to single addresses
    Universe(Family.IPV4, 0, 0, 3),  # the default route's own prefix is one of them
    Universe(Family.IPV6, 0x2A00 << 112, 16, 3),
    Universe(Family.IPV6, 0x2A00 << 112, 61, 3),  # down to /64
)


@dataclass(frozen=True)
class Question:
    """What a choice is made from. `weights` are those of the universe's addresses."""

    universe: Universe
    routes: dict[Prefix, int]
    weights: list[float]
    fixed: dict[Prefix, int] = field(default_factory=dict)
    pins: dict[Prefix, int] = field(default_factory=dict)
    incumbents: dict[Prefix, int] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        return self.universe.family

    @cached_property
    def table(self) -> dict[Prefix, int]:
        """The full table: fixed entries are over whatever BGP says."""
        return {**self.routes, **self.fixed}

    @cached_property
    def truth(self) -> list[int]:
        return self.universe.forward(self.table)

    @cached_property
    def demand(self) -> Demand:
        bits = key_bits(self.family)
        index = RouteIndex(bits)
        index.load(self.numbers(self.table))
        starts = [key(chain[0])[0] >> (self.family.bits - bits) for chain in self.universe.chains]
        return Demand(
            index.snapshot(),
            np.array(starts, np.uint64),
            np.array(self.weights, np.float64),
            self.numbers(self.fixed),
            self.numbers(self.pins),
            self.numbers(self.incumbents),
        )

    def numbers(self, table: Table) -> HopTable:
        return from_prefixes(self.family, ((*key(prefix), hop) for prefix, hop in table.items()))

    def words(self, table: HopTable) -> dict[Prefix, int]:
        dropped = self.family.bits - table.bits
        rows = {text(self.family, start << dropped, length): hop for start, length, hop in table.rows()}
        assert len(rows) == len(table), "a prefix twice"
        return rows

    def misforwarded(self, entries: Table) -> list[int]:
        return self.universe.misforwarded({**entries, **self.fixed}, self.truth)

    def served(self, entries: Table) -> float:
        """The weight that goes where the full table says."""
        done = self.universe.forward({**entries, **self.fixed})
        return sum(w for w, hop, right in zip(self.weights, done, self.truth, strict=True) if hop == right)

    def best(
        self,
        real: bool = False,
        cost: Cost = lambda prefix, hop: 0.0,
        slots: Slots = lambda prefix: (),
        room: tuple[int, ...] = (),
    ) -> float:
        """The most that a safe table with the pins serves, less what its entries cost; `real`: of prefixes of
        the table only, with their own next hop or the default's. IMPOSSIBLE if there is no such table.

        Exhaustive: for each prefix no entry or any, and all ways to share the room among its halves.
        """
        universe = self.universe

        def entry(depth: int, address: int, hop: int, left: tuple[int, ...]) -> float:
            prefix = universe.prefix(depth, address)
            rest = tuple(a - b for a, b in zip(left, slots(prefix), strict=True))
            if min(rest, default=0) < 0:
                return IMPOSSIBLE
            return inside(depth, address, hop, rest) - cost(prefix, hop)

        @cache
        def at(depth: int, address: int, inherited: int, left: tuple[int, ...]) -> float:
            prefix = universe.prefix(depth, address)
            if prefix in self.fixed:
                return inside(depth, address, self.fixed[prefix], left)
            if prefix in self.pins:
                return entry(depth, address, self.pins[prefix], left)
            hops = range(HOPS + 1) if not real else {0, self.table[prefix]} if prefix in self.table else ()
            if universe.length + depth == 0:
                hops = ()
            found = [entry(depth, address, hop, left) for hop in hops]
            return max(inside(depth, address, inherited, left), *found, IMPOSSIBLE)

        @cache
        def inside(depth: int, address: int, hop: int, left: tuple[int, ...]) -> float:
            if depth == universe.bits:
                right = self.truth[address]
                return self.weights[address] if hop == right else 0.0 if hop == DEFAULT else IMPOSSIBLE
            half = 1 << (universe.bits - depth - 1)
            return max(
                at(depth + 1, address, hop, some)
                + at(depth + 1, address + half, hop, tuple(a - b for a, b in zip(left, some, strict=True)))
                for some in _ways(left)
            )

        return at(0, 0, DEFAULT, room)


@cache
def _ways(room: tuple[int, ...]) -> Sequence[tuple[int, ...]]:
    """Every part of a room."""
    found: list[tuple[int, ...]] = [()]
    for slots in room:
        found = [(*each, some) for each in found for some in range(slots + 1)]
    return found


@st.composite
def questions(
    draw: st.DrawFn,
    universes: Sequence[Universe] = TINY,
    given: bool = True,
    incumbents: bool = True,
) -> Question:
    """`given`: with fixed entries and pins."""
    universe = draw(st.sampled_from(universes))
    prefixes = st.sampled_from(universe.prefixes)
    hops = st.integers(0, HOPS)
    routes = draw(st.dictionaries(prefixes, hops, max_size=7))
    size = len(universe.addresses)
    weights = draw(st.lists(st.integers(0, 99).map(float), min_size=size, max_size=size))
    longer = st.sampled_from([prefix for prefix in universe.prefixes if key(prefix)[1]])
    fixed = draw(st.dictionaries(longer, hops, max_size=2)) if given else {}
    pinned = draw(st.sets(longer, max_size=2)) if given else set()
    pins = {prefix: routes[prefix] for prefix in pinned if prefix in routes and prefix not in fixed}
    held = draw(st.dictionaries(longer, hops, max_size=4)) if incumbents else {}
    held = {prefix: hop for prefix, hop in held.items() if prefix not in fixed}
    return Question(universe, routes, weights, fixed, pins, held)
