"""What naming the traffic by AS costs: `python -m tests.bench.flows`, see README.md beside this file.

A full table whose AS paths are read from ExaBGP's own text, 10,000 samples a second to and from hosts whose
popularity follows Zipf, and route changes as on a real day. CPU time: one core has a second of it a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arm.model import BgpPath, Family
from arm.rib.hoptable import Keys
from arm.rib.indexed import IndexedTable
from arm.rib.messages import _read
from arm.rib.paths import Paths
from arm.sflow.samples import Samples
from arm.sflow.sources import sources_of, together
from arm.traffic.flows import Bytes, Flows, View
from arm.traffic.misses import Chosen, Misses
from lab.generate import generated
from lab.tables import FamilyTable
from tests.bench.table import ROUTES

SAMPLES = {Family.IPV4: 7_500, Family.IPV6: 2_500}  # a second
HOSTS = {Family.IPV4: 75_000, Family.IPV6: 25_000}  # each in another route
CHANGES = {Family.IPV4: 16, Family.IPV6: 14}  # routes a second
SECONDS, WARM = 400, 320  # of which the first are needed to look most routes up

Random = np.random.Generator


def main() -> None:
    """Measure everything and print it as a Markdown table."""
    rng = np.random.default_rng(1)
    table = generated(ROUTES[Family.IPV4], ROUTES[Family.IPV6], 1)
    print("| at 10,000 samples a second | CPU of a core | |\n|---|---:|---|")
    print(f"| sources taken from the samples and added up | {_sources(rng):.2%} | |", flush=True)
    for family in Family:
        _family(table[family], rng)


def _sources(rng: Random) -> float:
    """In 20 parts, as datagrams come by the hundred."""
    part = sum(SAMPLES.values()) // 20
    word = rng.integers(1 << 20, 1 << 24, part)
    names = Samples.__dataclass_fields__
    columns: dict[str, Any] = {name: np.full(part, 1500, np.uint32) for name in names}
    columns |= {"family": np.full(part, 4, np.uint8)}
    columns |= {name: word.astype(np.uint64) for name in names if name.endswith(("_low", "_high"))}
    samples, chosen = Samples(**columns), np.ones(part, np.bool_)
    began = time.process_time()
    for _ in range(20):
        together([sources_of(samples, chosen) for _ in range(20)])
    return (time.process_time() - began) / 20


def _family(rows: FamilyTable, rng: Random) -> None:
    family, routes = rows.family, _learned(rows)
    full = routes.index.snapshot()
    hosts = rng.permutation(full.routes.starts)[: HOSTS[family]] + np.uint64(1)
    chances = 1.0 / np.arange(1, len(hosts) + 1)
    chances /= chances.sum()
    flows, misses, nothing = Flows(family), Misses(), IndexedTable(family).index.snapshot().runs
    misses.chosen = Chosen(np.sort(hosts), np.zeros(len(hosts), np.bool_), nothing)
    spent: dict[str, list[float]] = {"named": [], "ranked": [], "misses by reason": []}

    def timed(name: str, work: Callable[[], object]) -> None:
        began = time.process_time()
        work()
        spent[name].append(time.process_time() - began)

    for second in range(SECONDS):
        to, source = (_traffic(hosts, chances, SAMPLES[family], rng) for _ in range(2))
        view = View(full, routes, ())
        for row in rng.integers(0, len(rows.prefixes), CHANGES[family]).tolist():
            flows.changed(rows.prefixes[row])
        timed("named", lambda: flows.add(view, to, source, 1.0))  # noqa: B023
        timed("ranked", flows.rankings)
        timed(
            "misses by reason",
            lambda: misses.add(to.keys, to.keys, to.octets, full, nothing, float(second)),  # noqa: B023
        )
    for name, seconds in spent.items():
        first, later = (median(part) for part in (seconds[: SECONDS // 8], seconds[WARM:]))
        print(f"| {family.title} {name} | {later:.2%} | {first:.2%} in the first {SECONDS // 8} s |")
    print(
        f"| {family.title} | | {len(full.routes):,} routes; {len(flows._routes):,} of them and "
        f"{len(flows._paths):,} AS paths known; {len(to.keys):,} destinations and {len(source.keys):,} "
        "sources in the last second |",
        flush=True,
    )
    (by_path,) = (each for by, each in flows.rankings().items() if by == "as_path")
    assert sum(by_path.rates) < by_path.total


def _traffic(hosts: Keys, chances: NDArray[np.float64], count: int, rng: Random) -> Bytes:
    keys, samples = np.unique(rng.choice(hosts, count, p=chances), return_counts=True)
    return Bytes(keys, samples.astype(np.float64) * 1e6)


def _learned(rows: FamilyTable) -> IndexedTable:
    """As ARM learns it: paths are text until somebody reads them."""
    table, paths = IndexedTable(rows.family), Paths(_read)
    for prefix, path in zip(rows.prefixes, _told(rows, paths), strict=True):
        table.announce(path, (prefix,))
    table.settle(lambda _prefix, _route: 5)
    return table


def _told(rows: FamilyTable, paths: Paths) -> Iterator[BgpPath]:
    known: dict[tuple[int, int], BgpPath] = {}
    for at in zip(rows.origins.tolist(), rows.via.tolist(), strict=True):
        if at not in known:
            origin, via = at
            upstreams = rows.upstreams[via]
            numbers = [64500, *upstreams.paths[upstreams.best], *(origin,) * upstreams.repeat]
            fields = {
                "origin": upstreams.origin,
                "as-path": {"0": {"element": "as-sequence", "value": numbers}},
                "local-preference": 100,
                "community": upstreams.communities,
            }
            known[at] = paths.of(b"192.0.2.1", json.dumps(fields)[1:-1].encode())
        yield known[at]


if __name__ == "__main__":
    main()
