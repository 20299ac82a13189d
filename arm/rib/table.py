"""The routes of one family, with longest-prefix match. Pure.

A store keeps prefixes and paths, which are shared by many; a route is made for whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Lock

from arm.model import BgpPath, Family, Prefix, Route
from arm.rib.stores import Found, Store, TreeStore


class RouteTable:
    """Routes by prefix. The default route is kept apart: nothing is ever chosen for it.

    One thread may change it while others look routes up.
    """

    def __init__(self, family: Family, store: Store | None = None) -> None:
        self.family = family
        self._store = TreeStore(family) if store is None else store
        self._lock = Lock()  # asking may change the store
        self.default: Route | None = None

    def __len__(self) -> int:
        """Number of routes, the default not counted."""
        with self._lock:
            return len(self._store)

    def __iter__(self) -> Iterator[Prefix]:
        with self._lock:
            return self._store.prefixes()

    def set(self, route: Route) -> None:
        """Add the route, or replace the one with the same prefix."""
        self.announce(route.path, (route.prefix,))

    def announce(self, path: BgpPath, prefixes: Sequence[Prefix]) -> None:
        """Add the routes to these prefixes, or replace those with the same prefix."""
        default = self.family.default
        with self._lock:
            if default in prefixes:
                self.default = Route.along(default, path)
                prefixes = [prefix for prefix in prefixes if prefix != default]
            self._store.put(path, prefixes)

    def remove(self, prefix: Prefix) -> None:
        """Remove the route; nothing happens if there is none."""
        with self._lock:
            if prefix == self.family.default:
                self.default = None
            else:
                self._store.remove(prefix)

    def get(self, prefix: Prefix) -> Route | None:
        """The route with exactly this prefix."""
        with self._lock:
            path = self._store.get(prefix)
        return None if path is None else Route.along(prefix, path)

    def match(self, address: bytes) -> Route | None:
        """The longest match of an address (4 or 16 bytes), the default not considered."""
        with self._lock:
            return _route(self._store.match(address))

    def covering(self, prefix: Prefix) -> Route | None:
        """The nearest route that is strictly less specific than `prefix`, the default not considered."""
        with self._lock:
            return _route(self._store.covering(prefix))

    def nearest(self, prefix: Prefix) -> Route | None:
        """The route with `prefix` or else the nearest that covers it, the default not considered."""
        with self._lock:
            return _route(self._store.nearest(prefix))

    def crowd(self, prefix: Prefix) -> int:
        """How many routes have `prefix` or a more specific one, the default not counted."""
        with self._lock:
            return self._store.count(prefix)

    def gaps(self, prefix: Prefix, places: Sequence[Prefix]) -> list[Prefix]:
        """Those of `places`, each `prefix` or inside of it, that may have addresses of its gap: addresses
        that no longer route than `prefix` has."""
        length = int(prefix.rpartition("/")[2])
        found = ((place, self.nearest(place)) for place in places)
        return [p for p, over in found if over is None or int(over.prefix.rpartition("/")[2]) <= length]

    def inside(self, prefix: Prefix) -> list[Route]:
        """Every route with `prefix` or a more specific one, the default not considered; by first address, and
        what covers before what is covered."""
        with self._lock:
            return [Route.along(*each) for each in self._store.inside(prefix)]


def _route(found: Found | None) -> Route | None:
    return None if found is None else Route.along(*found)
