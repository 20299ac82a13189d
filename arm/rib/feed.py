"""The reflect session's state: what BIRD's table is, and whether we know all of it.

A new session starts a new table beside the old one, which serves until BIRD says that the new one is
complete (end-of-RIB). So a session that flaps never makes the table look empty, and whatever was withdrawn
while we were not listening is gone afterwards. What comes in the meantime goes into both: it is known.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from arm.model import Family, Prefix
from arm.rib.indexed import IndexedTable
from arm.rib.messages import SessionChange, Update

FREEZE = 50_000  # changes while a table arrives after which what there is counts as no garbage


class Feed:
    """Both families' tables, as one reflect session delivers them."""

    def __init__(self) -> None:
        self._serving = {family: IndexedTable(family) for family in Family}
        self._learning: dict[Family, IndexedTable] = {}
        self._complete: set[Family] = set()
        self._unfrozen = 0  # changes of arriving tables since
        self.up = False
        self.changes = dict.fromkeys(Family, 0)  # announced and withdrawn prefixes since start

    def table(self, family: Family) -> IndexedTable:
        """The table to look routes up in."""
        return self._serving[family]

    def tables(self, family: Family) -> list[IndexedTable]:
        """The table in use, and the one that is arriving if there is one."""
        arriving = self.arriving(family)
        return [self._serving[family]] if arriving is None else [self._serving[family], arriving]

    def learning(self, family: Family) -> bool:
        """True while a session's initial table is arriving, and while there is no session."""
        return not self.up or family in self._learning

    def complete(self, family: Family) -> bool:
        """Has a whole table been learned since the start, be it an empty one?"""
        return family in self._complete

    def routes(self, family: Family) -> int:
        """Routes received so far in the session, or those of the last complete table."""
        return len(self._learning.get(family, self._serving[family]))

    def session(self, change: SessionChange) -> None:
        """The session came up or went down."""
        self.up = change.up
        self._learning = {family: IndexedTable(family) for family in Family} if change.up else {}

    def update(self, update: Update) -> Sequence[Prefix]:
        """Take an UPDATE in; returns the prefixes that it touched."""
        serving, arriving = self._serving[update.family], self._learning.get(update.family)
        touched: list[Prefix] = []
        for next_hop, prefixes in update.announced:
            path = update.path(next_hop)
            if arriving is not None:
                arriving.announce(path, prefixes)
                self._unfrozen += len(prefixes)
                if not serving and serving.default is None:
                    continue  # nothing serves yet, and there is nothing that a route could make wrong
            for prefix in prefixes:
                if arriving is not None:
                    known = serving.get(prefix) if prefix != update.family.default else serving.default
                    if (known is None and not serving) or (known is not None and known.next_hop == next_hop):
                        continue
                serving.announce(path, (prefix,))
                touched.append(prefix)
        for prefix in update.withdrawn:
            if arriving is not None:
                arriving.remove(prefix)
            serving.remove(prefix)
        touched += update.withdrawn
        self.changes[update.family] += sum(len(prefixes) for _, prefixes in update.announced)
        self.changes[update.family] += len(update.withdrawn)
        if self._unfrozen >= FREEZE:
            self._unfrozen = 0
            gc.freeze()  # else going through all of it, again and again, would stall everything
        return touched

    def arriving(self, family: Family) -> IndexedTable | None:
        """A session's initial table that is arriving, or is held back."""
        return self._learning.get(family)

    def end_of_rib(self, family: Family) -> None:
        """The session's initial table is complete: it serves from now on."""
        fresh = self._learning.pop(family, None)
        if fresh is not None:
            self._serving[family] = fresh
            self._complete.add(family)
