"""A table of routes that keeps the same routes as arrays beside it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set

import numpy as np

from arm.model import BgpPath, Family, Prefix, Route
from arm.rib.columnstore import ColumnStore
from arm.rib.fulltable import GONE, RouteIndex
from arm.rib.hops import RAW_MIXED
from arm.rib.hoptable import HopTable, Keys, key_bits, last
from arm.rib.prefixmap import key, prefix_columns, text
from arm.rib.table import RouteTable

_FEW, _CROWD = 64, 4096  # so few prefixes, in one with fewer routes, are quicker looked up one by one
_PIECE = 2048  # prefixes numbered in one go while a table is being learned: some 10 ms

Number = Callable[[Prefix, Route | None], int]


class IndexedTable(RouteTable):
    """Routes, and by number the same in `index`, which is brought up to date by `settle`.

    While a table is being learned nobody asks for its index. Until then its routes are numbered piece by
    piece as they come, and put in order when somebody does ask.
    """

    def __init__(self, family: Family) -> None:
        self._routes = ColumnStore(family)
        super().__init__(family, self._routes)
        self._index = RouteIndex(key_bits(family))
        self._asked = False  # for the index
        self._number: Number | None = None
        self._numbered: list[HopTable] = []  # what the index does not have yet
        # With the path that a prefix was announced with; None: to be looked up.
        self._unsettled: dict[Prefix, BgpPath | None] = {}
        self._long: dict[int, set[Prefix]] = {}  # key → prefixes that are longer than a key

    def announce(self, path: BgpPath, prefixes: Sequence[Prefix]) -> None:
        """See `RouteTable`."""
        super().announce(path, prefixes)
        self._unsettled.update(dict.fromkeys(prefixes, path))
        self._unsettled.pop(self.family.default, None)
        if not self._asked and self._number is not None and len(self._unsettled) >= _PIECE:
            self._settle_some(self._number, _PIECE)

    @property
    def index(self) -> RouteIndex:
        """The routes as arrays, as they were when settled last."""
        while not self._asked and self._number is not None and self._unsettled:
            self._settle_some(self._number, _PIECE)
        self._asked = True
        if self._numbered:
            self._index.update(_latest(self._numbered))
            self._numbered = []
        return self._index

    @property
    def octets(self) -> int:
        """In memory: routes and index, without the paths, which are shared."""
        with self._lock:
            return self._routes.octets + self._index.octets

    @property
    def indexed(self) -> bool:
        """Is there an index to ask, or would the first question have to wait until it is made?"""
        return self._asked

    def index_beside(self) -> Callable[[], RouteIndex]:
        """What makes the first index of all that has been numbered so far, in another thread: a second for a
        million routes. Its result is for `take_index`; what changes meanwhile is kept until then."""
        numbered, bits, self._numbered = self._numbered, self._index.bits, []

        def make() -> RouteIndex:
            index = RouteIndex(bits)
            if numbered:
                latest = _latest(numbered)
                index.load(latest.take(latest.hops != GONE))
            return index

        return make

    def take_index(self, index: RouteIndex) -> None:
        """Of this table, made by what `index_beside` gave; nobody has asked for it in between."""
        self._index, self._asked = index, True

    def remove(self, prefix: Prefix) -> None:
        """See `RouteTable`."""
        super().remove(prefix)
        self._unsettled.pop(prefix, None)
        self.touch(prefix)

    def gaps(self, prefix: Prefix, places: Sequence[Prefix]) -> list[Prefix]:
        """See `RouteTable`."""
        few = len(places) < _FEW and self.crowd(prefix) < _CROWD
        if few or len(self._unsettled) > _CROWD:
            return super().gaps(prefix, places)
        length = key(prefix)[1]
        firsts, lasts = self._columns(places)
        found = self.index.gaps(*self._keys(prefix), length, firsts, lasts)
        # There may be one also where the index does not know: what changed since, what is longer than a key.
        changed = [each for each in self._unsettled if key(each)[1] > length]
        blocks = np.fromiter(self._long, np.uint64, len(self._long))
        begun, over = (np.sort(np.concatenate((column, blocks))) for column in self._columns(changed))
        found |= np.searchsorted(begun, lasts, "right") > np.searchsorted(over, firsts, "left")
        return [places[row] for row in np.flatnonzero(found).tolist()]

    def _columns(self, prefixes: Sequence[Prefix]) -> tuple[Keys, Keys]:
        """First and last keys."""
        starts, lengths = prefix_columns(self.family, prefixes)
        return starts, last(starts, np.minimum(lengths, self._index.bits).astype(np.int8), self._index.bits)

    def _keys(self, prefix: Prefix) -> tuple[int, int]:
        """First and last key that a prefix has addresses of."""
        start, length = key(prefix)
        last = start + (1 << (self.family.bits - length)) - 1
        dropped = self.family.bits - self._index.bits
        return start >> dropped, last >> dropped

    def touch(self, prefix: Prefix) -> None:
        """Let `settle` look at a prefix again, because something else about it changed."""
        if prefix != self.family.default:
            self._unsettled.setdefault(prefix, None)

    def settle(self, number: Number) -> int:
        """Bring `index` up to date; returns the number of prefixes that had changed.

        `number` gives the raw next hop of a prefix and its route, if it has one; GONE takes it out.
        """
        self._number = number
        return self._settle_some(number, len(self._unsettled) if self._asked else _PIECE)

    def settling(self, number: Number) -> Iterator[None]:
        """The same in pieces of some 30 ms, for all that has changed by now."""
        self._number = number
        for _ in range(len(self._unsettled) // _PIECE if self._asked else 0):
            self._settle_some(number, _PIECE)
            yield
        self._settle_some(number, _PIECE)

    def _settle_some(self, number: Number, most: int) -> int:
        """Number so many of the prefixes that changed."""
        unsettled = self._unsettled
        if len(unsettled) <= most:
            self._unsettled = {}
        else:
            unsettled = dict([unsettled.popitem() for _ in range(most)])
        if not unsettled:
            return 0
        prefixes = list(unsettled)
        starts, lengths = prefix_columns(self.family, prefixes)
        routes = (
            self.get(prefix) if path is None else Route.along(prefix, path)
            for prefix, path in unsettled.items()
        )
        hops = np.fromiter(map(number, prefixes, routes), np.int32, len(prefixes))
        bits = self._index.bits
        blocks = set[int]()
        for row in np.flatnonzero(lengths > bits).tolist():
            start = int(starts[row])
            longer = self._long.setdefault(start, set())
            (longer.discard if hops[row] == GONE else longer.add)(prefixes[row])
            blocks.add(start)
        short = np.flatnonzero(lengths <= bits)
        found = HopTable.sort(bits, starts[short], lengths[short].astype(np.int8), hops[short])
        if blocks or self._long:
            found = self._mixed(found, blocks, number)
        if self._asked and not self._numbered:
            self._index.update(found)
        else:
            self._numbered.append(found)
        return len(prefixes)

    def _mixed(self, found: HopTable, blocks: Set[int], number: Number) -> HopTable:
        """The same changes, and those of blocks with routes longer than a key: of these nothing more can be
        said. `blocks` are those in which such routes have changed."""
        bits = self._index.bits
        rows = {(start, length): hop for start, length, hop in found.rows()}
        for start in blocks:
            if not self._long[start]:
                del self._long[start]
                block = text(self.family, start << (self.family.bits - bits), bits)
                rows[start, bits] = number(block, self.get(block))
        rows |= {(start, bits): RAW_MIXED for start in blocks & self._long.keys()}
        rows |= {at: RAW_MIXED for at in rows if at[1] == bits and at[0] in self._long}
        return HopTable.of(bits, ((*at, hop) for at, hop in rows.items()))


def _latest(tables: Sequence[HopTable]) -> HopTable:
    """All rows as one table; of those with the same prefix the last one counts."""
    if len(tables) == 1:
        return tables[0]
    starts = np.concatenate([table.starts for table in tables])
    lengths = np.concatenate([table.lengths for table in tables])
    order = np.lexsort((lengths, starts))  # stable
    starts, lengths = starts[order], lengths[order]
    final = np.append((starts[1:] != starts[:-1]) | (lengths[1:] != lengths[:-1]), True)
    hops = np.concatenate([table.hops for table in tables])[order]
    return HopTable(tables[0].bits, starts[final], lengths[final], hops[final])
