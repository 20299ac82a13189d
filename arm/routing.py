"""What BIRD and the kernel say, as it comes: it changes tables, and mends at once what it makes wrong. Pure.

Everything here is done when an event arrives. What can wait for the tick is in choosing.py.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import structlog

from arm.announce.mend import default_instead, follow, mend
from arm.announce.speaker import Speaker
from arm.family import FamilyLoop
from arm.log import RateLimit
from arm.model import Entry, Family, Kind, Prefix
from arm.rib.feed import Feed
from arm.rib.fulltable import RouteIndex
from arm.rib.indexed import IndexedTable
from arm.rib.messages import Answer, EndOfRib, MessageError, Parser, SessionChange, Update
from arm.rib.table import RouteTable

log = structlog.get_logger("arm")

REFLECTOR, TARGET = "reflector", "target"

FLOOD, FEW = 0.002, 200  # changes from one look to the next, as a share of all routes, and at least: a flood


Make = Callable[[], RouteIndex]
Take = Callable[[RouteIndex], None]


def at_once(make: Make, take: Take) -> None:
    """Make an index here and now."""
    take(make())


@dataclass(frozen=True, slots=True)
class Tables:
    """What routing events change."""

    feed: Feed
    loops: Mapping[Family, FamilyLoop]
    speaker: Speaker


class Routing:
    """Both sessions' events. `sessions`: their names by ARM's address; `shrinks`: has the table lost so much,
    with so many routes left, that this is to be doubted? `beside` makes a new table's index in another thread
    and hands it over."""

    def __init__(
        self,
        tables: Tables,
        sessions: Mapping[str, str],
        strategy: str,
        shrinks: Callable[[Family, int], bool],
        now: float,
        beside: Callable[[Make, Take], None] = at_once,
    ) -> None:
        self._feed = tables.feed
        self._loops = tables.loops
        self._speaker = tables.speaker
        self._sessions = sessions
        self._parser = Parser()
        self._rate_limit = RateLimit(10.0)
        self._shrinks = shrinks
        self._beside = beside
        self._indexing: dict[Family, IndexedTable] = {}
        self._seen: set[str] = set()  # sessions that have been up
        self._held: dict[Family, float] = {}  # since when
        self._heard = 0  # changes, at the last look
        self._flood = False  # so many came since the one before that more is on its way
        self._doubtful: set[Family] = set()  # so much has changed that everything is looked at
        self.strategy = strategy
        self.dead: frozenset[str] = frozenset()  # next hops whose peers BIRD has lost
        self.recovering = False  # BIRD is, from a graceful restart
        self._changed: dict[Family, set[Prefix]] = {}  # since the last picture
        self.down_since: dict[str, float | None] = dict.fromkeys(sessions.values(), now)

    def heard(self, session: str) -> bool:
        """The session is up, or has never been: then there is nothing yet that it could be missed for."""
        return self.down_since[session] is None or session not in self._seen

    # --- ExaBGP -------------------------------------------------------------------------------------

    def lines(self, lines: Iterable[bytes], now: float) -> None:
        """ExaBGP wrote."""
        for line in lines:
            try:
                events = self._parser.parse(line)
            except MessageError as error:
                self._complain("line from ExaBGP not understood", "line", now, reason=str(error))
                continue
            for event in events:
                self._event(event, now)

    def exabgp_down(self, reason: str, now: float) -> None:
        """ExaBGP has gone, and both sessions with it."""
        self._speaker.restart(now)
        for local_ip, name in self._sessions.items():
            if self.down_since[name] is None:
                self._session(SessionChange(local_ip, False, reason), now)

    def _event(self, event: Answer | SessionChange | Update | EndOfRib, now: float) -> None:
        if isinstance(event, Answer):
            refused = self._speaker.answer(event.ok, now)
            if refused:
                self._complain("ExaBGP refused entries", "refused", now, prefixes=refused[:5])
        elif isinstance(event, SessionChange):
            self._session(event, now)
        elif event.sent:
            self._speaker.echo(event, now)
        elif self._sessions.get(event.local_ip) != REFLECTOR:
            return
        elif isinstance(event, Update):
            for prefix in self._feed.update(event):
                if event.family in self._changed:
                    self._changed[event.family].add(prefix)
                self.mend(event.family, prefix)
        else:
            self._end_of_rib(event.family, now)

    def _session(self, change: SessionChange, now: float) -> None:
        name = self._sessions.get(change.local_ip)
        if name is None:
            return
        if self.down_since[name] is not None and not change.up:
            return  # another attempt of ExaBGP's that failed
        self.down_since[name] = None if change.up else now
        if change.up:
            self._seen.add(name)
        log.info("session up" if change.up else "session down", session=name, reason=change.reason)
        if name == REFLECTOR:
            self._feed.session(change)
            self._held.clear()  # what was held back is gone; what comes now is not whole yet
        else:
            self._speaker.session(change.up, now)

    def _end_of_rib(self, family: Family, now: float) -> None:
        fresh = self._feed.routes(family)
        if self._doubtful_table(family):
            # BIRD may have been restarted, and say so before its peers have told it all.
            self._held.setdefault(family, now)
            self._complain("table held back", f"held {family.label}", now, family=family.label, routes=fresh)
        else:
            self._serve(family)

    def look_again(self, now: float, patience: float) -> None:
        """Tables that were held back serve once they are whole, or after `patience` seconds as they are. For
        every second or so."""
        before, self._heard = self._heard, sum(self._feed.changes.values())
        routes = sum(map(self._feed.routes, Family))
        self._flood = self._heard - before > max(FEW, FLOOD * routes)
        for family, since in [*self._held.items()]:
            if self._feed.arriving(family) is None:
                del self._held[family]
            elif now - since > patience or not self._doubtful_table(family):
                self._serve(family)

    def _doubtful_table(self, family: Family) -> bool:
        if self.recovering or self._shrinks(family, self._feed.routes(family)):
            return True
        # BIRD, started anew, calls its table complete while its peers are still telling it theirs.
        return self._flood and (self._feed.complete(family) or family in self._held)

    def _serve(self, family: Family) -> None:
        """The table that has arrived serves as soon as it has an index: until then the last one does."""
        self._held.pop(family, None)
        table = self._feed.arriving(family)
        if table is None or self._indexing.get(family) is table:
            return
        if table.indexed:
            self._put_to_use(family, table)
        else:
            self._indexing[family] = table
            self._beside(table.index_beside(), partial(self._indexed, family, table))

    def _indexed(self, family: Family, table: IndexedTable, index: RouteIndex) -> None:
        if self._indexing.get(family) is table:
            del self._indexing[family]
        if self._feed.arriving(family) is table:  # else there has been another session since
            table.take_index(index)
            self._put_to_use(family, table)

    def _put_to_use(self, family: Family, table: IndexedTable) -> None:
        self._feed.end_of_rib(family)
        gc.freeze()  # a million routes are not garbage: going through them would stall everything
        self.doubt(family)
        log.info("table learned", family=family.label, routes=len(table))

    # --- mending ------------------------------------------------------------------------------------

    def mend(self, family: Family, prefix: Prefix) -> None:
        """Routing changed at a prefix: set right at once what is installed there."""
        table = self._feed.table(family)
        if self.strategy == "top":
            follow(self._speaker, prefix, table, self.dead)
        else:
            mend(self._speaker, prefix, table, self._loops[family])
            self._renew(family, prefix, table)

    def _renew(self, family: Family, prefix: Prefix, table: RouteTable) -> None:
        """An entry that is a route has the route's attributes, also if it leads where it did."""
        entry, loop = self._speaker.wanted(family).get(prefix), self._loops[family]
        if entry is None or entry.kind is not Kind.ROUTE:
            return
        route = table.get(prefix)
        if route is not None and loop.hop_of(route) == loop.entry_hop(entry):
            self._speaker.amend(prefix, Entry(prefix, route.next_hop, route.attributes))

    def pictured(self, family: Family) -> None:
        """The next choice is made from the table as it is now."""
        self._changed[family] = set()

    def note(self, family: Family) -> None:
        """A choice is being made, from the table as it was pictured last."""
        self._changed.setdefault(family, set())

    def mend_noted(self, family: Family) -> None:
        """The choice is wanted: set right at once what has changed in the meantime."""
        for prefix in self._changed.get(family, ()):  # kept: the next choice may be from the same picture
            self.mend(family, prefix)

    def doubt(self, family: Family) -> None:
        """So much has changed that no prefix tells what."""
        self._doubtful.add(family)

    def peers_lost(self, dead: frozenset[str]) -> None:
        """BIRD has lost these peers: entries through them follow the default, before BIRD says so route by
        route. Those of peers that are back are chosen anew."""
        self.dead = dead
        for family, loop in self._loops.items():
            lost = dead - loop.dead
            loop.peers_lost(dead)
            if lost and self._speaker.may_speak(family):
                for prefix, entry in [*self._speaker.standing(family).items()]:
                    if entry.next_hop in lost:
                        self._speaker.correct(prefix, Entry.guard(prefix))
                for prefix, entry in [*self._speaker.wanted(family).items()]:
                    if entry.next_hop in lost:
                        self._speaker.amend(prefix, Entry.guard(prefix))

    def settle_doubts(self, family: Family) -> None:
        """After a fresh picture of the table: whatever is wrong now takes the default."""
        if family not in self._doubtful:
            return
        self._doubtful.discard(family)
        loop, speaker = self._loops[family], self._speaker
        if self.strategy == "top":
            for prefix in {*speaker.standing(family), *speaker.wanted(family)}:
                follow(speaker, prefix, self._feed.table(family), self.dead)
            return
        fixed = loop.fixed_table()
        for entries, tell in (
            (speaker.standing(family), speaker.correct),
            (speaker.wanted(family), speaker.amend),
        ):
            default_instead(entries, loop.incumbents(entries.values()), loop.full, fixed, tell)

    def _complain(self, text: str, key: str, now: float, **words: object) -> None:
        suppressed = self._rate_limit.allow(key, now)
        if suppressed is not None:
            log.warning(text, suppressed=suppressed, **words)
