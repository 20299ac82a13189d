"""How long one selection of the running daemon takes: route changes, choice, check."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.rib.fulltable import GONE
from arm.rib.hoptable import HopTable, Keys
from arm.selection import check
from tests.bench.scenario import Scenario
from tests.bench.selection_product import NEVER_MISFORWARD, ask, demand, index

_ENTRIES = 20_000
_BLOCKS = 50_000  # active ones: uniform blocks with traffic that the default does not serve anyway
_CHANGES = 30  # routes in each tick
_TICKS = 9
_BEFORE = 3  # ticks that are not timed: the prices settle once there are incumbents
_DRIFT = 0.1  # standard deviation of a weight's logarithm from one tick to the next
_DISCOUNT = 0.5


@dataclass(frozen=True, slots=True)
class _Active:
    """Addresses with traffic, and how many blocks with one next hop they fall into, those of the default not
    counted."""

    keys: Keys
    weights: NDArray[np.float64]
    blocks: int


class Clock:
    """CPU and wall-clock milliseconds of each step of each tick."""

    def __init__(self) -> None:
        self.steps: dict[str, list[tuple[float, float]]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        took = 1e3 * (time.process_time() - cpu), 1e3 * (time.perf_counter() - wall)
        self.steps.setdefault(name, []).append(took)

    def ticks(self) -> NDArray[np.float64]:
        """All steps of each tick together; shape (ticks, 2)."""
        ticks: NDArray[np.float64] = np.array(list(self.steps.values())).sum(axis=0)
        return ticks


def report(scenarios: Sequence[Scenario]) -> None:
    """Print a Markdown table: a row for each scenario and strategy."""
    print(f"\nA tick: active blocks, {_CHANGES} route changes, {_ENTRIES:,} entries; ms on one core\n")
    print(
        "| routes | blocks | next hops | strategy | changes | choose | check | CPU | worst | wall | worst |"
    )
    print("|---:|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for made in scenarios:
        active = _active(made)
        for strategy in NEVER_MISFORWARD:
            clock = _ticks(made, active, strategy)
            steps = (statistics.median(cpu for cpu, _ in each) for each in clock.steps.values())
            cpu, wall = clock.ticks().T.tolist()
            print(
                f"| {len(made.table):,} | {active.blocks:,} | {made.table.hops.max() + 1:,} | {strategy} | "
                + " | ".join(f"{step:.0f}" for step in steps)
                + f" | **{statistics.median(cpu):.0f}** | {max(cpu):.0f} "
                f"| {statistics.median(wall):.0f} | {max(wall):.0f} |",
                flush=True,
            )


def _ticks(made: Scenario, active: _Active, strategy: str) -> Clock:
    chance = np.random.default_rng(1)
    learned = index(made.table)
    keys, weights = active.keys, active.weights
    nothing = HopTable.of(made.table.bits, ())
    asked = ask(strategy, made.family, demand(learned.snapshot(), keys, weights), _ENTRIES)
    for tick in range(_BEFORE + _TICKS):
        if tick <= _BEFORE:
            clock = Clock()
        weights = weights * np.exp(_DRIFT * chance.standard_normal(len(weights)))
        changes = _changes(made, chance)
        with clock.step("changes"):
            learned.update(changes)
            table = learned.snapshot()
        wanted = demand(table, keys, weights, asked.entries)
        with clock.step("choose"):
            asked = ask(strategy, made.family, wanted, _ENTRIES, _DISCOUNT, asked.prices)
        with clock.step("check"):
            assert not len(check.misforwarded(asked.entries, table, nothing))
    return clock


def _active(made: Scenario) -> _Active:
    """The addresses of the heaviest uniform blocks, until enough of these need an entry, or all of them."""
    keys, weights = made.traffic.keys, made.traffic.weights
    starts, _, hops = index(made.table).snapshot().runs.blocks(keys)
    blocks, of = np.unique(starts, return_inverse=True)
    needing = np.zeros(len(blocks), np.bool_)
    needing[of] = hops != 0
    heaviest = np.argsort(-np.bincount(of, weights))
    taken = heaviest[: int(np.searchsorted(np.cumsum(needing[heaviest]), _BLOCKS)) + 1]
    active = np.zeros(len(blocks), np.bool_)
    active[taken] = True
    return _Active(keys[active[of]], weights[active[of]], int((active & needing).sum()))


def _changes(made: Scenario, chance: np.random.Generator) -> HopTable:
    """As a real day has them: mostly other next hops, a few routes withdrawn, a few new more-specifics."""
    table = made.table
    rows = chance.choice(len(table), _CHANGES, replace=False)
    starts, lengths = table.starts[rows], table.lengths[rows].copy()
    hops = chance.integers(0, int(table.hops.max()) + 1, _CHANGES).astype(np.int32)
    hops[:3] = GONE
    lengths[3:6] = np.minimum(lengths[3:6] + 1, table.bits)
    return HopTable.of(table.bits, zip(starts.tolist(), lengths.tolist(), hops.tolist(), strict=True))
