"""How fast samples become bytes per prefix: `python -m tests.bench.sflow`, see README.md beside this file.

CPU time throughout, never the clock on the wall: other work on the machine disturbs that less.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path

from arm.model import Family
from arm.rib.indexed import IndexedTable
from arm.sflow.batch import decode_batch
from arm.sflow.destinations import aggregate
from tests.bench import loopback, rival, table, traffic
from tests.bench.pipeline import BATCH, Pipeline, samples_by_prefix

_DATAGRAMS = 40_000
_CPU_SECONDS = 4.0  # of the pipeline alone
_TICK = 1.0  # CPU seconds of receiving between two lookups, as one core at full load has it
_LOADS = ((10_000, 10.0), (250_000, 10.0), (500_000, 5.0))  # samples per second over loopback, for how long


def main() -> None:
    """Measure everything and print it as a Markdown table."""
    prefixes = table.prefixes()
    tables = table.route_tables(prefixes)
    datagrams = traffic.datagrams(_DATAGRAMS, prefixes)
    gc.collect()
    gc.freeze()  # as the daemon does once it has learned the table: a million routes are not garbage
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    print(
        f"{sum(map(len, tables.values())):,} routes, {_DATAGRAMS:,} datagrams of {traffic.SAMPLES} samples\n"
    )
    print("| what | samples/s on one core | |\n|---|---:|---|")
    _decoder(datagrams)
    ours = [_alone(tables, datagrams)]
    with tempfile.TemporaryDirectory() as name:
        os.sched_setaffinity(0, cores)
        theirs = rival.measure(datagrams, _DATAGRAMS * traffic.SAMPLES, prefixes, Path(name))
        os.sched_setaffinity(0, {cores[0]})
        if theirs is None:
            print("| sfacctd | not installed | `apt-get install pmacct` |")
        else:
            _compare(theirs, tables, datagrams)
            ours.append(_alone(tables, datagrams))  # before and after, because the machine may be busy
            ratio = (theirs.core + theirs.plugin) * len(ours) / sum(ours)
            print(f"| **ARM / sfacctd** | **{ratio:.2f}** | CPU time |")
        path = Path(name) / "datagrams"
        loopback.write(datagrams, path)
        print("\n| over loopback, samples/s | sent | lost | CPU share |\n|---|---:|---:|---:|")
        for rate, seconds in _LOADS:
            other = cores[-1] if len(cores) > 1 else None
            _over_loopback(Pipeline(tables), path, rate, seconds, other)


def _alone(tables: dict[Family, IndexedTable], datagrams: list[bytes]) -> float:
    """CPU seconds for each sample with the datagrams at hand."""
    pipeline = Pipeline(tables)
    batches = [datagrams[at : at + BATCH] for at in range(0, len(datagrams), BATCH)]
    started = ticked = time.process_time()
    now = 0.0
    while time.process_time() - started < _CPU_SECONDS:
        for batch in batches:
            pipeline.receive(batch, now)
            if time.process_time() - ticked >= _TICK:
                pipeline.tick(now)
                ticked, now = time.process_time(), now + 1.0
    pipeline.tick(now)
    each = (time.process_time() - started) / pipeline.samples
    steps = ", ".join(
        f"{step} {1e9 * used / pipeline.samples:.0f} ns" for step, used in pipeline.seconds.items()
    )
    share = pipeline.looked_up / pipeline.samples
    print(f"| ARM | {1 / each:,.0f} | {steps} a sample; looked up {share:.1%} |", flush=True)
    return each


def _decoder(datagrams: list[bytes]) -> None:
    """The batch decoder by itself."""
    batches = [datagrams[at : at + BATCH] for at in range(0, len(datagrams), BATCH)]
    started = time.process_time()
    samples = sum(len(decode_batch(batch).samples) for batch in batches)
    print(f"| ARM's decoder alone | {samples / (time.process_time() - started):,.0f} | |", flush=True)


def _compare(theirs: rival.Rival, tables: dict[Family, IndexedTable], datagrams: list[bytes]) -> None:
    """Their speed, and whether they saw what we see."""
    core, plugin = 1 / theirs.core, 1 / theirs.plugin
    print(f"| sfacctd | {1 / (theirs.core + theirs.plugin):,.0f} | core {core:,.0f}, plugin {plugin:,.0f} |")
    ours = samples_by_prefix(aggregate(decode_batch(datagrams).samples), tables)
    packets = {prefix: count * traffic.RATE for prefix, count in ours.items()}
    for family in Family:
        prefixes = [prefix for prefix in packets | theirs.packets if Family.of(prefix) is family]
        different = sum(packets.get(prefix) != theirs.packets.get(prefix) for prefix in prefixes)
        print(f"| {family.title} prefixes | {len(prefixes):,} | sfacctd counts differently: {different:,} |")


def _over_loopback(pipeline: Pipeline, path: Path, rate: float, seconds: float, core: int | None) -> None:
    passed = asyncio.run(loopback.pass_through(pipeline, path, rate, seconds, core))
    share = passed.cpu_seconds / passed.seconds
    lost = passed.sent - passed.received
    print(
        f"| {passed.samples_per_second:,.0f} | {passed.sent:,} datagrams | {lost:,} | {share:.1%} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
