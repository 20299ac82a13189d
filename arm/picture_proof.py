"""Proof of what is installed: the kernel's table against the full table, address by address. Pure.

The full table changes first and the kernel follows within a moment, so an address that goes the wrong way may
be on its way. One that two looks in a row find is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, summarize_address_range

import numpy as np

from arm.model import Family
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import HopTable, Runs, key_bits
from arm.rib.paint import spread
from arm.selection.check import Wrong, misforwarded

LOOK = 3.0  # seconds between two looks: a route change may take 2 to the kernel


@dataclass(frozen=True, slots=True)
class Proven:
    """What the last look found. `addresses` (IPv6: /64 networks) go neither where the full table says nor to
    the default; of them `lasting` did so at the look before as well."""

    addresses: int
    lasting: Wrong


class Proof:
    """One family's looks."""

    def __init__(self) -> None:
        self._looked: float | None = None
        self._seen: tuple[Runs, Runs] | None = None
        self._picture: FullTable | None = None  # of the last look
        self._wrong = _nothing()
        self._proven = Proven(0, _nothing())

    def look(self, installed: FullTable, full: FullTable, fixed: HopTable, now: float) -> Proven:
        """What is known at `now`, from a new look if the last one is long enough ago.

        Both tables have their next hops numbered alike. `fixed` entries are in both.
        """
        tables = installed.runs, full.runs
        if self._picture is full or (self._looked is not None and now - self._looked < LOOK):
            return self._proven  # nobody has looked at the tables anew
        self._looked, self._picture = now, full
        before = self._wrong
        if self._seen is None or not all(map(_same, self._seen, tables)):
            self._wrong = misforwarded(installed.routes, full, fixed)
        self._seen = tables
        self._proven = Proven(self._wrong.keys, common(before, self._wrong))
        return self._proven


def _same(one: Runs, other: Runs) -> bool:
    """Comparing is a fortieth of the work of looking."""
    return np.array_equal(one.starts, other.starts) and np.array_equal(one.hops, other.hops)


def _nothing() -> Wrong:
    return Wrong(np.empty(0, np.uint64), np.empty(0, np.uint64))


def common(one: Wrong, other: Wrong) -> Wrong:
    """The addresses in both; the ranges of each ascending and disjoint."""
    begin = np.searchsorted(one.lasts, other.firsts, "left")
    behind = np.searchsorted(one.firsts, other.lasts, "right")
    mine = spread(begin, behind)
    others = np.repeat(np.arange(len(other)), behind - begin)
    return Wrong(
        np.maximum(one.firsts[mine], other.firsts[others]), np.minimum(one.lasts[mine], other.lasts[others])
    )


def example(family: Family, wrong: Wrong) -> str:
    """A prefix inside the largest range, to ask BIRD and the kernel about; ValueError if there is none."""
    row = int(np.argmax(wrong.lasts - wrong.firsts))
    dropped = family.bits - key_bits(family)
    first = int(wrong.firsts[row]) << dropped
    last = ((int(wrong.lasts[row]) + 1) << dropped) - 1
    ends = ip_address(first.to_bytes(family.bits // 8)), ip_address(last.to_bytes(family.bits // 8))
    networks: Iterator[object] = summarize_address_range(*ends)
    return str(next(networks))
