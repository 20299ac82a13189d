"""What a table of entries does with every address, compared with what the full table does. Pure.

On purpose plain, with whole addresses as Python integers, and without a line of the selection or of its run
maps: whoever doubts the selection reads this. 1 M routes take about two seconds, once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from arm.model import Family
from arm.rib.prefixmap import Key
from arm.simulate_files import Routes, Weights

DEFAULT = 0  # the next hop that the default route has


@dataclass(frozen=True, slots=True)
class Segments:
    """From `starts[i]` to the next start, `owners[i]` is the longest match (None: nothing matches) and
    `hops[i]` its next hop. The first start is 0."""

    starts: list[int]
    owners: list[Key | None]
    hops: list[int]

    def hop(self, address: int) -> int:
        return self.hops[bisect_right(self.starts, address) - 1]


def flatten(family: Family, routes: Mapping[Key, int]) -> Segments:
    """The longest match of every address."""
    starts: list[int] = [0]
    owners: list[Key | None] = [None]
    nest: list[tuple[int, Key | None]] = [(1 << family.bits, None)]  # first address behind, prefix

    def begin(address: int, owner: Key | None) -> None:
        if starts[-1] == address:
            owners[-1] = owner
        else:
            starts.append(address)
            owners.append(owner)

    # Sorted by (start, length), a prefix comes after all that cover it and before all that it covers.
    for key in sorted(routes):
        start, length = key
        while nest[-1][0] <= start:
            end, _ = nest.pop()
            begin(end, nest[-1][1])
        begin(start, key)
        nest.append((start + (1 << (family.bits - length)), key))
    while len(nest) > 1:
        end, _ = nest.pop()
        if end < 1 << family.bits:
            begin(end, nest[-1][1])
    return Segments(starts, owners, [DEFAULT if owner is None else routes[owner] for owner in owners])


@dataclass(frozen=True, slots=True)
class Verdict:
    """Shares are of the weight, between 0 and 1, and None without any weight."""

    coverage: float | None  # gets the full table's next hop; also where that is the default's
    misforwarded_share: float | None  # gets neither the full table's next hop nor the default's
    misforwarded_addresses: int  # of the whole address space
    hidden_prefixes: int  # prefixes of the full table that are the longest match of such an address


class Judge:
    """Compares tables of entries with one full table. `fixed` are entries that are always there; where a
    prefix is in both, they are what the full table says too."""

    def __init__(self, family: Family, table: Routes, fixed: Routes, weights: Weights) -> None:
        self._family = family
        self._table = table
        self._fixed = fixed
        self._wanted = flatten(family, {**table, **fixed})
        self._weights = [(address, self._wanted.hop(address), weight) for address, weight in weights.items()]
        self.total = sum(weights.values())

    def judge(self, entries: Mapping[Key, int]) -> Verdict:
        """What these entries do."""
        done = flatten(self._family, {**entries, **self._fixed})
        addresses, hidden = self._misforwarded(done)
        right = wrong = 0.0
        for address, wanted, weight in self._weights:
            hop = done.hop(address)
            if hop == wanted:
                right += weight
            elif hop != DEFAULT:
                wrong += weight
        return Verdict(
            coverage=min(1.0, right / self.total) if self.total else None,
            misforwarded_share=min(1.0, wrong / self.total) if self.total else None,
            misforwarded_addresses=addresses,
            hidden_prefixes=len(hidden),
        )

    def _misforwarded(self, done: Segments) -> tuple[int, set[Key]]:
        """How many addresses get neither the full table's next hop nor the default's, and whose they are."""
        wanted = self._wanted
        addresses = 0
        hidden: set[Key] = set()
        done_ends = [*done.starts[1:], 1 << self._family.bits]
        for start, end, hop in zip(done.starts, done_ends, done.hops, strict=True):
            if hop == DEFAULT:
                continue
            for at in range(bisect_right(wanted.starts, start) - 1, len(wanted.starts)):
                if wanted.starts[at] >= end:
                    break
                if wanted.hops[at] == hop:
                    continue
                last = at + 1 == len(wanted.starts)
                following = end if last else min(end, wanted.starts[at + 1])
                addresses += following - max(start, wanted.starts[at])
                owner = wanted.owners[at]
                if owner is not None and owner in self._table:
                    hidden.add(owner)
        return addresses, hidden
