"""Values by prefix, with what lies inside a prefix and what covers it. Pure.

For tables of some ten thousand entries that change one at a time: what BIRD has been told. The full table is
in table.py. Prefixes are compared as integers of the family's full width, so nothing is rounded to /64.
"""

from __future__ import annotations

import socket
from bisect import bisect_left, insort
from collections.abc import ItemsView, Iterator, KeysView, Mapping, MutableMapping, Sequence, ValuesView
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from arm.model import Family, Prefix
from arm.rib.hoptable import Keys, key_bits

Value = TypeVar("Value")
Key = tuple[int, int]  # first address as an integer, prefix length: sorts a prefix before what is inside it


@lru_cache(maxsize=65536)
def key(prefix: Prefix) -> Key:
    """First address and length of a canonical prefix."""
    address, _, length = prefix.partition("/")
    return int.from_bytes(socket.inet_pton(Family.of(prefix).af, address), "big"), int(length)


def text(family: Family, start: int, length: int) -> Prefix:
    """The canonical text of a prefix."""
    return Prefix(f"{socket.inet_ntop(family.af, start.to_bytes(family.bits // 8, 'big'))}/{length}")


def prefix_columns(family: Family, prefixes: Sequence[Prefix]) -> tuple[Keys, NDArray[np.int16]]:
    """First keys and lengths of many prefixes; shape (n,)."""
    af, width = family.af, key_bits(family)
    packed = b"".join([socket.inet_pton(af, prefix[: prefix.index("/")]) for prefix in prefixes])
    words = np.frombuffer(packed, f">u{width // 8}")[:: family.bits // width]
    lengths = np.array([int(prefix[prefix.index("/") + 1 :]) for prefix in prefixes], np.int16)
    return words.astype(np.uint64), lengths


class PrefixMap(MutableMapping[Prefix, Value]):
    """A dictionary of one family's prefixes that knows how they nest. Iterates in no particular order."""

    def __init__(self, family: Family, values: Mapping[Prefix, Value] | None = None) -> None:
        self.family = family
        self._values: dict[Prefix, Value] = {} if values is None else dict(values.items())
        self._prefixes: dict[Key, Prefix] = {key(prefix): prefix for prefix in self._values}
        self._order: list[Key] = sorted(self._prefixes)

    def __getitem__(self, prefix: Prefix) -> Value:
        return self._values[prefix]

    def __setitem__(self, prefix: Prefix, value: Value) -> None:
        if prefix not in self._values:
            at = key(prefix)
            insort(self._order, at)
            self._prefixes[at] = prefix
        self._values[prefix] = value

    def __delitem__(self, prefix: Prefix) -> None:
        del self._values[prefix]
        at = key(prefix)
        del self._order[bisect_left(self._order, at)]
        del self._prefixes[at]

    def __iter__(self) -> Iterator[Prefix]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, prefix: object) -> bool:
        return prefix in self._values

    # Those of a dictionary: with the plain ones every look at 20,000 entries takes milliseconds.

    def keys(self) -> KeysView[Prefix]:
        return self._values.keys()

    def values(self) -> ValuesView[Value]:
        return self._values.values()

    def items(self) -> ItemsView[Prefix, Value]:
        return self._values.items()

    def inside(self, prefix: Prefix) -> list[tuple[Prefix, Value]]:
        """Everything strictly more specific than `prefix`, shorter before longer at the same address."""
        start, length = key(prefix)
        after = start + (1 << (self.family.bits - length))
        first, last = bisect_left(self._order, (start, length + 1)), bisect_left(self._order, (after, 0))
        found = (self._prefixes[at] for at in self._order[first:last])
        return [(each, self._values[each]) for each in found]

    def covering(self, prefix: Prefix, longer_than: int = -1) -> Iterator[tuple[Prefix, Value]]:
        """Everything strictly less specific that covers `prefix`, longest first, down to a length."""
        start, length = key(prefix)
        for shorter in range(length - 1, longer_than, -1):
            low_bits = self.family.bits - shorter
            found = self._prefixes.get((start >> low_bits << low_bits, shorter))
            if found is not None:
                yield found, self._values[found]

    def related(self, prefix: Prefix) -> Iterator[Prefix]:
        """Every prefix here that shares addresses with `prefix`: above it, itself, inside it."""
        for found, _ in self.covering(prefix):
            yield found
        if prefix in self._values:
            yield prefix
        for found, _ in self.inside(prefix):
            yield found
