"""How long the loop stands still while the route of a short prefix comes and goes, with half a table inside.

`ARM_TEST_DATA=… python -m tests.bench.repair_short [2026|2026v6|2016]`: every prefix of length 1 to 8 that
has routes inside or above it, announced with a next hop of its own and withdrawn, alone and under an entry
with yet another next hop that covers it (or is it).
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Iterator

import numpy as np

from arm.model import Attributes, Family, Prefix, Route
from arm.rib.indexed import IndexedTable
from arm.rib.prefixmap import PrefixMap, key, text
from arm.selection.repair import repair
from tests.bench.repair import full_table, hop_of, installed_entries
from tests.bench.scenario import TABLES, scenario

_LENGTHS = range(1, 9)
_FRESH, _ABOVE = 8, 9  # next hops that no route has


def main() -> None:
    """Measure and print it as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=TABLES, nargs="?", default="2026")
    world = scenario(parser.parse_args().table)
    table, entries = full_table(world.family, world.table), installed_entries("optimal", world)
    print(f"{len(table):,} {world.family.title} routes, {len(entries):,} entries\n")
    del world
    gc.collect()
    gc.freeze()  # as the daemon does
    print("| length | prefixes | | median | worst | of | entries set |\n|---:|---:|---|---:|---:|---|---:|")
    for length in _LENGTHS:
        prefixes = list(_short(table, length))
        for covered in (False, True):
            found = [(*_event(prefix, length, covered, table, entries), prefix) for prefix in prefixes]
            worst, fixes, prefix = max(found)
            half = np.median([spent for spent, _, _ in found])
            how = "covered" if covered else "alone"
            print(
                f"| /{length} | {len(found)} | {how} | {half:.1f} ms | {worst:.1f} ms | {prefix} | {fixes} |"
            )


def _short(table: IndexedTable, length: int) -> Iterator[Prefix]:
    low_bits = table.family.bits - length
    for number in range(1 << length):
        prefix = text(table.family, number << low_bits, length)
        if table.crowd(prefix) or table.covering(prefix) is not None:
            yield prefix


def _event(
    prefix: Prefix, length: int, covered: bool, table: IndexedTable, entries: PrefixMap[int]
) -> tuple[float, int]:
    """CPU time in ms of the longer of the two, and how many entries it set; all is left as it was."""
    before, above = table.get(prefix), _parent(table.family, prefix, length)
    covered = covered and above not in entries
    if covered:
        entries[above] = _ABOVE
    found = []
    for route in (Route(prefix, str(_FRESH), Attributes()), None):
        if route is None:
            table.remove(prefix)
        else:
            table.set(route)
        started = time.thread_time_ns()
        fixes = repair(prefix, table, hop_of, entries, lambda hop: hop, None)
        found.append(((time.thread_time_ns() - started) / 1e6, len(fixes)))
    if before is not None:
        table.set(before)
    if covered:
        del entries[above]
    return max(found)


def _parent(family: Family, prefix: Prefix, length: int) -> Prefix:
    """The next shorter one; of /1 itself."""
    shorter = max(length - 1, 1)
    low_bits = family.bits - shorter
    return text(family, key(prefix)[0] >> low_bits << low_bits, shorter)


if __name__ == "__main__":
    main()
