"""What BIRD has been told, and what to tell it next. Pure: commands come out as text, events go in.

Three rules hold at every step:

- Capacity counts what the hardware may hold at any moment: what BIRD has been told, what has been withdrawn
  but is not seen to be gone, and whatever else BIRD has in the kernel. A new entry waits for room.
- One prefix, one change at a time. ExaBGP groups queued changes by attributes and can reorder two changes of
  the same prefix; so the next one waits until ExaBGP has echoed the last as written to the wire, and after a
  withdrawal until the kernel has followed.
- After a session comes up everything is told again, and end-of-RIB follows when that is done: until then
  BIRD keeps the routes of the previous session (RFC 4724), so nothing flaps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice

from arm.announce import commands
from arm.model import Attributes, Entry, Family, Kind, Pool, Prefix
from arm.rib.messages import EndOfRib, Update
from arm.rib.prefixmap import key
from arm.selection.steps import Room, plan

OUTSTANDING = 64  # commands that ExaBGP has not answered yet
BATCH = 500  # prefixes looked at in one go: enough to group by attributes, few enough to stay quick
SETTLE = 2.0  # seconds after which a withdrawn prefix that the kernel does not show is taken for gone
ECHO_LOST = 5.0  # seconds after which a change without an echo was lost with its session
REFUSED = 60.0  # seconds before an entry that ExaBGP refused is tried again


@dataclass(slots=True)
class _Book:
    """One family's account."""

    family: Family
    capacity: int = 0
    wanted: dict[Prefix, Entry] | None = None  # None: nothing may be said yet, not even "nothing"
    urgent: dict[Prefix, Entry | None] = field(default_factory=dict)  # repairs: before all pending
    pending: dict[Prefix, Entry | None] = field(default_factory=dict)  # None: withdraw
    told: dict[Prefix, Entry] = field(default_factory=dict)
    told_at: dict[Prefix, float] = field(default_factory=dict)
    leaving: dict[Prefix, float] = field(default_factory=dict)  # withdrawn at, not seen to be gone
    in_flight: dict[Prefix, float] = field(default_factory=dict)  # commanded at, not echoed from the wire
    after: dict[Prefix, frozenset[Prefix]] = field(default_factory=dict)  # what pending ones wait for
    kernel: set[Prefix] = field(default_factory=set)
    foreign: set[Prefix] = field(default_factory=set)  # in the kernel, neither told nor leaving
    refused: dict[Prefix, float] = field(default_factory=dict)
    end_due: bool = False

    @property
    def occupied(self) -> int:
        return len(self.told) + len(self.leaving) + len(self.foreign)

    def tell(self, entry: Entry, now: float) -> None:
        self.told[entry.prefix] = entry
        self.told_at.setdefault(entry.prefix, now)
        self.foreign.discard(entry.prefix)

    def forget(self, prefix: Prefix) -> None:
        """No longer told; back to being just in the kernel, if it is there."""
        self.told.pop(prefix, None)
        self.told_at.pop(prefix, None)
        self.leaving.pop(prefix, None)
        if prefix in self.kernel:
            self.foreign.add(prefix)

    def replan(self, now: float) -> None:
        """Rebuild `pending` from the difference between wanted and told; it holds unfinished repairs too."""
        self.urgent, self.pending = {}, {}
        if self.wanted is None:
            return
        self.refused = {prefix: until for prefix, until in self.refused.items() if until > now}
        wanted = self.wanted
        if self.refused:
            wanted = {prefix: entry for prefix, entry in wanted.items() if prefix not in self.refused}
        self.pending, self.after = {}, {}
        pool = Pool(self.family.label, self.capacity, {self.family: (1,) * (self.family.bits + 1)})
        room = Room((pool,), {pool.name: len(self.leaving) + len(self.foreign - wanted.keys())})
        # Where there is no room to go straight, a prefix is withdrawn first; the next plan brings it back.
        for step in plan(self.told, wanted, self.family, room):
            if step.prefix not in self.pending:
                self.pending[step.prefix], self.after[step.prefix] = step.value, step.after


@dataclass(frozen=True, slots=True)
class _Command:
    """A command that ExaBGP has not answered; `end`: it is an end-of-RIB, else it is about `prefixes`."""

    prefixes: tuple[Prefix, ...]
    announces: bool = False
    end: Family | None = None


class Speaker:
    """Decides what to tell BIRD on the target session."""

    def __init__(self, selector: str, asn: int, capacity: Mapping[Family, int]) -> None:
        self._selector = selector
        self._asn = asn
        self._books = {family: _Book(family, capacity[family]) for family in Family}
        self._unanswered: deque[_Command] = deque()
        self.up = False
        self.commands = 0  # sent since start
        self.errors = 0  # refused by ExaBGP since start

    # --- what others look at ------------------------------------------------------------------------

    def wanted(self, family: Family) -> Mapping[Prefix, Entry]:
        return self._books[family].wanted or {}

    def told(self, family: Family) -> Mapping[Prefix, Entry]:
        return self._books[family].told

    def told_at(self, family: Family) -> Mapping[Prefix, float]:
        return self._books[family].told_at

    def leaving(self, family: Family) -> Mapping[Prefix, float]:
        """Withdrawn, with the time, and not yet seen to be gone."""
        return self._books[family].leaving

    def occupied(self, family: Family) -> int:
        """Entries that the hardware may hold right now."""
        return self._books[family].occupied

    def idle(self) -> bool:
        """Nothing left to say and everything said has reached the wire."""
        books = [book for book in self._books.values() if book.wanted is not None]
        return not self._unanswered and not any(
            b.urgent or b.pending or b.in_flight or b.end_due for b in books
        )

    # --- what happens -------------------------------------------------------------------------------

    def want(self, family: Family, entries: dict[Prefix, Entry], now: float) -> None:
        """The choice for one family, most important first. Replaces the previous one."""
        book = self._books[family]
        book.wanted = entries
        book.replan(now)

    def repair(self, family: Family, prefix: Prefix, entry: Entry | None) -> None:
        """A routing change of one wanted prefix: its new entry, or None when it has no route any more."""
        book = self._books[family]
        if book.wanted is None or (entry is None and prefix not in book.wanted):
            return
        if prefix not in book.wanted and len(book.wanted.keys() | book.told.keys()) >= book.capacity:
            # No room for one more: the entries above it follow the default, which needs none.
            for cover in [each for each in book.told if each in book.wanted and _covers(each, prefix)]:
                if book.told[cover].kind is not Kind.GUARD:
                    guard = Entry(cover, family.guard_next_hop, Attributes(), Kind.GUARD)
                    self.repair(family, cover, guard)
            return
        if entry is None:
            del book.wanted[prefix]
        else:
            book.wanted[prefix] = entry
        book.urgent.pop(prefix, None)
        book.pending.pop(prefix, None)
        if book.told.get(prefix) != entry:
            book.urgent[prefix] = entry  # routing changes outrank traffic

    def session(self, up: bool, now: float) -> None:
        """The target session came up or went down. BIRD keeps what it had, as stale routes."""
        self.up = up
        # ExaBGP drops what it has queued when a session ends, but not what it has not read by then: that is
        # still on its way in the next session, though it may have been answered in between.
        unread = {prefix for command in self._unanswered for prefix in command.prefixes}
        for family, book in self._books.items():
            on_its_way = {prefix for prefix in unread if Family.of(prefix) is family}
            if up:
                on_its_way |= book.in_flight.keys()
            book.in_flight = dict.fromkeys(on_its_way, now)
            doubtful = book.told.keys() | book.leaving.keys() | book.in_flight.keys()
            book.leaving = dict.fromkeys(doubtful - book.kernel, now)
            book.told, book.told_at = {}, {}
            book.foreign = set(book.kernel)
            book.end_due = up
            book.replan(now)

    def restart(self, now: float) -> None:
        """ExaBGP is gone, and with it the answers that it owed."""
        self._unanswered.clear()
        self.session(False, now)

    def answer(self, ok: bool, now: float) -> tuple[Prefix, ...]:
        """ExaBGP answered its oldest command; returns the prefixes that it refused."""
        if not self._unanswered:
            return ()
        command = self._unanswered.popleft()
        if ok:
            return ()
        self.errors += 1
        if command.end is not None:
            self._books[command.end].end_due = self.up
        for prefix in command.prefixes:
            book = self._books[Family.of(prefix)]
            book.in_flight.pop(prefix, None)
            book.leaving.pop(prefix, None)
            # What BIRD has is unknown now. The next choice announces it anew, or withdraws it.
            book.tell(Entry(prefix, "", Attributes()), now)
            if command.announces:
                book.refused[prefix] = now + REFUSED
        return command.prefixes

    def echo(self, sent: Update | EndOfRib, now: float) -> None:
        """ExaBGP wrote this to the wire."""
        if isinstance(sent, EndOfRib):
            return
        book = self._books[sent.family]
        for prefix in sent.withdrawn:
            book.in_flight.pop(prefix, None)
            if prefix in book.leaving:
                book.leaving[prefix] = now
        for next_hop, prefixes in sent.announced:
            for prefix in prefixes:
                book.in_flight.pop(prefix, None)
                if prefix not in book.told:
                    # Read by ExaBGP between two sessions, and unknown to this one.
                    book.leaving.pop(prefix, None)
                    book.tell(Entry(prefix, next_hop, Attributes()), now)
                    book.urgent.pop(prefix, None)
                    book.pending[prefix] = (book.wanted or {}).get(prefix)

    def kernel(self, family: Family, prefix: Prefix, present: bool) -> None:
        """The kernel shows, or no longer shows, a route of BIRD's (the default excepted)."""
        book = self._books[family]
        if present:
            book.kernel.add(prefix)
            if prefix not in book.told and prefix not in book.leaving:
                book.foreign.add(prefix)
        else:
            book.kernel.discard(prefix)
            book.foreign.discard(prefix)
            book.leaving.pop(prefix, None)

    # --- what to do about it ------------------------------------------------------------------------

    def next(self, now: float) -> list[str]:
        """The commands to send now. Call again after every event and at least every second."""
        if not self.up:
            return []
        lines: list[str] = []
        for family, book in self._books.items():
            _expire(book, now)
            for line, command in self._next(book, now):
                lines.append(line)
                self._unanswered.append(command)
            if book.end_due and book.wanted is not None and self._settled(book):
                lines.append(commands.end_of_rib(self._selector, family))
                self._unanswered.append(_Command((), end=family))
                book.end_due = False
        self.commands += len(lines)
        return lines

    def _next(self, book: _Book, now: float) -> Iterator[tuple[str, _Command]]:
        room = OUTSTANDING - len(self._unanswered)
        if room <= 0:
            return
        ready = list(islice(_ready(book), BATCH))
        gone = [prefix for prefix, entry in ready if entry is None]
        for line, prefixes in islice(commands.withdraw(self._selector, gone), room):
            room -= 1
            for prefix in prefixes:
                book.forget(prefix)
                book.foreign.discard(prefix)
                book.leaving[prefix] = now
            _commanded(book, prefixes, now)
            yield line, _Command(tuple(prefixes))
        new = [entry for _, entry in ready if entry is not None]
        for line, entries in islice(commands.announce(self._selector, self._asn, new), room):
            for entry in entries:
                book.tell(entry, now)
            prefixes = [entry.prefix for entry in entries]
            _commanded(book, prefixes, now)
            yield line, _Command(tuple(prefixes), announces=True)

    def _settled(self, book: _Book) -> bool:
        """Everything that could be told has been, and has reached the wire."""
        return not book.in_flight and not self._unanswered and next(_ready(book), None) is None


def _covers(prefix: Prefix, other: Prefix) -> bool:
    (start, length), (inner, longer) = key(prefix), key(other)
    drop = Family.of(prefix).bits - length
    return length < longer and start >> drop == inner >> drop


def _ready(book: _Book) -> Iterator[tuple[Prefix, Entry | None]]:
    """Pending changes that may be made now: withdrawals and changes in place, then what there is room for."""
    room = book.capacity - book.occupied
    for prefix, entry in chain(book.urgent.items(), book.pending.items()):
        if prefix in book.in_flight or prefix in book.leaving:
            continue
        if prefix not in book.urgent and any(
            each in book.pending or each in book.in_flight for each in book.after.get(prefix, ())
        ):
            continue  # in this order nothing is misforwarded in between (selection/steps.py)
        if entry is not None and prefix not in book.told and prefix not in book.foreign:
            if room <= 0:
                continue
            room -= 1
        yield prefix, entry


def _commanded(book: _Book, prefixes: Iterable[Prefix], now: float) -> None:
    for prefix in prefixes:
        book.in_flight[prefix] = now
        book.urgent.pop(prefix, None)
        book.pending.pop(prefix, None)


def _expire(book: _Book, now: float) -> None:
    """What time alone settles."""
    lost = [prefix for prefix, since in book.in_flight.items() if now - since > ECHO_LOST]
    for prefix in lost:
        del book.in_flight[prefix]
        book.forget(prefix)
    gone = [
        prefix for prefix, at in book.leaving.items() if now - at > SETTLE and prefix not in book.in_flight
    ]
    for prefix in gone:
        book.forget(prefix)
    if lost:
        book.replan(now)
