"""Who had how much of the traffic over time: rings of buckets with the largest names and the total. Pure.

Names come and go, so that each bucket has its own. The rings, and what becomes of them when the clock leaps,
are those of history.py. While a bucket is filled it adds up more names than it keeps in the end: who is
largest over half an hour may not have been so in each second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from arm.history import GREATEST, LATEST, NEVER, SPANS, Figures, Numbers, Span
from arm.model import TRAFFIC_BY, Family, Ranking

SHOWN = 10  # names of an answer
KEPT = 15  # of a bucket: who is tenth over an hour is not among the first ten in each second of it
FILLING = 100  # names of a bucket that is being filled
NOBODY = -1  # in place of a name's number
OTHER = "other"

SERIES = tuple((family, by) for family in Family for by in TRAFFIC_BY)
Series = tuple[Family, str]


@dataclass(frozen=True, slots=True)
class Split:
    """The buckets of a span up to the latest, without a hole: a gap is NaN, who was not among the largest had
    0. The largest of the whole span first, OTHER last; together they are the total."""

    step: int  # seconds
    starts: Numbers  # Unix seconds at which each bucket begins, ascending; empty if nothing was ever added
    parts: tuple[tuple[str, Figures], ...]  # bits per second


class NameRing:
    """The buckets of one span. Arrays are (places,) and (places, KEPT); names by number."""

    def __init__(self, span: Span) -> None:
        self.span = span
        self.numbers: Numbers = np.full(span.size, NEVER, np.int64)
        self.counts: Numbers = np.zeros(span.size, np.int64)
        self.totals: Figures = np.zeros(span.size)
        self.who: NDArray[np.int32] = np.full((span.size, KEPT), NOBODY, np.int32)
        self.sums: Figures = np.zeros((span.size, KEPT))
        self.filling: int | None = None  # the number of the bucket that `held` is of
        self.held: dict[str, float] = {}

    @property
    def newest(self) -> int:
        """The number of the latest bucket, or NEVER."""
        return int(self.numbers.max())

    def clear(self, places: NDArray[np.bool_] | int) -> None:
        """Forget what is there."""
        self.numbers[places], self.counts[places], self.totals[places] = NEVER, 0, 0.0
        self.who[places], self.sums[places] = NOBODY, 0.0


class Names:
    """All rings of one series, and its names by number."""

    def __init__(self) -> None:
        self.rings = {span.name: NameRing(span) for span in SPANS}
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, second: int, ranking: Ranking) -> None:
        """What was the largest at a Unix second."""
        for ring in self.rings.values():
            number = second // ring.span.step
            if number != ring.filling:
                self._fill(ring, number)
            held, place = ring.held, number % ring.span.size
            for name, rate in zip(ranking.names, ranking.rates, strict=True):
                held[name] = held.get(name, 0.0) + rate
            if len(held) > FILLING:
                ring.held = dict(_first(held, FILLING // 2))
            ring.counts[place] += 1
            ring.totals[place] += ranking.total

    def _fill(self, ring: NameRing, number: int) -> None:
        """Begin a bucket, or go on with one if the clock was set back to it."""
        self._settle(ring)
        place = number % ring.span.size
        if number < ring.newest:
            ring.clear(ring.numbers > number)
        if ring.numbers[place] != number:
            ring.clear(place)
            ring.numbers[place] = number
        known = ring.who[place] != NOBODY
        rows = zip(ring.who[place][known].tolist(), ring.sums[place][known].tolist(), strict=True)
        ring.filling, ring.held = number, {self.names[who]: size for who, size in rows}

    def _settle(self, ring: NameRing) -> None:
        """Write down what the bucket that is being filled has now."""
        if ring.filling is None:
            return
        place = ring.filling % ring.span.size
        ring.who[place], ring.sums[place] = NOBODY, 0.0
        for column, (name, size) in enumerate(_first(ring.held, KEPT)):
            ring.who[place, column], ring.sums[place, column] = self._number(name), size

    def settle(self) -> None:
        """Bring the arrays up to date, and forget names that are in none."""
        for ring in self.rings.values():
            self._settle(ring)
        used = np.unique(np.concatenate([ring.who.ravel() for ring in self.rings.values()]))
        used = used[used != NOBODY]
        if len(used) < len(self.names):
            for ring in self.rings.values():
                known = ring.who != NOBODY
                ring.who[known] = np.searchsorted(used, ring.who[known])
            self.load([self.names[number] for number in used.tolist()])

    def load(self, names: list[str]) -> None:
        """The names that numbers stand for from now on."""
        self.names, self._numbers = names, {name: number for number, name in enumerate(names)}

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def read(self, span: str) -> Split:
        """KeyError for a span that there is not."""
        ring = self.rings[span]
        if ring.newest == NEVER:
            return Split(ring.span.step, np.empty(0, np.int64), ())
        self.settle()
        numbers = np.arange(ring.newest - ring.span.size + 1, ring.newest + 1)
        places = numbers % ring.span.size
        counts = np.where(ring.numbers[places] == numbers, ring.counts[places], 0)
        held = np.flatnonzero(counts)
        totals = np.full(len(numbers), np.nan)
        totals[held] = ring.totals[places[held]] / counts[held]
        who, rates = ring.who[places[held]], ring.sums[places[held]] / counts[held][:, None]
        known = who != NOBODY
        sums = np.bincount(who[known], rates[known], len(self.names))
        largest = [int(number) for number in np.argsort(-sums, kind="stable")[:SHOWN] if sums[number] > 0.0]
        parts = []
        for number in largest:
            values = np.full(len(numbers), np.nan)
            values[held] = np.where(who == number, rates, 0.0).sum(axis=1)
            parts.append((self.names[number], values))
        rest = totals - sum((values for _, values in parts), np.zeros(len(numbers)))
        parts.append((OTHER, np.maximum(rest, 0.0)))
        return Split(ring.span.step, numbers * ring.span.step, tuple(parts))


class Shares:
    """All series."""

    def __init__(self) -> None:
        self.series: dict[Series, Names] = {series: Names() for series in SERIES}

    def add(self, now: float, rankings: Mapping[Family, Mapping[str, Ranking]]) -> None:
        """The largest at `now` (Unix seconds). What is missing leaves a gap."""
        if not 0 <= now < LATEST:
            return
        for family, each in rankings.items():
            for by, ranking in each.items():
                if ranking.total <= GREATEST:
                    self.series[family, by].add(int(now), ranking)

    def read(self, family: Family, by: str, span: str) -> Split:
        """KeyError for what there is not."""
        return self.series[family, by].read(span)


def _first(held: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """The largest, of equal ones the first by name."""
    return nlargest(count, sorted(held.items()), key=lambda item: item[1])
