"""What BIRD has been told, and what to tell it next. Pure: commands come out as text, events go in.

Four rules hold at every step:

- Capacity counts what the hardware may hold at any moment: what BIRD has been told, what has been withdrawn
  but is not seen to be gone, and whatever else BIRD has in the kernel. A new entry waits for room.
- What comes after what is planned (selection/steps.py), so that nothing is misforwarded in between. A repair
  goes first, and makes a new plan.
- One prefix, one change at a time. ExaBGP groups queued changes by attributes and can reorder two changes of
  the same prefix; so the next one waits until ExaBGP has echoed the last as written to the wire, and after a
  withdrawal until the kernel has followed.
- After a session comes up, what BIRD still has from the one before is told again, then comes end-of-RIB, then
  what changes: until then BIRD keeps the routes of the previous session (RFC 4724), so nothing flaps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, islice

from arm.announce import commands
from arm.announce.agenda import Pace
from arm.announce.book import Before, Book, Change
from arm.announce.slots import Slots
from arm.model import Entry, Family, Pool, Prefix
from arm.rib.messages import EndOfRib, Update
from arm.rib.prefixmap import PrefixMap

OUTSTANDING = 192  # changes that ExaBGP has and has not written yet: a repair waits behind them, 0.1 s
REFILL = OUTSTANDING // 2  # so few of them before steps follow: looking for the next ones costs most of it
BATCH = 500  # prefixes looked at in one go: enough to group by attributes, few enough to stay quick


@dataclass(frozen=True, slots=True)
class _Command:
    """A command that ExaBGP has not answered; `end`: it is an end-of-RIB, else changes, with what was
    before. `sets`: how many of attributes are in it."""

    changes: Mapping[Prefix, Before]
    sets: int = 1
    end: Family | None = None

    def untold(self) -> _Command:
        """The same, with nothing that this session had been told before."""
        changes = {prefix: replace(before, told_at=None) for prefix, before in self.changes.items()}
        return replace(self, changes=changes)


class Speaker:
    """Decides what to tell BIRD on the target session. `pace`: changes a second, repairs not counted."""

    def __init__(self, selector: str, asn: int, pools: Sequence[Pool], pace: float) -> None:
        self._selector = selector
        self._asn = asn
        self._slots = Slots(pools)
        self._pace = Pace(pace)
        self._books = {family: Book(family, self._slots) for family in Family}
        self._unanswered: deque[_Command] = deque()
        self.up = False
        self.goes_on = False  # there was more to do than `next` did
        self.commands = 0  # sent since start
        self.errors = 0  # refused by ExaBGP since start

    # --- what others look at ------------------------------------------------------------------------

    def wanted(self, family: Family) -> PrefixMap[Entry]:
        return self._books[family].wanted or PrefixMap(family)

    def standing(self, family: Family) -> PrefixMap[Entry]:
        """What BIRD has, told in this session or kept from the one before."""
        return self._books[family].standing

    def touched(self, family: Family) -> set[Prefix]:
        """Where what BIRD has changed, since somebody cleared this."""
        return self._books[family].touched

    def told(self, family: Family) -> Mapping[Prefix, Entry]:
        """What BIRD has been told in this session."""
        book = self._books[family]
        if len(book.told_at) == len(book.standing):
            return book.standing
        return {prefix: book.standing[prefix] for prefix in book.told_at}

    def told_at(self, family: Family) -> Mapping[Prefix, float]:
        return self._books[family].told_at

    def leaving(self, family: Family) -> Mapping[Prefix, float]:
        """Withdrawn, with the time, and not yet seen to be gone."""
        return self._books[family].leaving

    def absent(self, family: Family) -> Set[Prefix]:
        """Told in this session, and not in the kernel (yet)."""
        return self._books[family].absent

    def never_came(self, family: Family) -> list[Prefix]:
        """Wanted, but taken back because the kernel did not show it."""
        return self._books[family].never_came

    def may_speak(self, family: Family) -> bool:
        """Has it been said what is wanted? Before, nothing is said at all."""
        return self._books[family].wanted is not None

    def foreign(self, family: Family, now: float) -> Set[Prefix]:
        """What BIRD has in the kernel, but not from ARM: known some time after end-of-RIB."""
        book = self._books[family]
        return book.foreign if self.up and book.settled(now) else set()

    def occupied(self, family: Family) -> int:
        """Entries that the hardware may hold right now."""
        return self._books[family].occupied

    def far_behind(self) -> bool:
        """Is a choice so far from what stands that it takes a while yet? The next one only takes the time."""
        return self.up and any(book.far_behind for book in self._books.values())

    def idle(self) -> bool:
        """Nothing left to say and everything said has reached the wire."""
        return not self._unanswered and all(book.idle for book in self._books.values())

    # --- what shall be ------------------------------------------------------------------------------

    def want(self, family: Family, entries: PrefixMap[Entry]) -> None:
        """The choice for one family, most important first. Replaces the previous one."""
        self._books[family].want(entries)

    def adopt(self, family: Family, entries: Iterable[Entry]) -> None:
        """What an earlier run left in the kernel; to be said before the first `want`."""
        self._books[family].adopt(entries)

    def correct(self, prefix: Prefix, entry: Entry | None) -> None:
        """Routing changed: what stands at a prefix must be this, at once."""
        self._books[Family.of(prefix)].correct(prefix, entry)

    def amend(self, prefix: Prefix, entry: Entry | None) -> None:
        """Routing changed: what is wanted at a prefix must be this."""
        self._books[Family.of(prefix)].amend(prefix, entry)

    def fits(self, prefixes: Iterable[Prefix]) -> bool:
        """Is there room at once for entries of these prefixes, beside all that the hardware may hold?"""
        free = self._slots.free()
        return all(
            self._slots.holds(each)
            or (not self._books[Family.of(each)].blocked and self._slots.take(free, each))
            for each in prefixes
        )

    def wanted_fits(self, prefixes: Iterable[Prefix]) -> bool:
        """Is there room for entries of these prefixes beside all that is wanted?"""
        taken = self._slots.cost(book.wants for book in self._books.values())
        free = [pool.slots - own for pool, own in zip(self._slots.pools, taken, strict=True)]
        return all(self._slots.take(free, each) for each in prefixes)

    def freeze(self, family: Family, frozen: bool) -> None:
        """Nothing but repairs, and what a new session must be told, until this is over."""
        self._books[family].frozen = frozen

    def fixed(self, family: Family, fixed: PrefixMap[int]) -> None:
        """The entries of the FIB that are not ARM's."""
        self._books[family].fixed = fixed

    def resize(self, pools: Sequence[Pool], pace: float) -> None:
        """New limits. What is too much now leaves with the next choice."""
        self._slots.resize(pools)
        self._pace.rate = pace
        for book in self._books.values():
            book.replan()

    # --- what happens -------------------------------------------------------------------------------

    def session(self, up: bool, now: float) -> None:
        """The target session came up or went down."""
        self.up = up
        # What an earlier session was told, this one does not know.
        self._unanswered = deque(map(_Command.untold, self._unanswered))
        unread = [prefix for command in self._unanswered for prefix in command.changes]
        for family, book in self._books.items():
            book.session(up, (prefix for prefix in unread if Family.of(prefix) is family), now)

    def restart(self, now: float) -> None:
        """ExaBGP is gone, and with it the answers that it owed."""
        self._unanswered.clear()
        self.session(False, now)

    def answer(self, ok: bool, now: float) -> Sequence[Prefix]:
        """ExaBGP answered its oldest command; returns the prefixes that it refused."""
        if not self._unanswered:
            return ()
        command = self._unanswered.popleft()
        if not ok:
            self.errors += 1
            if command.end is not None:
                self._books[command.end].end_due = self.up
        for prefix, before in command.changes.items():
            book = self._books[Family.of(prefix)]
            if ok:
                book.answered(prefix, now)
            else:
                book.refuse(prefix, before, now, alone=command.sets == 1)
        return () if ok else tuple(command.changes)

    def echo(self, sent: Update | EndOfRib, now: float) -> None:
        """ExaBGP wrote this to the wire."""
        if isinstance(sent, Update):
            self._books[sent.family].echo(sent, now)

    def kernel(self, family: Family, prefix: Prefix, present: bool) -> None:
        """The kernel shows, or no longer shows, a route of BIRD's (the default excepted)."""
        self._books[family].kernel(prefix, present)

    def hardware(self, family: Family, prefix: Prefix, holds: bool) -> None:
        """The hardware has an entry, or has it no longer; never told where the platform does not tell."""
        self._books[family].hardware(prefix, holds)

    def lost(self, family: Family, prefixes: Iterable[Prefix], now: float) -> bool:
        """What BIRD was told of these has no effect: the kernel has them not, or the hardware refused.

        Returns whether there are any: then what they were there for must be looked at.
        """
        return self._books[family].lost(prefixes, now)

    def blocked(self) -> list[Family]:
        """Families in which BIRD lets nothing new in."""
        return [family for family, book in self._books.items() if book.blocked]

    def block(self, family: Family, blocked: bool) -> None:
        """BIRD lets nothing new in, or does so again."""
        book = self._books[family]
        if book.blocked and not blocked:
            book.try_again()
        book.blocked = blocked

    # --- what to do about it ------------------------------------------------------------------------

    def next(self, now: float) -> list[str]:
        """The commands to send now. Call again after every event, at least every second, and soon if it
        `goes_on`: not more than one plan is made in one go."""
        if not self.up:
            return []
        lines: list[str] = []
        for book in self._books.values():
            book.expire(now)
        for book in self._books.values():
            lines += self._repair(book, now)
        planned = self.goes_on = False
        for book in self._books.values():
            plans = self._proceeds(book) and not book.end_due and book.plans(now)
            if plans and planned:
                self.goes_on = True
            else:
                planned = planned or plans
                lines += self._proceed(book, now)
        self.commands += len(lines)
        return lines

    def _repair(self, book: Book, now: float) -> Iterator[str]:
        if self._outstanding < OUTSTANDING:
            yield from self._tell(book, list(book.urgent_changes()), now)

    def _proceeds(self, book: Book) -> bool:
        return book.wanted is not None and self._outstanding <= REFILL

    def _proceed(self, book: Book, now: float) -> Iterator[str]:
        if not self._proceeds(book):
            return
        if not book.end_due:
            changes = list(islice(book.steps(self._pace, now), BATCH))
            yield from self._tell(book, changes, now, self._pace)
        else:
            yield from self._tell(book, list(islice(book.told_again(), BATCH)), now)
            if book.told_everything and not self._unanswered:
                book.end(now)
                self._unanswered.append(_Command({}, end=book.family))
                yield commands.end_of_rib(self._selector, book.family)

    def _tell(self, book: Book, changes: list[Change], now: float, pace: Pace | None = None) -> Iterator[str]:
        for line, sets in self._commands(book, changes):
            if self._outstanding >= OUTSTANDING:
                return
            before = {
                prefix: book.commanded(prefix, entry, now, pace is not None)
                for members in sets
                for prefix, entry in members
            }
            self._unanswered.append(_Command(before, len(sets)))
            if pace is not None:
                pace.spend(len(before), now)
            yield line

    def _commands(self, book: Book, changes: list[Change]) -> Iterable[tuple[str, list[list[Change]]]]:
        """Commands, each with the changes in it, by attributes."""
        gone = (prefix for prefix, entry in changes if entry is None)
        told = {prefix: entry for prefix, entry in changes if entry is not None}
        new = [book.written(entry) for entry in told.values()]
        together = (entry for entry in new if entry.prefix not in book.alone)
        announced = chain(
            commands.announce(self._selector, self._asn, together),
            *(commands.announce(self._selector, self._asn, [e]) for e in new if e.prefix in book.alone),
        )
        withdrawn = commands.withdraw(self._selector, gone)
        return chain(
            ((line, [[(prefix, None) for prefix in members]]) for line, members in withdrawn),
            (
                (line, [[(e.prefix, told[e.prefix]) for e in members] for members in sets])
                for line, sets in announced
            ),
        )

    @property
    def _outstanding(self) -> int:
        """Changes that ExaBGP has been given. Its answers do not tell how many it still has: it reads more
        commands in a turn than it writes changes to the wire, so its queue would grow and grow."""
        return sum(book.in_flight for book in self._books.values())
