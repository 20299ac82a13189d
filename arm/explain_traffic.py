"""What was measured to some addresses, and how well that is known. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.family import FamilyLoop
from arm.model import Family, Prefix
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import HopTable, Keys, key_bits
from arm.rib.prefixmap import key, text
from arm.traffic.blocks import BLOCK_LENGTH, Weights

CONFIDENCE = 1.96  # standard deviations either side: 95 %


@dataclass(frozen=True, slots=True)
class Measured:
    """Traffic to some addresses, remembered with decay."""

    bits_per_second: float
    error: float  # half-width of its 95 % sampling interval, packets taken as equally long
    packets_per_second: float
    samples: float  # aged, so that this is no whole number
    weight: float  # per second, as the choice counts: selection.weight and factors
    blocks: int  # that had a sample lately


@dataclass(frozen=True, slots=True)
class Columns:
    """One family's blocks at one moment; columns of shape (n,), aged sums."""

    keys: Keys
    octets: Weights
    packets: Weights
    samples: Weights
    weights: Weights
    observed: float  # age-weighted seconds
    spread: float  # what the squares of the samples' ages add up to, against the ages themselves
    minimum: float  # per second: a prefix that is worth less is not installed
    pins: HopTable

    @staticmethod
    def of(loop: FamilyLoop) -> Columns:
        """Now. The arrays stay as they are while the measuring goes on."""
        meter = loop.meter
        demand = loop.demand(HopTable.of(key_bits(loop.family), ()))
        return Columns(
            meter.keys(),
            meter.octets(),
            meter.packets(),
            meter.samples(),
            demand.weights,
            meter.observed,
            # Samples aged by e^(-t/window) over a time T: the sums of ages and of their squares are integrals
            # whose quotient is (1 + e^(-T/window)) / 2, and e^(-T/window) is 1 - observed / window.
            1.0 - min(1.0, meter.observed / meter.window) / 2.0,
            demand.minimum / meter.observed if meter.observed > 0.0 else 0.0,
            demand.pins,
        )

    def between(self, first: int, last: int) -> Measured:
        """The blocks whose keys are in a range, both ends included."""
        return self._sum(self._rows(first, last))

    def of_route(self, table: FullTable, span: tuple[int, int], length: int) -> Measured:
        """The blocks of which the route that begins and ends there, of that length, is the longest match."""
        rows = self._rows(*span)
        own = table.owners[np.searchsorted(table.starts, self.keys[rows], "right") - 1] == length
        return self._sum(rows[own])

    def _rows(self, first: int, last: int) -> NDArray[np.intp]:
        begin = np.searchsorted(self.keys, np.uint64(first))
        return np.arange(begin, np.searchsorted(self.keys, np.uint64(last), "right"))

    def _sum(self, rows: NDArray[np.intp]) -> Measured:
        columns = (self.octets, self.packets, self.samples, self.weights)
        octets, packets, samples, weight = (float(column[rows].sum()) for column in columns)
        seconds = self.observed if self.observed > 0.0 else math.inf
        bits = octets * 8 / seconds
        error = CONFIDENCE * bits * math.sqrt(self.spread / samples) if samples > 0.0 else 0.0
        return Measured(bits, error, packets / seconds, samples, weight / seconds, len(rows))


def block_around(routes: HopTable, family: Family, asked: Prefix) -> Prefix | None:
    """The block of addresses whose traffic is remembered as one, if `asked` is in one: where the table has
    routes longer than a block, an address as far as keys tell."""
    bits, dropped = key_bits(family), family.bits - key_bits(family)
    start, length = key(asked)
    size = BLOCK_LENGTH[bits]
    if length < size:
        return None
    low = family.bits - size
    first = start >> low << low
    begin = int(np.searchsorted(routes.starts, np.uint64(first >> dropped)))
    behind = int(np.searchsorted(routes.starts, np.uint64(first + (1 << low) - 1 >> dropped), "right"))
    if not (routes.lengths[begin:behind] > size).any():
        return text(family, first, size)
    return text(family, start >> dropped << dropped, bits) if length >= bits else None
