"""The store for the full table: columns. Pure.

Changes wait until somebody asks. While a table is being learned nobody does, and many at once take less time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter

import numpy as np

from arm.model import BgpPath, Family, Prefix
from arm.rib.columns import SIZE, Columns, Place
from arm.rib.hoptable import ONE, key_bits
from arm.rib.prefixmap import Key, key, prefix_columns, text
from arm.rib.stores import Found

_WAITING = 1024  # changes that wait at the most: putting them in takes some 3 ms
_FEW = 64  # changes up to which one by one is quicker than by arrays


class ColumnStore:
    """See `Store`. IPv6 prefixes of /64 and longer, of which there are few, have columns of their own: so the
    places of all others are 64-bit numbers."""

    def __init__(self, family: Family, size: int = SIZE) -> None:
        self._family, self._width = family, family.bits
        self._bits = min(family.bits, 63)
        self._short = Columns[BgpPath](self._bits, size)
        self._long = Columns[BgpPath](self._width, size)
        self._waiting: dict[Prefix, BgpPath | None] = {}  # None: to be taken out

    def __len__(self) -> int:
        self._settle()
        return len(self._short) + len(self._long)

    @property
    def octets(self) -> int:
        """In memory, without the paths."""
        return self._short.octets + self._long.octets

    def prefixes(self) -> Iterator[Prefix]:
        self._settle()
        known = [(columns.bits, iter(columns)) for columns in (self._short, self._long)]
        return (text(self._family, *self._key(bits, place)) for bits, places in known for place in places)

    def put(self, path: BgpPath, prefixes: Sequence[Prefix]) -> None:
        self._waiting.update(dict.fromkeys(prefixes, path))
        if len(self._waiting) >= _WAITING:
            self._settle()

    def remove(self, prefix: Prefix) -> None:
        self._waiting[prefix] = None

    def get(self, prefix: Prefix) -> BgpPath | None:
        self._settle()
        columns, place = self._at(*key(prefix))
        return columns.get(place)

    def match(self, address: bytes) -> Found | None:
        return self._nearest(int.from_bytes(address, "big"), self._width)

    def nearest(self, prefix: Prefix) -> Found | None:
        return self._nearest(*key(prefix))

    def covering(self, prefix: Prefix) -> Found | None:
        start, length = key(prefix)
        return self._nearest(start, length - 1) if length else None

    def _nearest(self, start: int, length: int) -> Found | None:
        """Of the prefix of that length around an address."""
        self._settle()
        columns, place = self._at(start, length)
        found = columns.nearest(place)
        if found is None and columns is not self._short:
            columns, place = self._at(start, self._bits)
            found = columns.nearest(place)
        if found is None:
            return None
        return text(self._family, *self._key(columns.bits, found[0])), found[1]

    def count(self, prefix: Prefix) -> int:
        self._settle()
        return sum(columns.count(place) for columns, place in self._all_at(*key(prefix)))

    def inside(self, prefix: Prefix) -> list[Found]:
        self._settle()
        found = [
            (*self._key(columns.bits, each), path)
            for columns, place in self._all_at(*key(prefix))
            for each, path in columns.inside(place)
        ]
        found.sort(key=itemgetter(0, 1))
        return [(text(self._family, start, length), path) for start, length, path in found]

    def _settle(self) -> None:
        """Put in what waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        prefixes, paths = list(waiting), list(waiting.values())
        one_by_one = [*range(len(prefixes))]
        if len(prefixes) > _FEW:
            starts, lengths = prefix_columns(self._family, prefixes)
            rows = np.flatnonzero(lengths <= self._bits)
            places = starts[rows] << np.uint64(self._bits + 1 - key_bits(self._family))
            places |= ONE << (self._bits - lengths[rows]).astype(np.uint64)
            order = np.argsort(places)  # what is near has just been touched
            for place, row in zip(places[order].tolist(), rows[order].tolist(), strict=True):
                _change(self._short, place, paths[row])
            one_by_one = np.flatnonzero(lengths > self._bits).tolist()
        for row in one_by_one:
            _change(*self._at(*key(prefixes[row])), paths[row])

    def _at(self, start: int, length: int) -> tuple[Columns[BgpPath], Place]:
        """Where the prefix of that length around an address is, if it is there."""
        columns = self._short if length <= self._bits else self._long
        return columns, self._place(columns, start, length)

    def _all_at(self, start: int, length: int) -> list[tuple[Columns[BgpPath], Place]]:
        """Where that prefix and all that is inside of it is."""
        found = [self._at(start, length)]
        if found[0][0] is self._short and len(self._long):
            found.append((self._long, self._place(self._long, start, length)))
        return found

    def _place(self, columns: Columns[BgpPath], start: int, length: int) -> Place:
        return (start >> (self._width - length) << 1 | 1) << (columns.bits - length)

    def _key(self, bits: int, place: Place) -> Key:
        """What has this place in columns for so many bits."""
        half = place & -place
        return (place ^ half) >> 1 << (self._width - bits), bits + 1 - half.bit_length()


def _change(columns: Columns[BgpPath], place: Place, path: BgpPath | None) -> None:
    if path is None:
        columns.remove(place)
    else:
        columns.put(place, path)
