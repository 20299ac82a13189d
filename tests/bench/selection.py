"""How much traffic each strategy serves on a real table, and how long it takes.

`ARM_TEST_DATA=… python -m tests.bench.selection [--table 2016|2026|2026v6]`, see README.md beside this file.
"""

from __future__ import annotations

import argparse
import gc
import os

from tests.bench import scenario, selection_tick
from tests.bench.scenario import Scenario
from tests.bench.selection_product import ask, bound, demand, index

ENTRIES = (1_000, 5_000, 20_000, 30_000)
STRATEGIES = ("top", "safe", "optimal")
_EARLIER = {  # top, safe, optimal and upper bound in %, as the design's own experiments had them
    "2016": {
        1_000: (78.21, 81.99, 82.74, 82.74),
        5_000: (84.87, 89.46, 90.89, 90.89),
        20_000: (90.63, 95.33, 96.97, 96.97),
        30_000: (92.32, 96.85, 98.35, 98.35),
    }
}


def main() -> None:
    """Measure everything and print it as Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", choices=scenario.TABLES, default="2016")
    name = parser.parse_args().table
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, whatever BLAS would like
    eight = scenario.scenario(name)
    print(
        f"Table {name}: {len(eight.table):,} routes, traffic to {len(eight.traffic.keys):,} addresses, "
        f"8 next hops, the default's serves {eight.traffic.weights[eight.truth.right == 0].sum():.2%}\n"
    )
    _judge(eight)
    _strategies(eight)
    gc.collect()
    selection_tick.report((eight, scenario.scenario(name, scenario.THOUSAND)))


def _judge(made: Scenario) -> None:
    """That the scenario and its judge are those of the design, without any of ARM's selection."""
    print("| the N heaviest prefixes | correct % | design's | misforwarded addresses | of traffic % |")
    print("|---:|---:|---:|---:|---:|")
    for entries in ENTRIES:
        score = made.truth.score(made.top(entries), made.traffic.weights)
        earlier = _EARLIER.get(made.name, {}).get(entries)
        told = "" if earlier is None else f"{earlier[0]:.2f}"
        print(
            f"| {entries:,} | {100 * score.coverage:.2f} | {told} | {score.addresses:,.0f} | "
            f"{100 * score.misforwarded:.4f} |"
        )


def _strategies(made: Scenario) -> None:
    print(
        "\n| N | strategy | correct % | design's | bound % | gap | entries | misforwarded addresses | CPU s |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    wanted = demand(index(made.table).snapshot(), made.traffic.keys, made.traffic.weights)
    for entries in ENTRIES:
        best = bound(made.family, wanted, entries)
        for column, strategy in enumerate(STRATEGIES):
            asked = ask(strategy, made.family, wanted, entries)
            score = made.truth.score(asked.entries, made.traffic.weights)
            earlier = _EARLIER.get(made.name, {}).get(entries)
            told = "" if earlier is None else f"{earlier[column]:.2f}"
            print(
                f"| {entries:,} | {strategy} | {100 * score.coverage:.3f} | {told} | {100 * best:.3f} | "
                f"{100 * (best - score.coverage):.3f} | {len(asked.entries):,} | {score.addresses:,.0f} | "
                f"{asked.cpu:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
