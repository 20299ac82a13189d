"""Where a table has its routes, and the store for small tables: a tree. Pure.

pytricia 1.3.0: bytes keys are as fast as integers, but a 16-byte key in an IPv4 tree silently matches its
first 4 bytes, so there is one tree per family. Values are paths, shared by many routes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from pytricia import PyTricia

from arm.model import BgpPath, Family, Prefix

Found = tuple[Prefix, BgpPath]


class Store(Protocol):
    """Paths by prefix, for one thread at a time. Knows no default route."""

    def __len__(self) -> int: ...

    def prefixes(self) -> Iterator[Prefix]:
        """Those there are now, whatever changes while they are looked at."""

    def put(self, path: BgpPath, prefixes: Sequence[Prefix]) -> None:
        """Add these prefixes, or give them another path."""

    def remove(self, prefix: Prefix) -> None:
        """Take a prefix out; nothing happens if it is not there."""

    def get(self, prefix: Prefix) -> BgpPath | None:
        """The path of exactly this prefix."""

    def match(self, address: bytes) -> Found | None:
        """The longest match of an address (4 or 16 bytes)."""

    def nearest(self, prefix: Prefix) -> Found | None:
        """The prefix itself, or else the longest that covers it."""

    def covering(self, prefix: Prefix) -> Found | None:
        """The longest one that is strictly less specific."""

    def count(self, prefix: Prefix) -> int:
        """How many are at or inside of a prefix."""

    def inside(self, prefix: Prefix) -> list[Found]:
        """All that are at or inside of a prefix; by first address, and what covers before what is covered."""


class TreeStore:
    """See `Store`. Quick, at 150 octets a route."""

    def __init__(self, family: Family) -> None:
        self._tree = PyTricia(family.bits, family.af)
        self._count = 0  # the tree would have to walk through all of itself

    def __len__(self) -> int:
        return self._count

    def prefixes(self) -> Iterator[Prefix]:
        return iter(self._tree.keys())

    def put(self, path: BgpPath, prefixes: Sequence[Prefix]) -> None:
        known, insert = self._tree.has_key, self._tree.insert
        for prefix in prefixes:
            self._count += not known(prefix)
            insert(prefix, path)

    def remove(self, prefix: Prefix) -> None:
        if self._tree.has_key(prefix):
            self._count -= 1
            self._tree.delete(prefix)

    def get(self, prefix: Prefix) -> BgpPath | None:
        tree = self._tree
        path: BgpPath | None = tree.get(prefix) if tree.has_key(prefix) else None
        return path

    def match(self, address: bytes) -> Found | None:
        return self._found(address)

    def nearest(self, prefix: Prefix) -> Found | None:
        return self._found(prefix)

    def covering(self, prefix: Prefix) -> Found | None:
        address, _, length = prefix.partition("/")
        # The tree reads no more bits than the length says, so the parent need not be written canonically.
        return None if length == "0" else self._found(f"{address}/{int(length) - 1}")

    def _found(self, place: str | bytes) -> Found | None:
        path = self._tree.get(place)
        return None if path is None else (self._tree.get_key(place), path)

    def count(self, prefix: Prefix) -> int:
        return len(self.inside(prefix))

    def inside(self, prefix: Prefix) -> list[Found]:
        tree = self._tree
        known = tree.has_key(prefix)
        if not known:
            tree.insert(prefix, None)  # children() wants its prefix to be in the tree
        try:
            found = tree.children(prefix)
        finally:
            if not known:
                tree.delete(prefix)
        return [(each, tree.get(each)) for each in ([prefix, *found] if known else found)]
