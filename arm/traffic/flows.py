"""Who the traffic is to and from: by AS path, destination AS, peer AS and source AS. Pure.

Paths are those of the routes that addresses match in BIRD's table, because that is what ARM installs by. What
an agent says of its own table (sFlow's extended gateway record, 0:1003) is not read: the switch has none, as
BIRD has it, and if it had, another one.

| by             | the AS                                                             | of traffic           |
|----------------|--------------------------------------------------------------------|----------------------|
| as_path        | all of the path of the route to the destination                    | that takes routes    |
| destination_as | its last one                                                       | that takes routes    |
| peer_as        | its first one                                                      | that takes routes    |
| source_as      | the last one of the route back to the source                       | all that was sampled |

"local" is what has no AS path because it is in the own AS, or is reached without BGP; "not-routed" is what
only the default route reaches; "other" is everything that is not among the largest.

A route is looked up once and then known by its prefix until that changes. So many are looked up at once that
nothing has to wait for it, those with most traffic first: what is left over is "other" for a moment.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arm.model import TRAFFIC_BY, BgpPath, Family, Prefix, Ranking
from arm.rib.fulltable import FullTable
from arm.rib.hoptable import HopTable, Keys, Lengths, key_bits, network
from arm.rib.paint import NOBODY
from arm.rib.prefixmap import key, text
from arm.rib.table import RouteTable
from arm.traffic.aspaths import LIMIT, LOCAL, NAMES, NOT_ROUTED, OTHER, AsPaths
from arm.traffic.coverage import MEMORY

MOST = 20  # names in a ranking: more than are shown, so that who is shown over an hour is known each second
LOOKUPS = 250  # routes at once: few milliseconds
ROUTES = 262_144  # that are known at most
_CROWD = 10_000  # changed routes from which it is quicker to know none

Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bytes:
    """One interval's bytes by address; columns of shape (n,)."""

    keys: Keys
    octets: Weights


@dataclass(frozen=True, slots=True)
class View:
    """One family's routes now: as arrays, with their paths, and those that are not BGP's."""

    full: FullTable
    table: RouteTable
    fixed: Container[Prefix]


class Flows:
    """One family's decayed sums."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._paths = AsPaths()
        self._known: dict[BgpPath, int] = {}  # by identity: reading a path takes longer than all else here
        self._nothing = HopTable.of(key_bits(family), ())
        self._routes = self._nothing  # known ones; in place of next hops the numbers of AS paths
        self._table: RouteTable | None = None  # whose routes these are
        self._changed: list[Prefix] = []
        self._sums = np.zeros((2, LIMIT))  # to, from; by number of the AS path
        self._seconds = 0.0  # decayed like the sums
        self._paused = True

    def changed(self, prefix: Prefix) -> None:
        """Its route is another, or none."""
        if len(self._changed) <= _CROWD:  # with more, all is forgotten: a table that is learned is a million
            self._changed.append(prefix)

    def pause(self) -> None:
        """Nothing was observed: that is not to say that there is no traffic."""
        self._paused = True
        self._forget_changed()

    def add(self, view: View, to: Bytes, source: Bytes, seconds: float) -> None:
        """Age the sums, then add what came in the `seconds` since."""
        if view.table is not self._table:
            self._table, self._routes = view.table, self._nothing
        self._forget_changed()
        decay = math.exp(-seconds / MEMORY)
        self._seconds = self._seconds * decay + seconds
        self._sums[:, : len(self._paths)] *= decay
        keys, octets = np.concatenate((to.keys, source.keys)), np.concatenate((to.octets, source.octets))
        numbers = self._numbers(view, keys, octets)
        count = len(self._paths)
        for row, part in enumerate((slice(None, len(to.keys)), slice(len(to.keys), None))):
            self._sums[row, :count] += np.bincount(numbers[part], octets[part], count)
        self._paused = False

    def rankings(self) -> Mapping[str, Ranking]:
        """The largest in bits per second, each of `TRAFFIC_BY`; none while nothing is observed."""
        if self._paused or self._seconds <= 0.0:
            return {}
        paths, count = self._paths, len(self._paths.as_names)
        to, source = self._sums[:, : len(paths)] * (8.0 / self._seconds)
        sums = (
            to,
            np.bincount(paths.destinations, to, count),
            np.bincount(paths.peers, to, count),
            np.bincount(paths.destinations, source, count),
        )
        names = (paths.names, *(paths.as_names,) * 3)
        return {by: _largest(*each) for by, *each in zip(TRAFFIC_BY, names, sums, strict=True)}

    # --- which AS path -------------------------------------------------------------------------------

    def _numbers(self, view: View, keys: Keys, octets: Weights) -> NDArray[np.int32]:
        """The number of each address's AS path."""
        full, bits = view.full, self._nothing.bits
        lengths = full.owners[np.searchsorted(full.starts, keys, "right") - 1]
        numbers = np.full(len(keys), NOT_ROUTED, np.int32)
        owned = np.flatnonzero(lengths != NOBODY)
        lengths = lengths[owned]
        starts = network(keys[owned], lengths, bits)
        found = self._found(starts, lengths)
        unknown = np.flatnonzero(found < 0)
        if len(unknown):
            self._learn(view, starts[unknown], lengths[unknown], octets[owned[unknown]])
            # All of them: to make room, some paths may have got other numbers, and some routes have gone.
            found = self._found(starts, lengths)
        numbers[owned] = np.where(found < 0, OTHER, found)
        return numbers

    def _found(self, starts: Keys, lengths: Lengths) -> NDArray[np.int32]:
        rows = self._routes.find(starts, lengths)
        return np.append(self._routes.hops, np.int32(-1))[rows]

    def _learn(self, view: View, starts: Keys, lengths: Lengths, octets: Weights) -> None:
        """Look up the prefixes with most traffic; they may repeat."""
        order = np.lexsort((lengths, starts))
        starts, lengths = starts[order], lengths[order]
        first = np.flatnonzero(np.append(True, (starts[1:] != starts[:-1]) | (lengths[1:] != lengths[:-1])))
        sums = np.add.reduceat(octets[order], first)
        chosen = first[np.sort(np.argsort(-sums, kind="stable")[:LOOKUPS])]
        starts, lengths = starts[chosen], lengths[chosen]
        self._make_room(len(chosen))
        dropped = self._family.bits - self._nothing.bits
        numbers = [
            self._look_up(view, text(self._family, start << dropped, length))
            for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
        ]
        old, at = self._routes, self._routes.place(starts, lengths)
        self._routes = HopTable(
            old.bits,
            np.insert(old.starts, at, starts),
            np.insert(old.lengths, at, lengths),
            np.insert(old.hops, at, np.array(numbers, np.int32)),
        )

    def _look_up(self, view: View, prefix: Prefix) -> int:
        if prefix in view.fixed:
            return LOCAL
        route = view.table.nearest(prefix)
        if route is None:
            return NOT_ROUTED
        number = self._known.get(route.path)
        if number is None:
            number = self._known[route.path] = self._paths.number(route.path.as_path)
        return number

    def _forget_changed(self) -> None:
        changed, self._changed = self._changed, []
        if len(changed) > _CROWD:
            self._routes = self._nothing
        elif changed and len(self._routes):
            bits, dropped = self._nothing.bits, self._family.bits - self._nothing.bits
            places = [key(prefix) for prefix in changed]
            starts = np.array([start >> dropped for start, _ in places], np.uint64)
            rows = self._routes.find(starts, np.array([min(length, bits) for _, length in places], np.int8))
            left = np.ones(len(self._routes), np.bool_)
            left[rows[rows >= 0]] = False
            self._routes = self._routes.take(left)

    def _make_room(self, fresh: int) -> None:
        """For so many more routes and paths: of paths the half with less traffic goes, of routes all."""
        if len(self._routes) + fresh > ROUTES:
            self._routes = self._nothing
        if len(self._known) + fresh > LIMIT:
            self._known = {}  # and with them those that no route has any more
        if len(self._paths) + fresh <= LIMIT:
            return
        weights = self._sums[:, : len(self._paths)].sum(axis=0)
        weights[: len(NAMES)] = -1.0
        kept = np.sort(np.argsort(-weights, kind="stable")[: LIMIT // 2])
        kept = kept[kept >= len(NAMES)]
        renumbered = self._paths.keep(kept.tolist())
        stay = np.flatnonzero(renumbered >= 0)
        sums = np.zeros_like(self._sums)
        sums[:, renumbered[stay]] = self._sums[:, stay]
        sums[:, OTHER] += self._sums[:, np.flatnonzero(renumbered < 0)].sum(axis=1)
        self._sums = sums
        numbers = renumbered[self._routes.hops]
        self._routes = replace(self._routes, hops=numbers).take(numbers >= 0)
        self._known = {path: int(renumbered[n]) for path, n in self._known.items() if renumbered[n] >= 0}


def _largest(names: list[str], sums: Weights) -> Ranking:
    """The first MOST of them, the largest first; of equal ones any."""
    total, sums = float(sums.sum()), sums.copy()
    sums[OTHER] = 0.0
    rows = np.argpartition(-sums, MOST)[:MOST] if len(sums) > MOST else np.arange(len(sums))
    rows = rows[sums[rows] > 0.0]
    rows = rows[np.argsort(-sums[rows], kind="stable")]
    return Ranking(tuple(names[row] for row in rows.tolist()), tuple(sums[rows].tolist()), total)
