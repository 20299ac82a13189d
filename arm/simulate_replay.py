"""What other settings would have made of the traffic that a daemon recorded (`selection.record`).

Each interval is scored on the table that was chosen before it came, then measured, and then the table is
chosen anew: the daemon's loop, without its pacing and with a full table that does not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arm.model import Family
from arm.rib.hoptable import DEFAULT, HopTable, Keys
from arm.rib.paint import flatten
from arm.selection.check import with_fixed
from arm.selection.choose import choose
from arm.selection.demand import Demand
from arm.simulate_choice import pool
from arm.traffic.blocks import BLOCK_LENGTH, BlockMeter, block_keys
from arm.traffic.interval import Interval
from arm.traffic.record import read


@dataclass(frozen=True, slots=True)
class Settings:
    """What is tried. `window` in seconds, None: automatic; `interval`: seconds between choices."""

    strategy: str
    capacity: int
    window: float | None
    interval: float
    discount: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One interval. Octets in all, those sent where the full table sends them, and those sent neither there
    nor to the default; `entries` after the choice, and how many it announced or withdrew."""

    time: float  # Unix seconds, at its end
    seconds: float
    octets: float
    right: float
    wrong: float
    entries: int
    changes: int


def replay(
    path: Path, family: Family, demand: Demand, default_route: bool, settings: Settings
) -> list[Moment]:
    """Play a recording to a daemon with the full table, the fixed entries and the first incumbents of
    `demand`. Raises ArmError for a file that is no recording."""
    player = _Player(family, demand, default_route, settings)
    moments = []
    for _, together in groupby(read(path), key=lambda interval: interval.time):
        intervals = list(together)
        # The automatic window follows the samples of the whole switch.
        rate = sum(float(each.samples.sum()) / max(each.seconds, 1e-9) for each in intervals)
        moments += [player.play(each, rate) for each in intervals if each.family is family]
    return moments


class _Player:
    """The daemon, as far as it chooses."""

    def __init__(self, family: Family, demand: Demand, default_route: bool, settings: Settings) -> None:
        self._family = family
        self._demand = demand
        self._default_route = default_route
        self._settings = settings
        self._installed = demand.incumbents
        self._does = flatten(with_fixed(self._installed, demand.fixed))
        self._meter = BlockMeter(demand.table.runs.bits, settings.window)
        self._divided = _divided(demand.table.routes)
        self._prices: Sequence[float] | None = None
        self._chosen: float | None = None

    def play(self, interval: Interval, rate: float) -> Moment:
        """One interval, and the choice after it if one is due."""
        wanted = self._demand.table.runs.hop(interval.keys)
        done = self._does.hop(interval.keys)
        right, wrong = done == wanted, (done != wanted) & (done != DEFAULT)
        self._meter.add(
            interval.keys,
            interval.octets,
            interval.packets,
            interval.samples,
            self._fine(interval.keys),
            rate,
            interval.time,
        )
        changes = self._choose() if self._due(interval) else 0
        return Moment(
            time=interval.time,
            seconds=interval.seconds,
            octets=float(interval.octets.sum()),
            right=float(interval.octets[right].sum()),
            wrong=float(interval.octets[wrong].sum()),
            entries=len(self._installed),
            changes=changes,
        )

    def _due(self, interval: Interval) -> bool:
        """Is it time to choose?"""
        elapsed = interval.time - self._chosen if self._chosen is not None else -1.0
        # Recorded times are never quite a whole interval apart; where a clock went back, it is time again.
        due = not 0.0 <= elapsed <= self._settings.interval - interval.seconds / 2.0
        if due:
            self._chosen = interval.time
        return due

    def _choose(self) -> int:
        """Choose anew; how many entries have changed."""
        if not self._default_route:
            return 0
        settings, before = self._settings, self._installed
        demand = replace(
            self._demand, keys=self._meter.keys(), weights=self._meter.octets(), incumbents=before
        )
        choice = choose(
            settings.strategy,
            {self._family: demand},
            [pool(self._family, settings.capacity)],
            discount=settings.discount,
            prices=self._prices,
        )
        self._prices = choice.prices
        self._installed = choice.tables[self._family]
        self._does = flatten(with_fixed(self._installed, demand.fixed))
        return _changes(before, self._installed)

    def _fine(self, keys: Keys) -> NDArray[np.bool_]:
        """Which addresses lie in blocks that the full table divides."""
        blocks = block_keys(keys, None, self._demand.table.runs.bits)
        return np.isin(blocks, self._divided)


def _divided(routes: HopTable) -> Keys:
    """The blocks with routes longer than a block."""
    longer = routes.lengths > BLOCK_LENGTH[routes.bits]
    return np.unique(block_keys(routes.starts[longer], None, routes.bits))


def _changes(old: HopTable, new: HopTable) -> int:
    """Announcements and withdrawals from one table to another."""
    row = old.find(new.starts, new.lengths)
    kept = np.flatnonzero(row >= 0)
    moved = int((old.hops[row[kept]] != new.hops[kept]).sum())
    return (len(old) - len(kept)) + (len(new) - len(kept)) + moved


# --- what came of it ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Score:
    """Some moments together. Shares are of the octets, None without any."""

    seconds: float
    coverage: float | None
    misforwarded_share: float | None
    changes_per_second: float


def score(moments: Sequence[Moment]) -> Score:
    octets = sum(moment.octets for moment in moments)
    seconds = sum(moment.seconds for moment in moments)
    return Score(
        seconds=seconds,
        coverage=sum(moment.right for moment in moments) / octets if octets else None,
        misforwarded_share=sum(moment.wrong for moment in moments) / octets if octets else None,
        changes_per_second=sum(moment.changes for moment in moments) / seconds if seconds else 0.0,
    )
