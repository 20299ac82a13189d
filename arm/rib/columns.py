"""Values by prefix in columns: some 18 octets a prefix, where a tree takes 150. Pure.

A prefix is one number, its place: its bits, then a 1, then zeros; one bit more than an address has. So places
in ascending order are the address space from left to right, with each prefix in the middle of what is inside
of it: with its lowest 1 as its half, these are the places less than half a prefix away, on both sides.

The columns are cut into blocks, which are found by their borders: a change moves a part of one block only.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, MutableSequence
from sys import getsizeof
from typing import Generic, TypeVar

Value = TypeVar("Value")
Place = int

SIZE = 512  # prefixes in a block at the most


class Columns(Generic[Value]):
    """Values by the places of prefixes, for addresses of so many `bits`. No value is None."""

    def __init__(self, bits: int, size: int = SIZE) -> None:
        self.bits = bits
        self._size = size
        self._borders: list[Place] = [0]  # no place of a block is less than its border
        empty: MutableSequence[Place] = array("Q") if bits < 64 else []  # by the bits that a place has
        self._places: list[MutableSequence[Place]] = [empty]
        self._values: list[list[Value]] = [[]]
        self._halves = 0  # all that there have ever been: which lengths to look for
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def octets(self) -> int:
        """In memory, without the values themselves."""
        parts = (self._borders, self._places, self._values, *self._places, *self._values)
        return sum(map(getsizeof, parts))

    def __iter__(self) -> Iterator[Place]:
        """Ascending. The columns may change meanwhile: whoever asks gets what there is now."""
        known = [places[:] for places in self._places]
        return (place for places in known for place in places)

    def get(self, place: Place) -> Value | None:
        """The value of exactly this prefix."""
        block = bisect_right(self._borders, place) - 1
        places = self._places[block]
        at = bisect_left(places, place)
        return self._values[block][at] if at < len(places) and places[at] == place else None

    def put(self, place: Place, value: Value) -> None:
        """Add a prefix, or give it another value."""
        block = bisect_right(self._borders, place) - 1
        places, values = self._places[block], self._values[block]
        at = bisect_left(places, place)
        if at < len(places) and places[at] == place:
            values[at] = value
            return
        places.insert(at, place)
        values.insert(at, value)
        self._halves |= place & -place
        self._count += 1
        if len(places) > self._size:
            self._split(block)

    def _split(self, block: int) -> None:
        places, values, half = self._places[block], self._values[block], self._size // 2
        self._borders.insert(block + 1, places[half])
        self._places[block : block + 1] = [places[:half], places[half:]]
        self._values[block : block + 1] = [values[:half], values[half:]]

    def remove(self, place: Place) -> None:
        """Take a prefix out; nothing happens if it is not there."""
        block = bisect_right(self._borders, place) - 1
        places, values = self._places[block], self._values[block]
        at = bisect_left(places, place)
        if at < len(places) and places[at] == place:
            del places[at], values[at]
            self._count -= 1
            if not places and len(self._places) > 1:
                del self._borders[block], self._places[block], self._values[block]
                self._borders[0] = 0

    def nearest(self, place: Place) -> tuple[Place, Value] | None:
        """The prefix itself, or else the longest that covers it, with its value."""
        left = self._halves & -(place & -place)  # halves of those to look for
        while left:
            half = left & -left
            around = place & -half | half
            value = self.get(around)
            if value is not None:
                return around, value
            left -= half
        return None

    def count(self, place: Place) -> int:
        """How many are at or inside of a prefix."""
        first, behind, at, upto = self._range(place)
        if first == behind:
            return upto - at
        return sum(map(len, self._places[first:behind])) - at + upto

    def inside(self, place: Place) -> list[tuple[Place, Value]]:
        """All that are at or inside of a prefix, ascending."""
        first, behind, at, upto = self._range(place)
        if first == behind:
            return [*zip(self._places[first][at:upto], self._values[first][at:upto], strict=True)]
        found = [*zip(self._places[first][at:], self._values[first][at:], strict=True)]
        for block in range(first + 1, behind):
            found += zip(self._places[block], self._values[block], strict=True)
        found += zip(self._places[behind][:upto], self._values[behind][:upto], strict=True)
        return found

    def _range(self, place: Place) -> tuple[int, int, int, int]:
        """The blocks that have the first and the last place inside of a prefix, where it begins in the one
        and how far it goes in the other."""
        half = place & -place
        first = bisect_right(self._borders, place - half) - 1
        behind = bisect_left(self._borders, place + half) - 1
        return (
            first,
            behind,
            bisect_right(self._places[first], place - half),
            bisect_left(self._places[behind], place + half),
        )
