"""Choosing from samples while the traffic drifts, against an oracle that knows the traffic.

`ARM_TEST_DATA=… python -m tests.bench.closedloop [--interval 1] [--strategy safe] …`, see README.md beside
this file. Time is simulated. The oracle chooses anew for the very interval in which it is judged.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, median

import numpy as np
from numpy.typing import NDArray

from arm.rib.fulltable import FullTable
from arm.rib.hoptable import HopTable
from arm.traffic.blocks import BLOCK_LENGTH, BlockMeter
from tests.bench import scenario
from tests.bench.scenario import Scenario
from tests.bench.selection_product import NEVER_MISFORWARD, ask, demand, index
from tests.bench.selection_world import TAU, World

HYSTERESIS = (0.0, 0.5, 0.7, 0.9)
_WARM, _WARM_STEP = 2 * TAU, 5.0  # seconds of samples before anything is chosen
_AGE, _AGE_STEP = (
    1.5 * TAU,
    45.0,
)  # seconds of rare choices, so that what hysteresis holds is as old as in real life
_SETTLE = 60.0  # seconds of choosing as often as set before anything is judged
_ORACLE_EVERY = 5  # intervals


@dataclass(frozen=True, slots=True)
class Settings:
    """Samples per second, seconds from one choice to the next, and how many seconds to judge."""

    strategy: str
    entries: int
    rate: float
    interval: float
    seconds: float


@dataclass(slots=True)
class Loop:
    """One selection that follows the traffic; the lists have a value for each interval judged."""

    hysteresis: float
    entries: HopTable
    prices: tuple[float, ...] | None = None
    coverage: list[float] = field(default_factory=list)
    beside_oracle: list[float] = field(default_factory=list)  # coverage where the oracle was asked
    changes: list[int] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)  # addresses misforwarded
    seconds: list[float] = field(default_factory=list)  # CPU, of choosing

    def choose(self, made: Scenario, table: FullTable, meter: BlockMeter, settings: Settings) -> int:
        """Choose from what has been measured; how many routes change by that."""
        wanted = demand(table, meter.keys(), meter.octets(), self.entries)
        asked = ask(settings.strategy, made.family, wanted, settings.entries, self.hysteresis, self.prices)
        changed = changes(self.entries, asked.entries)
        self.entries, self.prices = asked.entries, asked.prices
        self.seconds.append(asked.cpu)
        return changed

    def judge(self, made: Scenario, weights: NDArray[np.float64]) -> float:
        """What the installed table does with the traffic of this interval, of which it cannot know yet."""
        score = made.truth.score(self.entries, weights)
        self.coverage.append(score.coverage)
        self.wrong.append(score.addresses)
        return score.coverage


@dataclass(slots=True)
class Oracle:
    """What the best table for each interval serves, and what no table at all serves, the default alone."""

    best: list[float] = field(default_factory=list)
    idle: list[float] = field(default_factory=list)
    prices: tuple[float, ...] | None = None

    def choose(
        self, made: Scenario, table: FullTable, weights: NDArray[np.float64], settings: Settings
    ) -> None:
        """Choose with the traffic itself."""
        wanted = demand(table, made.traffic.keys, weights)
        asked = ask(settings.strategy, made.family, wanted, settings.entries, 0.0, self.prices)
        self.prices = asked.prices
        self.best.append(made.truth.score(asked.entries, weights).coverage)
        self.idle.append(float(weights[made.truth.right == 0].sum()))


def changes(old: HopTable, new: HopTable) -> int:
    """How many routes have to be announced or withdrawn."""
    before = old.find(new.starts, new.lengths)
    same = before >= 0
    same[same] = old.hops[before[same]] == new.hops[same]
    gone = new.find(old.starts, old.lengths) < 0
    return int((~same).sum() + gone.sum())


def fine(made: Scenario) -> NDArray[np.bool_]:
    """Which addresses lie where the table has routes longer than a block of the meter."""
    drop = np.uint64(made.table.bits - BLOCK_LENGTH[made.table.bits])
    longer = made.table.starts[made.table.lengths > BLOCK_LENGTH[made.table.bits]]
    return np.isin(made.traffic.keys >> drop, np.unique(longer >> drop))


def run(made: Scenario, loops: Sequence[Loop], settings: Settings) -> Oracle:
    """Warm the meter up, let the loops age and settle, then judge each in the interval after its choice."""
    table = index(made.table).snapshot()
    world, whole = World(made.traffic, 9), fine(made)
    meter = BlockMeter(made.table.bits, None)
    oracle = Oracle()
    aged = _WARM + _AGE
    now, chosen, judged = 0.0, _WARM, 0
    while now < aged + _SETTLE + settings.seconds:
        seconds = _WARM_STEP if now < aged else settings.interval
        judging = now >= aged + _SETTLE
        weights = world.step(seconds)
        if judging:
            asking = judged % _ORACLE_EVERY == 0
            if asking:
                oracle.choose(made, table, weights, settings)
            for loop in loops:
                served = loop.judge(made, weights)
                if asking:
                    loop.beside_oracle.append(served)
            judged += 1
        now += seconds
        counts = world.samples(weights, settings.rate * seconds)
        seen = np.flatnonzero(counts)
        found = counts[seen].astype(float)
        meter.add(made.traffic.keys[seen], found, found, found, whole[seen], found.sum() / seconds, now)
        if now >= aged or now >= chosen + _AGE_STEP:
            chosen = now
            for loop in loops:
                changed = loop.choose(made, table, meter, settings)
                if judging:
                    loop.changes.append(changed)
    return oracle


def main() -> None:
    """Run every hysteresis on the same traffic and the same samples; print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", choices=scenario.TABLES, default="2016")
    parser.add_argument("--strategy", choices=NEVER_MISFORWARD, default="optimal")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds from one choice to the next")
    parser.add_argument("--rate", type=float, default=1000.0, help="samples per second")
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long to judge")
    given = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core, whatever BLAS would like
    made = scenario.scenario(given.table)
    settings = Settings(given.strategy, given.entries, given.rate, given.interval, given.seconds)
    loops = [Loop(hysteresis, HopTable.of(made.table.bits, ())) for hysteresis in HYSTERESIS]
    oracle = run(made, loops, settings)
    print(
        f"Table {given.table}, {settings.strategy}, {settings.entries:,} entries, {settings.rate:,.0f} "
        f"samples/s, a choice every {settings.interval:g} s, {settings.seconds:g} s judged. "
        f"Oracle {mean(oracle.best):.3%}, no entries at all {mean(oracle.idle):.3%}.\n"
    )
    print(
        "| hysteresis | correct % | of oracle's % | of what entries add % | changes/s | worst | wrong | ms |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for loop in loops:
        _print(loop, oracle, settings.interval)


def _print(loop: Loop, oracle: Oracle, interval: float) -> None:
    then, best, idle = mean(loop.beside_oracle), mean(oracle.best), mean(oracle.idle)
    print(
        f"| {loop.hysteresis:g} | {100 * mean(loop.coverage):.3f} | **{100 * then / best:.2f}** "
        f"| {100 * (then - idle) / (best - idle):.2f} | **{mean(loop.changes) / interval:.1f}** "
        f"| {max(loop.changes) / interval:.1f} | {max(loop.wrong):,.0f} | {1e3 * median(loop.seconds):.0f} |"
    )


if __name__ == "__main__":
    main()
