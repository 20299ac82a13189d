"""The routes of one family, with longest-prefix match.

pytricia 1.3.0: bytes keys are as fast as integers, but a 16-byte key in an IPv4 tree silently matches its
first 4 bytes, so there is one tree per family; the route is the stored value, because asking for the key of
a match is slower than the match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytricia import PyTricia

from arm.model import Family, Prefix, Route


class RouteTable:
    """Routes by prefix. The default route is kept apart: nothing is ever chosen for it."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._tree = PyTricia(family.bits, family.af)
        self._count = 0  # the tree would have to walk through all of itself
        self.default: Route | None = None

    def __len__(self) -> int:
        """Number of routes, the default not counted."""
        return self._count

    def __iter__(self) -> Iterator[Prefix]:
        return iter(self._tree.keys())

    def set(self, route: Route) -> None:
        """Add the route, or replace the one with the same prefix."""
        if route.prefix == self.family.default:
            self.default = route
        else:
            self._count += not self._tree.has_key(route.prefix)
            self._tree.insert(route.prefix, route)

    def remove(self, prefix: Prefix) -> None:
        """Remove the route; nothing happens if there is none."""
        if prefix == self.family.default:
            self.default = None
        elif self.get(prefix) is not None:
            self._count -= 1
            self._tree.delete(prefix)

    def get(self, prefix: Prefix) -> Route | None:
        """The route with exactly this prefix."""
        route: Route | None = self._tree.get(prefix)
        return route if route is not None and route.prefix == prefix else None

    def match(self, address: bytes) -> Route | None:
        """The longest match of an address (4 or 16 bytes), the default not considered."""
        route: Route | None = self._tree.get(address)
        return route

    def covering(self, prefix: Prefix) -> Route | None:
        """The nearest route that is strictly less specific than `prefix`, the default not considered."""
        address, _, length = prefix.partition("/")
        if length == "0":
            return None
        # The tree reads no more bits than the length says, so the parent need not be written canonically.
        route: Route | None = self._tree.get(f"{address}/{int(length) - 1}")
        return route

    def nearest(self, prefix: Prefix) -> Route | None:
        """The route with `prefix` or else the nearest that covers it, the default not considered."""
        route: Route | None = self._tree.get(prefix)
        return route

    def crowd(self, prefix: Prefix) -> int:
        """How many routes have `prefix` or a more specific one, the default not counted."""
        return len(self.inside(prefix))

    def gaps(self, prefix: Prefix, places: Sequence[Prefix]) -> list[Prefix]:
        """Those of `places`, each `prefix` or inside of it, that may have addresses of its gap: addresses
        that no longer route than `prefix` has."""
        length = int(prefix.rpartition("/")[2])
        found = ((place, self.nearest(place)) for place in places)
        return [p for p, over in found if over is None or int(over.prefix.rpartition("/")[2]) <= length]

    def inside(self, prefix: Prefix) -> list[Route]:
        """Every route with `prefix` or a more specific one, the default not considered; by first address, and
        what covers before what is covered."""
        tree = self._tree
        here: Route | None = tree.get(prefix)
        if here is not None and here.prefix == prefix:
            return [here, *map(tree.get, tree.children(prefix))]
        # children() wants its prefix to be in the tree. While it is, a match there finds what it did before,
        # also if another thread asks.
        tree.insert(prefix, here)
        try:
            found = tree.children(prefix)
        finally:
            tree.delete(prefix)
        return [tree.get(each) for each in found]
