"""A corner of the address space so small that every address in it can be looked at.

Tables are dictionaries of next hops by prefix; the next hop 0 is what the default route does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from hypothesis import strategies as st

from arm.model import Family, Prefix
from arm.rib.prefixmap import text

DEFAULT = 0
HOPS = 3  # other next hops: 1 to HOPS


@dataclass(frozen=True)
class Universe:
    """2**bits addresses, or blocks of them, under one prefix."""

    family: Family
    base: int  # the first address
    length: int  # of the prefix above everything
    bits: int

    @property
    def addresses(self) -> range:
        return range(1 << self.bits)

    def prefix(self, depth: int, address: int) -> Prefix:
        """The prefix `depth` bits below the top that holds an address."""
        start = self.base | address >> (self.bits - depth) << (self.family.bits - self.length - depth)
        return text(self.family, start, self.length + depth)

    @cached_property
    def chains(self) -> list[list[Prefix]]:
        """For each address all prefixes that hold it, the longest first."""
        depths = range(self.bits, -1, -1)
        return [[self.prefix(depth, address) for depth in depths] for address in self.addresses]

    @cached_property
    def holds(self) -> dict[Prefix, list[int]]:
        """For each prefix the addresses in it."""
        found: dict[Prefix, list[int]] = {}
        for address, chain in enumerate(self.chains):
            for prefix in chain:
                found.setdefault(prefix, []).append(address)
        return found

    @cached_property
    def prefixes(self) -> list[Prefix]:
        return list(self.holds)

    def match(self, table: Mapping[Prefix, int], address: int) -> Prefix | None:
        return next((prefix for prefix in self.chains[address] if prefix in table), None)

    def forward(self, table: Mapping[Prefix, int]) -> list[int]:
        """What a table does with each address."""
        matches = (self.match(table, address) for address in self.addresses)
        return [DEFAULT if prefix is None else table[prefix] for prefix in matches]

    def misforwarded(self, table: Mapping[Prefix, int], truth: Sequence[int]) -> list[int]:
        """The addresses that go elsewhere than with the full table or the default."""
        found = enumerate(zip(self.forward(table), truth, strict=True))
        return [address for address, (hop, right) in found if hop not in (DEFAULT, right)]

    def safe(
        self,
        picks: Iterable[tuple[Prefix, int]],
        truth: Sequence[int],
        keep: Mapping[Prefix, int] | None = None,
        fixed: Mapping[Prefix, int] | None = None,
    ) -> dict[Prefix, int]:
        """A safe table of these prefixes. Numbers pick next hops among the safe ones: the default, and what
        all addresses need that no longer prefix has; any, if there are no such addresses. A next hop of
        `keep` is kept if it is safe. What `fixed` entries send elsewhere gets an entry more."""
        fixed = fixed or {}
        table = {prefix: pick for prefix, pick in picks if prefix not in fixed}
        own: dict[Prefix, set[int]] = {}
        for address in self.addresses:
            prefix = self.match({**table, **fixed}, address)
            if prefix is not None and prefix in fixed and fixed[prefix] not in (DEFAULT, truth[address]):
                longer = self.chains[address][: self.chains[address].index(prefix)]
                prefix = longer[(5 * address + len(table)) % len(longer)]
                table[prefix] = address
        for address in self.addresses:
            prefix = self.match({**table, **fixed}, address)
            if prefix is not None and prefix in table:
                own.setdefault(prefix, set()).add(truth[address])
        for prefix, pick in table.items():
            needed = own.get(prefix, set())
            good = [DEFAULT, *needed] if len(needed) == 1 else [DEFAULT]
            good = good if needed else list(range(HOPS + 1))
            kept = (keep or {}).get(prefix)
            table[prefix] = kept if kept in good else good[-1 - pick % len(good)]
        return table


UNIVERSES = (
    Universe(Family.IPV4, 20 << 24, 8, 4),
    Universe(Family.IPV4, (20 << 24) + 32, 27, 5),  # down to single addresses
    Universe(Family.IPV4, 0, 0, 3),  # the default route's own prefix is one of them
    Universe(Family.IPV6, 0x2A00 << 112, 62, 4),  # on both sides of /64
    Universe(Family.IPV6, (0x2A00 << 112) + 240, 124, 4),
)
universes = st.sampled_from(UNIVERSES)


def truths(universe: Universe) -> st.SearchStrategy[list[int]]:
    """What a full table of few routes does with each address."""
    routes = st.dictionaries(st.sampled_from(universe.prefixes), st.integers(0, HOPS), max_size=6)
    return routes.map(universe.forward)


def tables(universe: Universe, truth: Sequence[int], most: int = 14) -> st.SearchStrategy[dict[Prefix, int]]:
    """Safe tables."""
    picks = st.integers(0, 4**most - 1)  # two bits for each prefix
    return st.tuples(_some(universe, most), picks).map(
        lambda drawn: universe.safe(((p, drawn[1] >> 2 * n & 3) for n, p in enumerate(drawn[0])), truth)
    )


@cache
def _some(universe: Universe, most: int) -> st.SearchStrategy[list[Prefix]]:
    return st.lists(st.sampled_from(universe.prefixes), unique=True, max_size=most)
