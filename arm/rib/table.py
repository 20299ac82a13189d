"""The routes of one family, with longest-prefix match.

pytricia 1.3.0: bytes keys are as fast as integers, but a 16-byte key in an IPv4 tree silently matches its
first 4 bytes, so there is one tree per family. The stored value is the route's path, shared by many: a
million routes cost what the tree costs, and a route is made for whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

from pytricia import PyTricia

from arm.model import BgpPath, Family, Prefix, Route


class RouteTable:
    """Routes by prefix. The default route is kept apart: nothing is ever chosen for it.

    One thread may change it while others look routes up.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self._tree = PyTricia(family.bits, family.af)
        self._lock = Lock()  # what a route is takes two questions, and `inside` changes the tree
        self._count = 0  # the tree would have to walk through all of itself
        self.default: Route | None = None

    def __len__(self) -> int:
        """Number of routes, the default not counted."""
        return self._count

    def __iter__(self) -> Iterator[Prefix]:
        return iter(self._tree.keys())

    def set(self, route: Route) -> None:
        """Add the route, or replace the one with the same prefix."""
        self.announce(route.path, (route.prefix,))

    def announce(self, path: BgpPath, prefixes: Sequence[Prefix]) -> None:
        """Add the routes to these prefixes, or replace those with the same prefix."""
        default, known, insert = self.family.default, self._tree.has_key, self._tree.insert
        with self._lock:
            for prefix in prefixes:
                if prefix == default:
                    self.default = Route.along(prefix, path)
                else:
                    self._count += not known(prefix)
                    insert(prefix, path)

    def remove(self, prefix: Prefix) -> None:
        """Remove the route; nothing happens if there is none."""
        with self._lock:
            if prefix == self.family.default:
                self.default = None
            elif self._tree.has_key(prefix):
                self._count -= 1
                self._tree.delete(prefix)

    def get(self, prefix: Prefix) -> Route | None:
        """The route with exactly this prefix."""
        tree = self._tree
        with self._lock:
            return Route.along(prefix, tree.get(prefix)) if tree.has_key(prefix) else None

    def match(self, address: bytes) -> Route | None:
        """The longest match of an address (4 or 16 bytes), the default not considered."""
        return self._found(address)

    def covering(self, prefix: Prefix) -> Route | None:
        """The nearest route that is strictly less specific than `prefix`, the default not considered."""
        address, _, length = prefix.partition("/")
        if length == "0":
            return None
        # The tree reads no more bits than the length says, so the parent need not be written canonically.
        return self._found(f"{address}/{int(length) - 1}")

    def nearest(self, prefix: Prefix) -> Route | None:
        """The route with `prefix` or else the nearest that covers it, the default not considered."""
        return self._found(prefix)

    def _found(self, place: str | bytes) -> Route | None:
        """The longest match of an address or a prefix."""
        tree = self._tree
        with self._lock:
            path: BgpPath | None = tree.get(place)
            return None if path is None else Route.along(tree.get_key(place), path)

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
        with self._lock:
            known = tree.has_key(prefix)
            if not known:
                tree.insert(prefix, None)  # children() wants its prefix to be in the tree
            try:
                found = tree.children(prefix)
            finally:
                if not known:
                    tree.delete(prefix)
            places = [prefix, *found] if known else found
            return [Route.along(each, tree.get(each)) for each in places]
