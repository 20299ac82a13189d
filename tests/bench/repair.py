"""How long a routing change takes until the entries are safe again, on a real day's updates.

`ARM_TEST_DATA=… python -m tests.bench.repair [--strategy safe|optimal]`. The updates tell which prefixes were
announced and withdrawn, not with what next hop: an announcement has the one that the prefix had or, now and
then, another, drawn with a seed. Measured is the CPU time of one event: the change of the table, the repair,
and its entries in the map of entries. No selection comes between, so what repairs leave behind adds up.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import os
import random
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from arm.model import Attributes, Family, Prefix, Route
from arm.rib.fulltable import GONE
from arm.rib.hoptable import DEFAULT, HopTable, key_bits
from arm.rib.indexed import IndexedTable
from arm.rib.prefixmap import PrefixMap, key, text
from arm.rib.table import RouteTable
from arm.selection.repair import repair
from tests.bench.scenario import EIGHT, Scenario, scenario
from tests.bench.selection_product import NEVER_MISFORWARD, ask, demand, index
from tests.bench.selection_truth import Steps, hop_steps

_TABLE, _UPDATES = "2026", "ris-2026-05-11-ipv4-updates"
_FAMILY = Family.IPV4
_EVENTS = 50_000
_ENTRIES = 20_000
_MOVES = 0.2  # share of the announcements that draw their next hop anew
_SAMPLES = 4  # addresses looked at in the range of every change


def main() -> None:
    """Measure and print it as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strategy", choices=NEVER_MISFORWARD, default="optimal")
    strategy = parser.parse_args().strategy
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    eight = scenario(_TABLE)
    table, entries = full_table(_FAMILY, eight.table), installed_entries(strategy, eight)
    started, before = _hop_table(entries), misforwarded(table, entries)
    nested = sum(next(entries.covering(prefix), None) is not None for prefix in entries)
    print(f"{len(table):,} routes, {len(entries):,} entries ({strategy}), {nested:,} inside another\n")
    del eight
    chance = random.Random(1)
    replay = Replay(table, entries, chance)
    gc.collect()
    gc.freeze()  # as the daemon does
    for change in islice(_changes(table, chance), _EVENTS):
        replay.event(*change)
    print("| what | | |\n|---|---:|---|")
    for what, spent in (("every event", replay.spent), ("those with something to repair", replay.mending)):
        took = np.array(spent) / 1e3
        half, most = np.quantile(took, (0.5, 0.99))
        more = f"p99 {most:,.0f} µs, longest {took.max():,.0f} µs, mean {took.mean():,.1f} µs"
        print(f"| {what}: {len(took):,} | median {half:,.1f} µs | {more} |")
    print(f"| in place | {replay.in_place:,} | {replay.in_place / _EVENTS:.4f} an event |")
    print(f"| added | {replay.added:,} | {replay.added / _EVENTS:.4f} an event |")
    print(f"| events after which a sampled address went wrong | {replay.astray:,} | |")
    print(f"| addresses misforwarded before the first event | {before:,} | |")
    print(f"| after the last | {misforwarded(table, entries):,} | every address looked at |")
    print(f"| and had nothing been repaired | {_astray(_hop_table(table), started):,} | |")


def full_table(family: Family, routes: HopTable) -> IndexedTable:
    """As ARM learns it; the name of a next hop is its number, 0 the default's."""
    table, attributes, dropped = IndexedTable(family), Attributes(), family.bits - routes.bits
    for start, length, hop in routes.rows():
        table.set(Route(text(family, start << dropped, length), str(hop), attributes))
    table.settle(lambda _, route: GONE if route is None else hop_of(route))
    assert len(table.index) == len(table), "whoever asks first waits for it"
    return table


def hop_of(route: Route) -> int:
    """The number of its next hop."""
    return int(route.next_hop)


def installed_entries(strategy: str, eight: Scenario) -> PrefixMap[int]:
    """What ARM would have installed."""
    wanted = demand(index(eight.table).snapshot(), eight.traffic.keys, eight.traffic.weights)
    family, dropped = eight.family, eight.family.bits - eight.table.bits
    chosen = ask(strategy, family, wanted, _ENTRIES).entries
    rows = ((text(family, start << dropped, length), hop) for start, length, hop in chosen.rows())
    return PrefixMap(family, dict(rows))


Change = tuple[Prefix, Route | None]


def _changes(table: RouteTable, chance: random.Random) -> Iterator[Change]:
    """The day's announcements, and its withdrawals (None)."""
    attributes = Attributes()
    hops, shares = range(len(EIGHT)), EIGHT.tolist()
    latest: dict[Prefix, str] = {}  # next hops, also of what is withdrawn: most routes come back as they were
    with gzip.open(Path(os.environ["ARM_TEST_DATA"]) / "tables" / f"{_UPDATES}.tsv.gz", "rt") as lines:
        for line in lines:
            what, _, prefix = line.rstrip("\n").partition("\t")
            known = table.get(Prefix(prefix))
            if known is not None:
                latest[known.prefix] = known.next_hop
            if what == "W":
                yield Prefix(prefix), None
                continue
            moved = prefix not in latest or chance.random() < _MOVES
            hop = str(chance.choices(hops, shares)[0]) if moved else latest[Prefix(prefix)]
            yield Prefix(prefix), Route(Prefix(prefix), hop, attributes)


class Replay:
    """Table and entries follow the changes, timed; a tree of the entries tells what goes wrong."""

    def __init__(self, table: RouteTable, entries: PrefixMap[int], chance: random.Random) -> None:
        self._table, self._entries, self._chance = table, entries, chance
        self._installed = RouteTable(table.family)
        for prefix, hop in entries.items():
            self._install(prefix, hop)
        self.spent: list[int] = []  # CPU time in ns, by event
        self.mending: list[int] = []  # of those with something to repair
        self.in_place = self.added = self.astray = 0

    def event(self, prefix: Prefix, route: Route | None) -> None:
        """One change: follow it, repair, look."""
        known = len(self._entries)
        started = time.thread_time_ns()
        if route is None:
            self._table.remove(prefix)
        else:
            self._table.set(route)
        fixes = repair(prefix, self._table, hop_of, self._entries, lambda hop: hop, None)
        for place, hop in fixes:
            self._entries[place] = hop
        self.spent.append(time.thread_time_ns() - started)
        if fixes:
            self.mending.append(self.spent[-1])
        self.added += len(self._entries) - known
        self.in_place += len(fixes) - (len(self._entries) - known)
        for place, hop in fixes:
            self._install(place, hop)
        self.astray += any(map(self._wrong, self._some_of(prefix)))

    def _install(self, prefix: Prefix, hop: int) -> None:
        self._installed.set(Route(prefix, str(hop), Attributes()))

    def _some_of(self, prefix: Prefix) -> Iterator[bytes]:
        """The first and the last address, and some between."""
        start, length = key(prefix)
        bits = self._table.family.bits
        last = (1 << (bits - length)) - 1
        for offset in (0, last, *(self._chance.randint(0, last) for _ in range(_SAMPLES - 2))):
            yield (start + offset).to_bytes(bits // 8, "big")

    def _wrong(self, address: bytes) -> bool:
        does, should = self._installed.match(address), self._table.match(address)
        return does is not None and hop_of(does) not in (DEFAULT, hop_of(should) if should else DEFAULT)


def _hop_table(of: RouteTable | PrefixMap[int]) -> HopTable:
    """Routes or entries as columns."""
    if isinstance(of, PrefixMap):
        hops = dict(of.items())
    else:
        hops = {prefix: hop_of(route) for prefix in of if (route := of.get(prefix)) is not None}
    return HopTable.of(key_bits(_FAMILY), ((*key(prefix), hop) for prefix, hop in hops.items()))


def misforwarded(table: RouteTable, entries: PrefixMap[int]) -> int:
    """How many addresses go neither where the table nor where the default sends them."""
    return _astray(_hop_table(table), _hop_table(entries))


def _astray(table: HopTable, entries: HopTable) -> int:
    """The same, of columns: every address at which either changes stands for those up to the next."""
    should, does = hop_steps(table), hop_steps(entries)
    borders = np.union1d(should.starts, does.starts)
    wrong = (does.at(borders) != DEFAULT) & (does.at(borders) != should.at(borders))
    return int(Steps(table.bits, borders, wrong.astype(np.int64)).sizes()[wrong].sum())


if __name__ == "__main__":
    main()
