"""One address family from traffic to wanted entries: measure, score, choose. Pure; IPv4 and IPv6 alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from arm.model import Attributes, Entry, Family, Prefix, Route
from arm.rib.table import RouteTable
from arm.selection import top
from arm.sflow.destinations import Destinations
from arm.traffic.coverage import Coverage, Interval
from arm.traffic.meter import Meter

# Never routed by a table: loopback, link-local, multicast and what is above it.
_SPECIAL = {
    Family.IPV4: [Prefix(text) for text in ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")],
    Family.IPV6: [Prefix(text) for text in ("::1/128", "fe80::/10", "ff00::/8")],
}


class FamilyLoop:
    """One family's measurements and its choice."""

    def __init__(self, family: Family, window: float, hysteresis: float, minimum_rate: float) -> None:
        self.family = family
        self.meter = Meter(window)
        self.coverage = Coverage()
        self.bits_per_second = 0.0  # of the last interval, to routed destinations or not
        self.samples_per_second = 0.0
        self._hysteresis = hysteresis
        self._minimum_rate = minimum_rate
        self._installed = RouteTable(family)
        self._unroutable = RouteTable(family)
        self.connected(())

    def connected(self, prefixes: Iterable[Prefix]) -> None:
        """The router's own and connected networks: like multicast, traffic to them takes no route."""
        self._unroutable = RouteTable(self.family)
        for prefix in (*_SPECIAL[self.family], *prefixes):
            if Family.of(prefix) is self.family:
                self._unroutable.set(Route(prefix, "", Attributes()))

    def kernel(self, prefix: Prefix, present: bool) -> None:
        """The kernel shows, or no longer shows, an entry: what traffic is scored against."""
        if present:
            self._installed.set(Route(prefix, "", Attributes()))
        else:
            self._installed.remove(prefix)

    def measure(self, traffic: Destinations, table: RouteTable, seconds: float, now: float) -> None:
        """Score one interval's traffic against the installed entries, then remember it by matched prefix."""
        rows = traffic.family == self.family.number
        columns = (traffic.bytes[rows], traffic.samples[rows], traffic.squares[rows])
        by_prefix: dict[Prefix, float] = {}
        total = hits = astray = squares = hit_squares = 0.0
        samples = 0
        for address, size, count, square in zip(
            traffic.addresses(self.family.number), *(column.tolist() for column in columns), strict=True
        ):
            if self._unroutable.match(address) is not None:
                continue
            total += size
            squares += square
            samples += count
            route = table.match(address)
            entry = self._installed.match(address)
            if entry is not None:
                hits += size
                hit_squares += square
                if route is not None and route.prefix != entry.prefix:
                    covering = table.get(entry.prefix)
                    if covering is not None and covering.next_hop != route.next_hop:
                        astray += size
            if route is not None:
                by_prefix[route.prefix] = by_prefix.get(route.prefix, 0.0) + size
        if len(table):  # before the first table is known nothing can match: that time tells no rate
            self.meter.add(by_prefix, now)
        self.coverage.add(Interval(total, hits, astray, squares, hit_squares), now)
        if seconds > 0:
            self.bits_per_second = total * 8 / seconds
            self.samples_per_second = samples / seconds

    def adopt(self, prefixes: Iterable[Prefix], table: RouteTable, now: float) -> None:
        """Take an earlier run's entries, which the kernel still holds, for incumbents if routed."""
        self.meter.adopt((prefix for prefix in prefixes if table.get(prefix) is not None), now)

    def choose(
        self,
        route: Callable[[Prefix], Route | None],
        current: Mapping[Prefix, Entry],
        installed: Callable[[Prefix], bool],
        room: int,
        may_withdraw: bool,
    ) -> dict[Prefix, Entry]:
        """The entries wanted from now on, most important first, at most `room`.

        `route` finds a prefix's route, `current` is the previous choice, `installed` tells incumbents.
        Unless `may_withdraw`, whatever is in `current` or installed and still has a route stays.
        """
        prefixes = self.meter.prefixes()
        incumbent = np.fromiter((installed(prefix) for prefix in prefixes), np.bool_, len(prefixes))
        order = top.choose(self.meter.rates(), incumbent, len(prefixes), self._minimum_rate, self._hysteresis)
        kept = [] if may_withdraw else [*current, *(prefixes[i] for i in np.flatnonzero(incumbent).tolist())]
        wanted: dict[Prefix, Entry] = {}
        for prefix in (*kept, *(prefixes[index] for index in order.tolist())):
            if len(wanted) >= room:
                break
            found = route(prefix)
            if found is not None and prefix not in wanted:
                wanted[prefix] = _entry(found, current.get(prefix))
        return wanted


def _entry(route: Route, known: Entry | None) -> Entry:
    """The entry for a route; the known one if nothing changed, so that comparing is cheap."""
    if known is not None and known.next_hop == route.next_hop and known.attributes is route.attributes:
        return known
    return Entry(route.prefix, route.next_hop, route.attributes)
