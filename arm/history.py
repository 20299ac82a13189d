"""Figures over time: rings of buckets, each ring coarser and longer than the one before. Pure.

| span | buckets         | what a bucket holds of each figure                 |
|------|-----------------|----------------------------------------------------|
| 5m   | 300 of 1 s      | mean, lowest and highest of what was added in it,  |
| 1h   | 240 of 15 s     | and of how many; none is a gap                     |
| 1d   | 288 of 5 min    |                                                    |
| 1w   | 336 of 30 min   |                                                    |

A bucket belongs to fixed Unix time (its number is the time divided by its length) and lies at its number
modulo the ring's size. Each place remembers the number of its bucket, so that nothing has to be cleared when
time passes without figures, and no leap of the clock can put old figures in a new place: ahead, it spoils
only what is written meanwhile; back, what then lies in the future is forgotten, and the past stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Figures = NDArray[np.float64]

GREATEST = 3e38  # what is beyond a 4 octet float, or no number at all, is no figure
NEVER = -(1 << 62)  # the number of a bucket that holds nothing
LATEST = 1 << 40  # seconds; no clock is right that is beyond


@dataclass(frozen=True, slots=True)
class Span:
    """One ring: `size` buckets of `step` seconds."""

    name: str
    step: int
    size: int


SPANS = (Span("5m", 1, 300), Span("1h", 15, 240), Span("1d", 300, 288), Span("1w", 1800, 336))


@dataclass(frozen=True, slots=True)
class Columns:
    """The buckets of a span up to the latest, without a hole: a gap is NaN. Three rows for each name."""

    step: int  # seconds
    starts: Numbers  # Unix seconds at which each bucket begins, ascending; empty if nothing was ever added
    mean: dict[str, Figures]
    low: dict[str, Figures]
    high: dict[str, Figures]


class Ring:
    """The buckets of one span. Arrays are (figures, places), `numbers` (places,)."""

    def __init__(self, span: Span, figures: int) -> None:
        self.span = span
        self.numbers: Numbers = np.full(span.size, NEVER, np.int64)
        self.counts: Numbers = np.zeros((figures, span.size), np.int64)
        self.totals: Figures = np.zeros((figures, span.size))
        self.lows: Figures = np.full((figures, span.size), np.inf)
        self.highs: Figures = np.full((figures, span.size), -np.inf)

    @property
    def newest(self) -> int:
        """The number of the latest bucket, or NEVER."""
        return int(self.numbers.max())

    def add(self, second: int, rows: NDArray[np.intp], values: Figures) -> None:
        """`values` (k,) of the figures `rows` (k,)."""
        number = second // self.span.step
        if number < self.newest:
            self._forget(self.numbers > number)
        place = number % self.span.size
        if self.numbers[place] != number:
            self._forget(place)
            self.numbers[place] = number
        self.counts[rows, place] += 1
        self.totals[rows, place] += values
        self.lows[rows, place] = np.minimum(self.lows[rows, place], values)
        self.highs[rows, place] = np.maximum(self.highs[rows, place], values)

    def _forget(self, places: NDArray[np.bool_] | int) -> None:
        self.numbers[places] = NEVER
        self.counts[:, places], self.totals[:, places] = 0, 0.0
        self.lows[:, places], self.highs[:, places] = np.inf, -np.inf

    def window(self) -> tuple[Numbers, NDArray[np.bool_]]:
        """The numbers of the ring's span up to the latest bucket, and which of them hold something."""
        numbers = np.arange(self.newest - self.span.size + 1, self.newest + 1)
        return numbers, self.numbers[numbers % self.span.size] == numbers

    def figures(self, row: int) -> tuple[Figures, Figures, Figures]:
        """Mean, lowest and highest of one figure, in the order of `window`."""
        numbers, held = self.window()
        places = numbers % self.span.size
        counts = np.where(held, self.counts[row, places], 0)
        known = counts > 0
        low = np.where(known, self.lows[row, places], np.nan)
        high = np.where(known, self.highs[row, places], np.nan)
        mean = np.where(known, self.totals[row, places] / np.maximum(counts, 1), np.nan)
        # The mean of equal figures is that figure, whatever adding them up has lost.
        return np.clip(mean, low, high), low, high


class History:
    """All rings of the figures `names`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._rows = {name: row for row, name in enumerate(self.names)}
        if len(self._rows) != len(self.names):
            raise ValueError("a figure has two rows")
        self.rings = {span.name: Ring(span, len(self.names)) for span in SPANS}

    def add(self, now: float, values: Mapping[str, float | None]) -> None:
        """The figures at `now` (Unix seconds). None, what is no number and what is missing leave a gap; names
        that are not kept are passed over."""
        if not 0 <= now < LATEST:
            return
        rows, figures = [], []
        for name, value in values.items():
            if value is not None and name in self._rows and abs(value) <= GREATEST:
                rows.append(self._rows[name])
                figures.append(float(value))
        for ring in self.rings.values():
            ring.add(int(now), np.array(rows, np.intp), np.array(figures, np.float64))

    def read(self, span: str, names: Sequence[str] | None = None) -> Columns:
        """The buckets of a span, of some figures or all. KeyError for a span or figure that there is not."""
        ring = self.rings[span]
        rows = {name: self._rows[name] for name in (self.names if names is None else names)}
        if ring.newest == NEVER:
            nothing = {name: np.empty(0) for name in rows}
            return Columns(ring.span.step, np.empty(0, np.int64), nothing, nothing, nothing)
        found = {name: ring.figures(row) for name, row in rows.items()}
        mean, low, high = ({name: each[part] for name, each in found.items()} for part in range(3))
        return Columns(ring.span.step, ring.window()[0] * ring.span.step, mean, low, high)
