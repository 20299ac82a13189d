"""The route table of the page: made when somebody looks at it, not every second for nobody. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar, overload

import numpy as np

from arm.family import FamilyLoop
from arm.model import Family, Prefix
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import Keys
from arm.rib.prefixmap import text
from arm.traffic.blocks import Weights

_Row = TypeVar("_Row")


class Rows(Sequence[_Row], Generic[_Row]):
    """Rows that the first look at them makes, in the looking thread: 100,000 take tenths of a second."""

    def __init__(self, make: Callable[[], list[_Row]]) -> None:
        self._make: Callable[[], list[_Row]] | None = make
        self._rows: list[_Row] = []
        self._lock = Lock()

    def _made(self) -> list[_Row]:
        with self._lock:
            if self._make is not None:
                self._rows, self._make = self._make(), None
            return self._rows

    def __len__(self) -> int:
        return len(self._made())

    def __iter__(self) -> Iterator[_Row]:
        return iter(self._made())

    @overload
    def __getitem__(self, index: int) -> _Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_Row]: ...
    def __getitem__(self, index: int | slice) -> _Row | Sequence[_Row]:
        return self._made()[index]


@dataclass(frozen=True, slots=True)
class Carried:
    """What blocks of addresses `keys` carry, and the table at the same moment; columns of shape (n,).

    Not what a choice made of it: there packets may count, and some next hops more than others.
    """

    family: Family
    keys: Keys
    bits: Weights  # per second
    packets: Weights  # per second
    table: FullTable

    @staticmethod
    def of(loop: FamilyLoop) -> Carried:
        """Now. The arrays stay as they are while the measuring goes on."""
        meter = loop.meter
        bits, packets = meter.rate_of(meter.octets()) * 8, meter.rate_of(meter.packets())
        return Carried(loop.family, meter.keys(), bits, packets, loop.full)

    def rates(self) -> dict[Prefix, tuple[float, float]]:
        """Bits and packets per second of each prefix that is some address's longest match."""
        owners = self.table.owner(self.keys)
        owned = owners >= 0
        rows, group = np.unique(owners[owned], return_inverse=True)
        bits = np.bincount(group, self.bits[owned], len(rows)).tolist()
        packets = np.bincount(group, self.packets[owned], len(rows)).tolist()
        routes = self.table.routes.take(rows)
        dropped = self.family.bits - routes.bits
        places = zip(routes.starts.tolist(), routes.lengths.tolist(), strict=True)
        prefixes = (text(self.family, start << dropped, length) for start, length in places)
        return dict(zip(prefixes, zip(bits, packets, strict=True), strict=True))
