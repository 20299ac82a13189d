"""Small universes for `arm simulate`, in which everything can be tried, and files about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from arm.model import Family
from arm.rib.prefixmap import Key, text
from arm.simulate_files import Routes

WORDS = ("d", "a", "b", "c")  # next hops by number; the first is the default's
Hops = dict[str, str]  # next hop by prefix


@dataclass(frozen=True, slots=True)
class Universe:
    """A prefix of length `top` and the 2**depth blocks inside of it, which no route divides."""

    family: Family
    base: int
    top: int
    depth: int

    @property
    def size(self) -> int:
        """Addresses in a block."""
        return 1 << (self.family.bits - self.top - self.depth)

    def blocks(self) -> list[int]:
        """The first address of each."""
        return [self.base + number * self.size for number in range(1 << self.depth)]

    def keys(self) -> list[Key]:
        """Every prefix."""
        return [
            (self.base + number * (self.size << (self.depth - bits)), self.top + bits)
            for bits in range(self.depth + 1)
            for number in range(1 << bits)
        ]

    def prefix(self, key: Key) -> str:
        return text(self.family, *key)

    def routes(self, hops: int = 3, most: int = 8) -> st.SearchStrategy[Routes]:
        """Some prefixes with next hops 0 to `hops`."""
        return st.dictionaries(st.sampled_from(self.keys()), st.integers(0, hops), max_size=most)

    def longest(self, address: int, routes: Mapping[Key, int]) -> Key | None:
        """The longest match, by trying every prefix."""
        covering = [key for key in routes if key[0] >> (low := self.family.bits - key[1]) == address >> low]
        return max(covering, key=lambda key: key[1], default=None)

    def hop(self, address: int, routes: Mapping[Key, int]) -> int:
        """The next hop of the longest match; 0 without one."""
        found = self.longest(address, routes)
        return 0 if found is None else routes[found]


V4 = Universe(Family.IPV4, 20 << 24, 26, 6)
V6 = Universe(Family.IPV6, 0x2001_0DB8 << 96, 58, 6)  # blocks of /64, as long as a key of the selection
ACROSS = Universe(Family.IPV6, 0x2001_0DB8 << 96, 61, 6)  # of /67, which such keys cannot tell apart
HOSTS = Universe(Family.IPV6, 0x2001_0DB8 << 96, 122, 6)  # of one address
UNIVERSES = (V4, V6, ACROSS, HOSTS)


def lines(rows: Mapping[str, object] | Iterable[tuple[object, object]]) -> str:
    """The lines of a file."""
    pairs = rows.items() if isinstance(rows, Mapping) else rows
    return "".join(f"{first}\t{second}\n" for first, second in pairs)


def write(path: Path, rows: Mapping[str, object] | Iterable[tuple[object, object]]) -> str:
    """A file of such lines; its name."""
    path.write_text(lines(rows))
    return str(path)
