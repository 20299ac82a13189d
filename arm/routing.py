"""What BIRD and the kernel say, as it comes: it changes tables, and mends at once what it makes wrong. Pure.

Everything here is done when an event arrives. What can wait for the tick is in choosing.py.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import structlog

from arm.announce.mend import default_instead, follow, mend
from arm.announce.speaker import Speaker
from arm.family import FamilyLoop
from arm.log import RateLimit
from arm.model import Family, Prefix
from arm.rib.feed import Feed
from arm.rib.messages import Answer, EndOfRib, MessageError, Parser, SessionChange, Update
from arm.selection.check import misforwarded

log = structlog.get_logger("arm")

REFLECTOR, TARGET = "reflector", "target"


@dataclass(frozen=True, slots=True)
class Tables:
    """What routing events change."""

    feed: Feed
    loops: Mapping[Family, FamilyLoop]
    speaker: Speaker


class Routing:
    """Both sessions' events. `sessions`: their names by ARM's address."""

    def __init__(self, tables: Tables, sessions: Mapping[str, str], strategy: str, now: float) -> None:
        self._feed = tables.feed
        self._loops = tables.loops
        self._speaker = tables.speaker
        self._sessions = sessions
        self._parser = Parser()
        self._rate_limit = RateLimit(10.0)
        self._doubtful: set[Family] = set()  # so much has changed that everything is looked at
        self.strategy = strategy
        self.changed: dict[Family, set[Prefix]] = {family: set() for family in Family}  # since last cleared
        self.down_since: dict[str, float | None] = dict.fromkeys(sessions.values(), now)

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
                self.changed[event.family].add(prefix)
                self.mend(event.family, prefix)
        else:
            self._end_of_rib(event)

    def _session(self, change: SessionChange, now: float) -> None:
        name = self._sessions.get(change.local_ip)
        if name is None:
            return
        self.down_since[name] = None if change.up else now
        log.info("session up" if change.up else "session down", session=name, reason=change.reason)
        if name == REFLECTOR:
            self._feed.session(change)
        else:
            self._speaker.session(change.up, now)

    def _end_of_rib(self, end: EndOfRib) -> None:
        self._feed.end_of_rib(end)
        gc.freeze()  # a million routes are not garbage: going through them would stall everything
        self.doubt(end.family)
        table = self._feed.table(end.family)
        log.info("table learned", family=end.family.label, routes=len(table))

    # --- mending ------------------------------------------------------------------------------------

    def mend(self, family: Family, prefix: Prefix) -> None:
        """Routing changed at a prefix: set right at once what is installed there."""
        table = self._feed.table(family)
        if self.strategy == "top":
            follow(self._speaker, prefix, table)
        else:
            mend(self._speaker, prefix, table, self._loops[family])

    def doubt(self, family: Family) -> None:
        """So much has changed that no prefix tells what."""
        self._doubtful.add(family)

    def settle_doubts(self, family: Family) -> None:
        """After a fresh picture of the table: whatever is wrong now takes the default."""
        if family not in self._doubtful:
            return
        self._doubtful.discard(family)
        loop, speaker = self._loops[family], self._speaker
        if self.strategy == "top":
            for prefix in {*speaker.standing(family), *speaker.wanted(family)}:
                follow(speaker, prefix, self._feed.table(family))
            return
        fixed = loop.fixed_table()
        for entries, tell in (
            (speaker.standing(family), speaker.correct),
            (speaker.wanted(family), speaker.amend),
        ):
            wrong = misforwarded(loop.incumbents(entries.values()), loop.full, fixed)
            default_instead(entries, wrong.firsts.tolist(), loop.full.runs.bits, tell)

    def _complain(self, text: str, key: str, now: float, **words: object) -> None:
        suppressed = self._rate_limit.allow(key, now)
        if suppressed is not None:
            log.warning(text, suppressed=suppressed, **words)
