"""The full table that the neighbours announce: who has which prefix, who is best, what lies under it.

Both families alike: a network address is the upper 64 bits of the address (IPv4 left-aligned in them), so
prefixes longer than /64 do not occur.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from arm.model import Attributes, Family, Prefix
from lab.attributes import Upstreams
from lab.plan import NEIGHBOURS, TEST_BETTER, TEST_RICH, TEST_SINGLE, TEST_SPARE, TRANSIT1, Neighbour

_GAPS = 64  # enough to choose addresses from; a /8 may have thousands


@dataclass(frozen=True, slots=True)
class LabRoute:
    """One prefix of the table: who announces it with what, and whose route the switch uses."""

    prefix: Prefix
    best: Neighbour
    attributes: dict[str, Attributes]  # by the neighbour's name, as the switch receives them

    @property
    def next_hop(self) -> str:
        """Where packets to the prefix belong."""
        return self.best.address(Family.of(self.prefix))


class FamilyTable:
    """All generated routes of one family, sorted by address, shorter prefixes first."""

    def __init__(
        self,
        family: Family,
        keys: NDArray[np.uint64],
        lengths: NDArray[np.uint8],
        origins: NDArray[np.uint32],
        via: NDArray[np.uint16],
        upstreams: list[Upstreams],
    ) -> None:
        order = np.lexsort((lengths, keys))
        self.family = family
        self.keys = keys[order]
        self.lengths = lengths[order]
        self.origins = origins[order]  # AS numbers
        self.via = via[order]  # indices into `upstreams`
        self.upstreams = upstreams

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def prefixes(self) -> list[Prefix]:
        """Every prefix in canonical text."""
        lengths = self.lengths.tolist()
        if self.family is Family.IPV4:
            packed = (self.keys >> np.uint64(32)).astype(">u4").tobytes()
            texts = (socket.inet_ntoa(packed[at : at + 4]) for at in range(0, len(packed), 4))
        else:
            packed, rest = self.keys.astype(">u8").tobytes(), bytes(8)
            texts = (
                socket.inet_ntop(socket.AF_INET6, packed[at : at + 8] + rest)
                for at in range(0, len(packed), 8)
            )
        return [Prefix(f"{text}/{length}") for text, length in zip(texts, lengths, strict=True)]

    def index(self, prefix: str) -> int | None:
        """Where `prefix` is in the table."""
        network = ipaddress.ip_network(prefix)
        return self._find(_key(self.family, int(network.network_address)), network.prefixlen)

    def lookup(self, address: str) -> int | None:
        """The longest match of `address`, the default route aside."""
        key = _key(self.family, int(ipaddress.ip_address(address)))
        for length in self._known_lengths:
            found = self._find(key >> (64 - length) << (64 - length), length)
            if found is not None:
                return found
        return None

    @cached_property
    def _known_lengths(self) -> list[int]:
        return sorted(set(self.lengths.tolist()), reverse=True)

    def _find(self, key: int, length: int) -> int | None:
        low, high = (int(np.searchsorted(self.keys, np.uint64(key), side)) for side in ("left", "right"))
        at = low + int(np.searchsorted(self.lengths[low:high], length))
        return at if at < high and self.lengths[at] == length else None

    def route(self, index: int) -> LabRoute:
        """A route in full."""
        upstreams = self.upstreams[self.via[index]]
        asn = int(self.origins[index])
        return LabRoute(
            self.prefixes[index],
            next(neighbour for neighbour in NEIGHBOURS if neighbour.name == upstreams.best),
            {n.name: upstreams.attributes(n, asn) for n in NEIGHBOURS if n.name in upstreams.paths},
        )

    def announced(self, neighbour: Neighbour) -> NDArray[np.intp]:
        """Indices of the routes that a neighbour announces."""
        has = np.array([neighbour.name in upstreams.paths for upstreams in self.upstreams])
        return np.flatnonzero(has[self.via])

    def pure_addresses(self, index: int, count: int, chance: random.Random) -> list[str]:
        """Up to `count` addresses whose longest match is this very prefix; none if it is all covered."""
        shift = 32 if self.family is Family.IPV4 else 0
        gaps = list(self._gaps(index))
        found: set[str] = set()
        for _ in range(count if gaps else 0):
            first, last = chance.choice(gaps)
            upper = chance.randint(first >> shift, last >> shift)
            value = upper if shift else upper << 64 | chance.getrandbits(64)
            found.add(_text(self.family, value))
        return sorted(found)

    def _gaps(self, index: int) -> Iterator[tuple[int, int]]:
        """Ranges of the prefix that no more-specific covers, as first and last key."""
        position, last = self._range(index)
        child, found = index + 1, 0
        while child < len(self.keys) and found < _GAPS:
            start, end = self._range(child)
            if start > last:
                break
            if start > position:
                yield position, start - 1
                found += 1
            position = end + 1
            child = int(np.searchsorted(self.keys, np.uint64(end), "right"))
        if position <= last and found < _GAPS:
            yield position, last

    def _range(self, index: int) -> tuple[int, int]:
        start = int(self.keys[index])
        return start, start + (1 << (64 - int(self.lengths[index]))) - 1


@dataclass(frozen=True, slots=True)
class Table:
    """Both families."""

    families: dict[Family, FamilyTable]

    def __getitem__(self, family: Family) -> FamilyTable:
        return self.families[family]

    def __iter__(self) -> Iterator[FamilyTable]:
        return iter(self.families.values())

    def match(self, address: str) -> LabRoute | None:
        """The route that an address belongs to; None: it follows the default. Not for the test prefixes."""
        table = self.families[Family.of(address)]
        index = table.lookup(address)
        return None if index is None else table.route(index)

    def get(self, prefix: str) -> LabRoute | None:
        """The route to a prefix of the generated table."""
        table = self.families[Family.of(prefix)]
        index = table.index(prefix)
        return None if index is None else table.route(index)

    def offered(self, neighbour: Neighbour, family: Family) -> int:
        """How many routes a neighbour announces at start: the table's, the default, the test prefixes."""
        steered = (TEST_SINGLE, TEST_BETTER, TEST_RICH, TEST_SPARE) if neighbour == TRANSIT1 else ()
        default = neighbour.name != "exchange"
        return len(self.families[family].announced(neighbour)) + default + len(steered)


def _key(family: Family, address: int) -> int:
    return address << 32 if family is Family.IPV4 else address >> 64


def _text(family: Family, value: int) -> str:
    return socket.inet_ntop(family.af, value.to_bytes(family.bits // 8, "big"))
