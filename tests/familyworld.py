"""One family's loop with a table and a kernel around it, and addresses to name in both families alike."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import numpy as np

from arm.family import FamilyLoop, Valuation
from arm.model import Attributes, Family, KernelRoute, Prefix, Route
from arm.rib.hoptable import HopTable, key_bits
from arm.rib.indexed import IndexedTable
from arm.rib.prefixmap import text
from arm.selection.policy import Policy
from tests.traffic.build import traffic

NEIGHBOURS = {Family.IPV4: Prefix("192.0.2.0/24"), Family.IPV6: Prefix("2001:db8::/64")}


def prefix(family: Family, *path: int) -> Prefix:
    """The 16 bits 2a00 or the 8 bits 20, and 8 or 16 more for each number: (1, 2) is 20.1.2.0/24."""
    step = 8 if family is Family.IPV4 else 16
    start = 20 if family is Family.IPV4 else 0x2A00
    for number in path:
        start = start << step | number
    length = step * (1 + len(path))
    return text(family, start << (family.bits - length), length)


def address(inside: Prefix, host: int = 9) -> str:
    """An address of a prefix, written as `traffic` wants it."""
    return str(ip_address(int(ip_network(inside).network_address) + host))


def neighbour(family: Family, number: int) -> str:
    """A next hop that can be reached."""
    return address(NEIGHBOURS[family], number)


def places(table: HopTable, family: Family) -> dict[Prefix, int]:
    """Next hops by prefix."""
    dropped = family.bits - key_bits(family)
    return {text(family, start << dropped, length): hop for start, length, hop in table.rows()}


class Around:
    """What a FamilyLoop is told. The kernel's default goes to neighbour 1."""

    def __init__(
        self, family: Family, valuation: Valuation | None = None, policy: Policy | None = None
    ) -> None:
        self.family = family
        self.table = IndexedTable(family)
        self.loop = FamilyLoop(family, valuation or Valuation(60.0), policy or Policy())
        self.loop.connected([NEIGHBOURS[family]])
        self.default: KernelRoute | None = self.shown(family.default, 1)
        self.fixed: dict[Prefix, tuple[str, ...]] = {}
        self.time = 0.0

    def shown(self, where: Prefix, *neighbours: int) -> KernelRoute:
        return KernelRoute(where, tuple(sorted(neighbour(self.family, n) for n in neighbours)), 12)

    def announce(self, where: Prefix, number: int, attributes: Attributes | None = None) -> Route:
        route = Route(where, neighbour(self.family, number), attributes or Attributes())
        self.table.set(route)
        return route

    def install(self, where: Prefix, *neighbours: int) -> None:
        self.loop.kernel(where, self.shown(where, *neighbours))

    def refresh(self) -> None:
        self.loop.set_fixed(self.fixed, self.table)
        self.loop.refresh(self.table, self.default, self.time)

    def measure(
        self, sizes: Mapping[str, float], now: float, learned: bool = True, rate: float = 9.0
    ) -> None:
        self.loop.measure(traffic(sizes), 1.0, rate, learned, now)

    def hop(self, *neighbours: int) -> int:
        """The number of a next hop."""
        return self.loop.hop(self.shown(self.family.default, *neighbours).gateways)

    def does(self, *wheres: Prefix) -> list[int]:
        """What the full table does with the first addresses of prefixes."""
        dropped = self.family.bits - key_bits(self.family)
        keys = [int(ip_network(where).network_address) >> dropped for where in wheres]
        hops: list[int] = self.loop.full.runs.hop(np.array(keys, np.uint64)).tolist()
        return hops
