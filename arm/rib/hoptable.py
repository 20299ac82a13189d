"""Prefixes with next hops as arrays, and what they do with every address: the run map. Pure.

Next hops are small integers: equal number, equal forwarding decision. DEFAULT is what the default route does,
also for space that no prefix covers. Addresses are the upper `bits` of a family's address as an unsigned
integer: all 32 of IPv4, the upper 64 of IPv6. What IPv6 routes longer than /64 do cannot be told apart with
such keys, so their /64 is MIXED: it is no next hop's, and nothing but the default may ever cover it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from arm.model import Family

DEFAULT = 0
MIXED = -1

Keys = NDArray[np.uint64]
Lengths = NDArray[np.int8]
Hops = NDArray[np.int32]

ONE = np.uint64(1)

_Number = TypeVar("_Number", bound=np.generic)


def key_bits(family: Family) -> int:
    """How many leading bits of an address a key has."""
    return min(family.bits, 64)


def last(starts: Keys, lengths: Lengths, bits: int) -> Keys:
    """Last key of each prefix; shape (n,)."""
    return starts | _below(lengths, bits)


def network(keys: Keys, lengths: Lengths, bits: int) -> Keys:
    """First key of the prefix of that length around each key; shape (n,)."""
    return keys & ~_below(lengths, bits)


def _below(lengths: Lengths, bits: int) -> Keys:
    """The host bits, all set."""
    full = np.uint64((1 << bits) - 1)
    # Two shifts, because one by 64 is undefined.
    return full >> np.minimum(lengths, 63).astype(np.uint64) >> (lengths > 63).astype(np.uint64)


@dataclass(frozen=True, slots=True)
class HopTable:
    """Prefixes with a next hop each, sorted by (start, length), none twice; columns of shape (n,)."""

    bits: int
    starts: Keys
    lengths: Lengths
    hops: Hops

    def __len__(self) -> int:
        return len(self.starts)

    @staticmethod
    def of(bits: int, rows: Iterable[tuple[int, int, int]]) -> HopTable:
        """From (start, length, hop); of rows with the same prefix the last one counts."""
        unique = sorted({(start, length): hop for start, length, hop in rows}.items())
        return HopTable(
            bits,
            np.array([start for (start, _), _ in unique], np.uint64),
            np.array([length for (_, length), _ in unique], np.int8),
            np.array([hop for _, hop in unique], np.int32),
        )

    @staticmethod
    def sort(bits: int, starts: Keys, lengths: Lengths, hops: Hops) -> HopTable:
        """From columns in any order, without duplicates."""
        order = np.lexsort((lengths, starts))
        return HopTable(bits, starts[order], lengths[order], hops[order])

    def rows(self) -> list[tuple[int, int, int]]:
        """(start, length, hop) as plain integers."""
        return list(zip(self.starts.tolist(), self.lengths.tolist(), self.hops.tolist(), strict=True))

    def ends(self) -> Keys:
        """Last key of each prefix."""
        return last(self.starts, self.lengths, self.bits)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> HopTable:
        """Some rows, in ascending order."""
        return HopTable(self.bits, self.starts[rows], self.lengths[rows], self.hops[rows])

    def place(self, starts: Keys, lengths: Lengths) -> NDArray[np.intp]:
        """Before which row each of these prefixes is, or would have to be."""
        at = np.searchsorted(self.starts, starts, "left")
        while len(self):  # at most once for each length
            row = np.minimum(at, len(self) - 1)
            shorter = (at < len(self)) & (self.starts[row] == starts) & (self.lengths[row] < lengths)
            if not shorter.any():
                break
            at = at + shorter
        return at

    def find(self, starts: Keys, lengths: Lengths) -> NDArray[np.intp]:
        """The row of each of these prefixes, or -1."""
        if not len(self):
            return np.full(len(starts), -1, np.intp)
        at = self.place(starts, lengths)
        row = np.minimum(at, len(self) - 1)
        same = (at < len(self)) & (self.starts[row] == starts) & (self.lengths[row] == lengths)
        return np.where(same, row, -1)

    def hop_of(self, other: HopTable, missing: int) -> Hops:
        """The next hop that this table has for each prefix of the other, or `missing`."""
        rows = self.find(other.starts, other.lengths)
        hops = np.append(self.hops, np.int32(missing))  # found at -1
        return hops[rows]


@dataclass(frozen=True, slots=True)
class Runs:
    """What a table does with every address: from `starts[i]` to the next start it is `hops[i]`.

    `starts` (n,) ascending, the first is 0; neighbouring `hops` (n,) differ, unless cut on purpose.
    """

    bits: int
    starts: Keys
    hops: Hops

    def hop(self, keys: Keys) -> Hops:
        """The next hop of each address; shape (n,)."""
        return self.hops[np.searchsorted(self.starts, keys, "right") - 1]

    def uniform(self, starts: Keys, ends: Keys) -> Hops:
        """The one next hop of each range, both ends included, or MIXED."""
        run = np.searchsorted(self.starts, starts, "right") - 1
        following = self.starts[np.minimum(run + 1, len(self.starts) - 1)]
        within = (run + 1 == len(self.starts)) | (following > ends)
        return np.where(within, self.hops[run], np.int32(MIXED))

    def blocks(self, keys: Keys) -> tuple[Keys, Lengths, Hops]:
        """The largest prefix around each address that lies within one run: starts, lengths, next hops."""
        run = np.searchsorted(self.starts, keys, "right") - 1
        first = self.starts[run]
        final = run + 1 == len(self.starts)
        following = self.starts[np.minimum(run + 1, len(self.starts) - 1)]
        # The block may grow until the bit where the address differs from what is outside of its run.
        left = np.where(first > 0, bit_length(keys ^ (first - ONE)) - 1, self.bits)
        right = np.where(final, self.bits, bit_length(keys ^ following) - 1)
        low = np.minimum(left, right)
        shift = np.minimum(low, 63).astype(np.uint64)
        starts = np.where(low > 63, np.uint64(0), keys >> shift << shift)
        return starts, (self.bits - low).astype(np.int8), self.hops[run]


def distinct(values: NDArray[_Number]) -> NDArray[_Number]:
    """The different values, ascending. On columns that are nearly sorted far quicker than numpy.unique."""
    values = np.sort(values, kind="stable")
    new = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values.take(np.flatnonzero(new))


def among(values: NDArray[_Number], known: NDArray[_Number]) -> NDArray[np.bool_]:
    """Which of the values are in `known`, which is ascending."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    found: NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
    return found


def bit_length(numbers: Keys) -> NDArray[np.int64]:
    """Like int.bit_length, of each number."""
    left = numbers.copy()
    length = np.zeros(len(numbers), np.int64)
    for step in (32, 16, 8, 4, 2, 1):
        high = left >> np.uint64(step)
        some = high != 0
        length += np.where(some, step, 0)
        left = np.where(some, high, left)
    length += left != 0
    return length
