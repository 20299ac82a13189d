"""One address family: what its routes, its kernel and its traffic are, put in numbers. Pure.

routes ─► settle ─► full table ─┬─► measure ─► coverage
kernel ─► settle ─► installed ──┤             meter ─► demand ─► (the choice, in chooser.py)
traffic ────────────────────────┘
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from arm.family_rules import Verdicts
from arm.model import NO_ATTRIBUTES, Attributes, Entry, Family, KernelRoute, Kind, Prefix, Route
from arm.rib.fulltable import GONE, FullTable
from arm.rib.hops import RAW_DEFAULT, RAW_LOCAL, Gateways, NextHops
from arm.rib.hoptable import DEFAULT, MIXED, Hops, HopTable, Keys, among, distinct, key_bits
from arm.rib.indexed import IndexedTable, Number
from arm.rib.paint import flatten
from arm.rib.prefixmap import PrefixMap, key, text
from arm.rib.table import RouteTable
from arm.selection.demand import Demand
from arm.selection.policy import Policy, Verdict
from arm.sflow.destinations import Destinations
from arm.sflow.sources import NONE, Sources
from arm.traffic.blocks import BLOCK_LENGTH, BlockMeter, block_keys, find
from arm.traffic.coverage import Coverage, score
from arm.traffic.flows import Bytes, Flows, View
from arm.traffic.misses import Misses
from arm.traffic.newcomers import NOTABLE, Weighed, newcomers

# Never routed by a table: loopback (as far as keys tell), link-local, multicast and what is above it.
_SPECIAL = {
    Family.IPV4: [Prefix(text) for text in ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")],
    Family.IPV6: [Prefix(text) for text in ("::/64", "fe80::/10", "ff00::/8")],
}


@dataclass(frozen=True, slots=True)
class Valuation:
    """What traffic is worth."""

    window: float | None = None  # seconds; None: automatic
    packets: bool = False  # count packets, not bytes
    minimum_rate: float = 0.0  # bit/s, or packets/s; less than that is worth nothing
    factors: Mapping[str, float] = field(default_factory=dict)  # by next hop: worth so many times more


@dataclass(frozen=True, slots=True)
class Traffic:
    """One interval's traffic that takes routes, by address; columns of shape (n,)."""

    keys: Keys
    octets: NDArray[np.float64]
    packets: NDArray[np.float64]
    samples: NDArray[np.int64]
    squares: NDArray[np.float64]


class FamilyLoop:
    """One family's tables and measurements."""

    def __init__(self, family: Family, valuation: Valuation, policy: Policy) -> None:
        self.family = family
        self.meter = BlockMeter(key_bits(family), valuation.window)
        self.coverage = Coverage()
        self.misses = Misses()
        self.weighed: Weighed | None = None  # by the last choice that was taken
        self.newcomers = False  # traffic came since that cannot wait for the next one
        self.flows = Flows(family)
        self.bits_per_second = 0.0  # of the last interval, to routed destinations or not
        self.samples_per_second = 0.0
        self.hops = NextHops()
        self.fixed: PrefixMap[int] = PrefixMap(family)  # entries that ARM does not own, by raw next hop
        self.dead: frozenset[str] = frozenset()  # next hops whose peers are gone
        self._valuation = valuation
        self._policy = policy
        self._fixed_hops: PrefixMap[int] = PrefixMap(family)
        self._pins: dict[Prefix, None] = {}
        self._table: IndexedTable | None = None  # that knows of the fixed entries
        self._serving: IndexedTable = IndexedTable(family)  # the one in use
        self._default: Gateways = ()
        self._connected = RouteTable(family)
        self._unroutable = flatten(HopTable.of(key_bits(family), ()))
        self._kernel = IndexedTable(family)  # what is in the kernel
        self._gateways: dict[Prefix, Gateways] = {}
        self._one_path: set[Prefix] = set()  # in the kernel through a part of what the default has
        self._meaning: Hops = np.zeros(3, np.int32)
        self._time = 0.0  # Unix
        self._verdicts: WeakKeyDictionary[IndexedTable, Verdicts] = WeakKeyDictionary()
        self._fine: Keys = np.empty(0, np.uint64)  # blocks in which the table has longer routes
        self.connected(())
        self.full: FullTable = self._kernel.index.snapshot()
        self.installed = self.full

    # --- what is told -------------------------------------------------------------------------------

    def configure(self, valuation: Valuation, policy: Policy) -> None:
        """Other options, from the next refresh on."""
        if valuation.window != self._valuation.window:
            self.meter.set_window(valuation.window)
        self._valuation = valuation
        if not (policy.empty and self._policy.empty):
            self._policy = policy

    def peers_lost(self, dead: frozenset[str]) -> None:
        """BIRD has lost these peers: what goes through them goes where the default goes."""
        self.dead = dead
        self._meaning = self.hops.meaning(self._default, self._reachable)

    def connected(self, prefixes: Iterable[Prefix]) -> None:
        """The router's own and connected networks: like multicast, traffic to them takes no route, and next
        hops in them can be reached."""
        self._connected = RouteTable(self.family)
        own = [prefix for prefix in prefixes if Family.of(prefix) is self.family]
        for prefix in own:
            self._connected.set(Route(prefix, "", Attributes()))
        bits, dropped = key_bits(self.family), self.family.bits - key_bits(self.family)
        places = (key(prefix) for prefix in (*_SPECIAL[self.family], *own))
        self._unroutable = flatten(
            HopTable.of(bits, ((start >> dropped, length, 1) for start, length in places if length <= bits))
        )

    def kernel(self, prefix: Prefix, route: KernelRoute | None) -> None:
        """The kernel shows a route, ARM's or not, or no longer does."""
        if route is None:
            self._gateways.pop(prefix, None)
            self._kernel.remove(prefix)
        else:
            self._gateways[prefix] = route.gateways
            self._kernel.set(Route(prefix, "", Attributes()))

    def set_fixed(self, fixed: Mapping[Prefix, Gateways], table: IndexedTable) -> bool:
        """The entries of the FIB that are not ARM's. Returns whether they have changed."""
        numbers = {prefix: self.hops.number(gateways) for prefix, gateways in fixed.items()}
        fresh, self._table = table is not self._table, table  # a fresh table knows of none
        if fresh:
            self._look_at_paths(self._one_path)
        for prefix in numbers.keys() | self.fixed.keys():
            if fresh or numbers.get(prefix) != self.fixed.get(prefix):
                table.touch(prefix)
        changed = dict(self.fixed.items()) != numbers
        if changed:
            self.fixed = PrefixMap(self.family, numbers)
        return changed

    # --- numbers ------------------------------------------------------------------------------------

    def settle(self, table: IndexedTable, time: float) -> None:
        """Bring the index of a table up to date, in use or being learned. `time` is Unix time."""
        table.settle(self._numbering(table, time))

    def settling(self, table: IndexedTable, time: float) -> Iterator[None]:
        """The same in pieces."""
        return table.settling(self._numbering(table, time))

    def _numbering(self, table: IndexedTable, time: float) -> Number:
        """By the rules as they are now."""
        self._time = time
        verdicts = self._verdicts.get(table)
        if verdicts is None:
            verdicts = self._verdicts[table] = Verdicts(self._policy, time)
        verdicts.go_on(table, self._policy, time, self._foremost)
        for prefix in verdicts.changed(table, self.fixed):
            table.touch(prefix)
        return partial(self._number, verdicts)

    def refresh(self, table: IndexedTable, default: KernelRoute | None, time: float) -> None:
        """Take a new picture of the table in use and of the kernel."""
        self.settle(table, time)
        self._serving = table
        self._pins = self._verdicts[table].pins
        before, self._default = self._default, self._default_gateways(default, table)
        if self._default != before:
            for prefix in self._gateways:
                self._kernel.touch(prefix)
        self._kernel.settle(self._installed_number)
        self._meaning = self.hops.meaning(self._default, self._reachable)
        self._fixed_hops = PrefixMap(self.family, {p: int(self._meaning[n]) for p, n in self.fixed.items()})
        self.full = replace(table.index.snapshot(self._meaning))  # an own picture, also if nothing is new
        routes = self.full.routes
        self._fine = distinct(self._block(routes.starts[routes.lengths > BLOCK_LENGTH[routes.bits]]))
        self.installed = self._kernel.index.snapshot(self._meaning)

    def hop_of(self, route: Route) -> int:
        """The number of a route's next hop, as selection compares them."""
        return DEFAULT if self.denies(route) else self.hop((route.next_hop,))

    def denies(self, route: Route) -> bool:
        """A rule says that this route is never installed."""
        return not self._policy.empty and self._policy.judge(route, self._time) is Verdict.DENY

    def hop(self, gateways: Gateways) -> int:
        """The number of a next hop, as selection compares them."""
        number = self.hops.number(gateways)
        if number >= len(self._meaning):
            self._meaning = self.hops.meaning(self._default, self._reachable)
        return int(self._meaning[number])

    def leads_to(self, next_hop: str, default: Gateways | None) -> Gateways | None:
        """Where BIRD sends an entry with this next hop; None: that cannot be said."""
        return (next_hop,) if next_hop and self._reachable(next_hop) else default

    def fixed_hops(self) -> PrefixMap[int]:
        """The fixed entries, as selection compares them."""
        return self._fixed_hops

    def fixed_table(self) -> HopTable:
        """The fixed entries, as selection compares them."""
        return self._hop_table(self._fixed_hops)

    def _foremost(self) -> Iterator[Prefix]:
        """What rules matter to most: what is installed, and what has traffic and so may be soon."""
        yield from [*self._gateways]
        routes, dropped = self.full.routes, self.family.bits - key_bits(self.family)
        rows = distinct(self.full.owner(self.meter.keys()))
        for row in rows[rows >= 0].tolist():
            yield text(self.family, int(routes.starts[row]) << dropped, int(routes.lengths[row]))

    def _number(self, verdicts: Verdicts, prefix: Prefix, route: Route | None) -> int:
        self.flows.changed(prefix)
        if prefix in self._one_path:
            self._look_at_paths((prefix,))
        of_others = self.fixed.get(prefix)
        verdict = verdicts.of(prefix, None if of_others is not None else route)
        if of_others is not None:
            return of_others
        if route is None:
            return GONE
        return RAW_DEFAULT if verdict is Verdict.DENY else self.hops.number((route.next_hop,))

    def _installed_number(self, prefix: Prefix, route: Route | None) -> int:
        self._one_path.discard(prefix)
        if route is None:
            return GONE
        gateways = self._gateways[prefix]
        if not gateways and not self._default and prefix not in self.fixed:
            return RAW_DEFAULT  # an entry of ARM's without a default: BIRD lets it drop what would be dropped
        if set(gateways) < set(self._default):
            # BIRD resolves a guard through one path of an ECMP default; a route may really go there alone.
            self._one_path.add(prefix)
            real = self._table.get(prefix) if self._table is not None else None
            if real is None or (real.next_hop,) != gateways:
                return RAW_DEFAULT
        return self.hops.number(gateways)

    def _look_at_paths(self, prefixes: Iterable[Prefix]) -> None:
        """Their routes have changed: so may have what it means that they have a path of the default's."""
        for prefix in prefixes:
            self._kernel.touch(prefix)

    def _reachable(self, gateway: str) -> bool:
        return (
            gateway not in self.dead
            and self._connected.match(socket.inet_pton(self.family.af, gateway)) is not None
        )

    def _default_gateways(self, default: KernelRoute | None, table: IndexedTable) -> Gateways:
        if default is None:
            return ()
        if (
            len(default.gateways) == 1
            and default.gateways[0].startswith("fe80:")
            and table.default is not None
        ):
            return (table.default.next_hop,)  # the same neighbour by its global address
        return default.gateways

    # --- traffic ------------------------------------------------------------------------------------

    def measure(
        self,
        destinations: Destinations,
        seconds: float,
        rate: float,
        learned: bool,
        now: float,
        sources: Sources = NONE,
    ) -> Traffic:
        """Score one interval's traffic against what is installed, then remember it. Returns what takes
        routes. `rate`: samples a second of the whole switch; `learned`: where traffic should go is known;
        `sources`: of the same samples."""
        traffic = self._routed(destinations)
        self.newcomers = False
        if learned:
            runs = self.full.runs, self.installed.runs
            self.coverage.add(score(traffic.keys, traffic.octets, traffic.squares, *runs), now)
            fine = among(self._block(traffic.keys), self._fine)
            blocks = block_keys(traffic.keys, fine, key_bits(self.family))
            self.misses.add(traffic.keys, blocks, traffic.octets, self.full, self.installed.runs, now)
            self.misses.forget(self.meter.keys())
            if rate > 0.0:
                self.meter.add(
                    traffic.keys, traffic.octets, traffic.packets, traffic.samples, fine, rate, now
                )
                self.newcomers = self._newcomers(traffic, blocks)
        if not learned or rate == 0.0:  # no agent says anything: that is not to say that there is no traffic
            self.meter.pause(now)
            self.flows.pause()
        elif seconds > 0:
            own = np.flatnonzero(sources.family == self.family.number)
            source = Bytes(sources.keys[own], sources.bytes[own])
            view = View(self.full, self._serving, self.fixed)
            self.flows.add(view, Bytes(traffic.keys, traffic.octets), source, seconds)
        if seconds > 0:
            self.bits_per_second = float(traffic.octets.sum()) * 8 / seconds
            self.samples_per_second = float(traffic.samples.sum()) / seconds
        return traffic

    def _routed(self, destinations: Destinations) -> Traffic:
        rows = np.flatnonzero(destinations.family == self.family.number)
        keys = (destinations.low if self.family.bits == 32 else destinations.high)[rows]
        routed = self._unroutable.hop(keys) == DEFAULT
        rows, keys = rows[routed], keys[routed]
        return Traffic(
            keys,
            destinations.bytes[rows],
            destinations.packets[rows],
            destinations.samples[rows],
            destinations.squares[rows],
        )

    def _newcomers(self, traffic: Traffic, blocks: Keys) -> bool:
        """Did the interval bring traffic that the next choice should not let wait?"""
        meter, packets = self.meter, self._valuation.packets
        if self.weighed is None:
            return False
        at, known = find(meter.keys(), blocks)
        weights = np.zeros(len(blocks))  # of what was seen and forgotten at once, as the memory is full
        weights[known] = (meter.packets() if packets else meter.octets())[at[known]]
        hops = self.full.runs.hop(traffic.keys)
        hops = np.where(hops == RAW_LOCAL, DEFAULT, hops)  # no entry of ARM's leads there
        notable = NOTABLE * float((traffic.packets if packets else traffic.octets).sum())
        return newcomers(self.weighed, traffic.keys, blocks, hops, self._worth(weights, hops), notable)

    def _block(self, keys: Keys) -> Keys:
        drop = np.uint64(key_bits(self.family) - BLOCK_LENGTH[key_bits(self.family)])
        return keys >> drop << drop

    # --- what to choose from ------------------------------------------------------------------------

    def demand(self, incumbents: HopTable) -> Demand:
        """The present picture, as the choice takes it."""
        meter, valuation = self.meter, self._valuation
        weights = meter.packets() if valuation.packets else meter.octets()
        if valuation.factors:
            weights = self._worth(weights, self.full.runs.hop(meter.keys()))
        minimum = valuation.minimum_rate * meter.observed / (1 if valuation.packets else 8)
        return Demand(
            self.full,
            meter.keys(),
            weights,
            self.fixed_table(),
            self._pinned(),
            incumbents,
            minimum,
            RAW_LOCAL,
        )

    def _worth(self, weights: NDArray[np.float64], hops: Hops) -> NDArray[np.float64]:
        """Weights (n,) of traffic that leads to these next hops, as the operator values it."""
        factors = {
            self.hop((next_hop,)): factor
            for next_hop, factor in self._valuation.factors.items()
            if Family.of(next_hop) is self.family
        }
        if not factors:
            return weights
        worth = np.ones(len(self._meaning) + 1)  # the last is for MIXED
        worth[list(factors)] = list(factors.values())
        return weights * worth[hops]

    def incumbents(self, entries: Iterable[Entry]) -> HopTable:
        """What is in the FIB by ARM, in numbers. Of entries with the same prefix the last one counts."""
        return self.standing(entries)[0]

    def standing(self, entries: Iterable[Entry]) -> tuple[HopTable, list[Entry]]:
        """The same, and which entry each row is."""
        numbers, found = _Numbers(self.entry_hop), {entry.prefix: entry for entry in entries}
        table, order = self._placed({prefix: numbers.of(entry) for prefix, entry in found.items()})
        rows = list(found.values())
        return table, [rows[row] for row in order.tolist()]

    def diverting(self, entries: Mapping[Prefix, Entry]) -> set[Prefix]:
        """The prefixes of the entries that do not follow the default."""
        numbers = _Numbers(self.entry_hop)
        return {prefix for prefix, entry in entries.items() if numbers.of(entry) != DEFAULT}

    def entry_hop(self, entry: Entry) -> int:
        """The number of an entry's next hop."""
        if entry.kind is Kind.GUARD:
            return DEFAULT
        return self.hop((entry.next_hop,)) if entry.next_hop else MIXED

    def entry(self, prefix: Prefix, hop: int, table: RouteTable) -> Entry:
        """An entry that sends its addresses to `hop`: the route of that prefix if it does so."""
        if hop == DEFAULT:
            return Entry.guard(prefix)
        route = table.get(prefix)
        if route is not None and self.hop_of(route) == hop:
            return Entry(prefix, route.next_hop, route.attributes)
        return Entry(prefix, self.hops.gateways(hop)[0], NO_ATTRIBUTES, Kind.SYNTHESISED)

    def _pinned(self) -> HopTable:
        pins = self._hop_table(dict.fromkeys(self._pins, DEFAULT))
        hops = self.full.routes.hop_of(pins, MIXED)
        return HopTable(pins.bits, pins.starts, pins.lengths, hops).take(hops != MIXED)

    def _hop_table(self, rows: Mapping[Prefix, int]) -> HopTable:
        return self._placed(rows)[0]

    def _placed(self, rows: Mapping[Prefix, int]) -> tuple[HopTable, NDArray[np.intp]]:
        """Without what is longer than a key; and where in `rows` each row comes from."""
        bits, dropped = key_bits(self.family), self.family.bits - key_bits(self.family)
        places = [key(prefix) for prefix in rows]
        starts = np.array([start >> dropped for start, _ in places], np.uint64)
        lengths = np.array([length for _, length in places], np.int16)
        hops = np.fromiter(rows.values(), np.int32, len(rows))
        short = np.flatnonzero(lengths <= bits)
        order = short[np.lexsort((lengths[short], starts[short]))]
        return HopTable(bits, starts[order], lengths[order].astype(np.int8), hops[order]), order


class _Numbers(dict[str, int]):
    """Of tens of thousands of entries, which share a few next hops: each of these is looked up once."""

    def __init__(self, hop: Callable[[Entry], int]) -> None:
        self._hop = hop

    def of(self, entry: Entry) -> int:
        if entry.kind is Kind.GUARD:
            return DEFAULT
        number = self.get(entry.next_hop)
        if number is None:
            number = self[entry.next_hop] = self._hop(entry)
        return number
