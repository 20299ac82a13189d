"""One family's account: what BIRD has of it, what it shall have, and what is on its way. Pure.

`standing` is what BIRD has from ARM and so may be in the FIB: told in this session, or kept by BIRD from the
one before ("stale", RFC 4724). It changes as commands leave, not as they are answered; repairs change it as
they are decided, so that the next one counts on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from arm.announce.agenda import Agenda, Pace
from arm.announce.portion import MOST, portion
from arm.announce.slots import Slots, Tally
from arm.model import NO_ATTRIBUTES, Entry, Family, Kind, Prefix
from arm.rib.messages import Update
from arm.rib.prefixmap import PrefixMap
from arm.selection.steps import Room, plan

SETTLE = 2.0  # seconds after which what the kernel does not show or still shows is taken as it is
ECHO_LOST = 5.0  # seconds after its answer at which a change without an echo was lost with its session
FIRST_WAIT, LONGEST_WAIT = 5.0, 60.0  # seconds before what has no effect is tried again
REPLAN = 0.2  # seconds between plans, when repairs make new ones necessary
TAIL, NEXT = MOST // 5, 1.0  # so few steps, or seconds: what is left of a portion joins the next one
JOIN = 0.05  # seconds at least to that: had all steps to wait, it would be at once

Change = tuple[Prefix, Entry | None]  # None: withdraw


@dataclass(frozen=True, slots=True)
class Before:
    """What BIRD had at a prefix before a change, and since when this session had been told so."""

    entry: Entry | None
    told_at: float | None
    repair: bool  # the change was one


class Book:
    """See above."""

    def __init__(self, family: Family, slots: Slots) -> None:
        self.family = family
        self.wanted: PrefixMap[Entry] | None = None  # None: nothing may be said yet, not even "nothing"
        self.standing: PrefixMap[Entry] = PrefixMap(family)
        self.touched: set[Prefix] = set()  # where that has changed, since last cleared
        self.told_at: dict[Prefix, float] = {}  # those of `standing` that this session was told
        self.urgent: dict[Prefix, Before] = {}  # repairs, before all else: with what BIRD still has
        self.leaving: dict[Prefix, float] = {}  # withdrawn at, not seen to be gone
        self.foreign: set[Prefix] = set()  # what the kernel holds through BIRD, but not from ARM
        self.absent: set[Prefix] = set()  # told in this session, and not in the kernel
        self.fixed: PrefixMap[int] = PrefixMap(family)  # of the FIB, not ARM's: by next hop number
        self.frozen = False  # nothing but repairs
        self.blocked = False  # BIRD lets nothing new in: its import limit was hit
        self.end_due = False  # the session has not been told everything yet
        self.alone: set[Prefix] = set()  # refused with others that may be the reason: one command for each
        self.wants = Tally(family)  # `wanted`, counted
        self._slots = slots
        self._stands = Tally(family)  # `standing`, counted
        self._agenda = Agenda()
        self._replan = False
        self._partly = False  # the agenda leads to a part of what is wanted
        self._planned_at = -math.inf
        self._in_flight: dict[Prefix, float] = {}  # not echoed from the wire; answered at
        self._kernel: set[Prefix] = set()
        self._hardware: set[Prefix] = set()  # empty where the platform does not tell
        self._dropping: set[Prefix] = set()  # stale, and not told again: BIRD drops them at end-of-RIB
        self._dropped_at = -math.inf
        self._bare: set[Prefix] = set()  # refused with attributes, so told without
        self._refused: dict[Prefix, float] = {}  # not to be told again until
        self._waits: dict[Prefix, float] = {}  # how long, the next time
        self._never_came: set[Prefix] = set()  # of these, what the kernel did not have

    # --- what others look at ------------------------------------------------------------------------

    @property
    def occupied(self) -> int:
        """Entries that the hardware may hold right now."""
        return len(self._kernel.union(self.standing, self.leaving))

    @property
    def in_flight(self) -> int:
        """Changes that are not known to have reached the wire."""
        return len(self._in_flight)

    @property
    def idle(self) -> bool:
        """Nothing left to say, and everything said has reached the wire."""
        if self.wanted is None:
            return True
        return not (
            self.urgent or self._agenda or self._in_flight or self.end_due or self._replan or self._partly
        )

    @property
    def never_came(self) -> list[Prefix]:
        """Wanted, told, and taken back because the kernel did not show it. Tried again now and then."""
        return [prefix for prefix in self._never_came if prefix in self._waits]

    @property
    def far_behind(self) -> bool:
        """More than one portion is left, and nothing is in its way."""
        return self._partly and not (self.frozen or self.blocked)

    # --- what shall be ------------------------------------------------------------------------------

    def want(self, entries: PrefixMap[Entry]) -> None:
        """A new choice, most important first."""
        self.wanted, self.wants = entries, Tally(self.family, entries)
        self._planned_at = -math.inf
        self.replan()

    def replan(self) -> None:
        """The way from what stands to what is wanted is not what it was."""
        self._agenda = Agenda()
        self._replan = True

    def correct(self, prefix: Prefix, entry: Entry | None) -> None:
        """Make what stands right, at once."""
        stood = self.standing.get(prefix)
        if stood == entry:
            return
        before = self.urgent.setdefault(prefix, Before(stood, self.told_at.get(prefix), True))
        self._stand(prefix, entry)
        self._unless_as_before(prefix, before)
        if self._agenda:
            self.replan()

    def amend(self, prefix: Prefix, entry: Entry | None) -> None:
        """Make what is wanted right."""
        if self.wanted is None or self.wanted.get(prefix) == entry:
            return
        self.wants.count(prefix, (entry is not None) - (prefix in self.wanted))
        if entry is None:
            del self.wanted[prefix]
        else:
            self.wanted[prefix] = entry
        if self._agenda or self.standing.get(prefix) != entry:
            self.replan()

    def adopt(self, entries: Iterable[Entry]) -> None:
        """Entries of an earlier run, which BIRD still has."""
        for entry in entries:
            if entry.prefix in self._kernel and entry.prefix not in self.standing:
                self._stand(entry.prefix, entry)

    # --- what to do about it ------------------------------------------------------------------------

    def urgent_changes(self) -> Iterator[Change]:
        """Repairs that can be made now. There is room, or they would not have been decided."""
        for prefix in self.urgent:
            if not self._under_way(prefix):
                yield prefix, self.standing.get(prefix)

    def told_again(self) -> Iterator[Change]:
        """What BIRD has from the session before. No change to the FIB."""
        for prefix, entry in self.standing.items():
            if prefix not in self.told_at and not self._moving(prefix) and prefix not in self.urgent:
                yield prefix, entry

    def plans(self, now: float) -> bool:
        """Would `steps` begin with a new plan? With 20,000 entries that takes 20 to 40 ms."""
        passed = now - self._planned_at
        joins = self._partly and (len(self._agenda) <= TAIL or passed >= NEXT)
        due = (self._replan and passed >= REPLAN) or (joins and passed >= JOIN)
        return due and self._may_step(now)

    def _may_step(self, now: float) -> bool:
        if self.frozen or self.wanted is None or (self._dropping and now < self._dropped_at):
            return False
        return not any(map(self._under_way, self.urgent))  # what can be repaired has been; this is soon

    def steps(self, pace: Pace, now: float) -> Iterator[Change]:
        """Steps towards what is wanted that can be made now."""
        if self.wanted is None or not self._may_step(now):
            return
        if self.plans(now):
            self._plan(self.wanted, now)
        free = self._slots.free()
        ready = (
            (step.prefix, step.value)
            for step in self._agenda.ready(self._moving, self._without_effect)
            if self._has_room(step.prefix, step.value, free)
        )
        yield from islice(ready, pace.allowed(now))

    def end(self, now: float) -> None:
        """BIRD is told that this is all: it drops what it has beyond that."""
        self.end_due = False
        self._dropping, self._dropped_at = {*self.foreign}, now + SETTLE

    def settled(self, now: float) -> bool:
        """BIRD has dropped what it should at the end-of-RIB."""
        return not self.end_due and self.wanted is not None and now > self._dropped_at

    @property
    def told_everything(self) -> bool:
        """What stood has been told again, and has reached the wire."""
        return not self.urgent and not self._in_flight and len(self.standing) == len(self.told_at)

    def _plan(self, wanted: PrefixMap[Entry], now: float) -> None:
        pools = self._slots.pools
        free, standing = self._slots.free(), self._slots.cost([self._stands])
        taken = {
            pool.name: pool.slots - left - own for pool, left, own in zip(pools, free, standing, strict=True)
        }
        # What somebody else has installed at a prefix of ours is about to make ours leave.
        others = {
            each: hop for each, hop in self.fixed.items() if not (each in self.standing or each in wanted)
        }
        fixed = PrefixMap(self.family, others)
        next_table = portion(self.standing, wanted, self._slots, self._held_up)
        self._agenda = Agenda(plan(self.standing, next_table, self.family, Room(pools, taken), fixed))
        self._replan, self._partly, self._planned_at = False, next_table is not wanted, now
        self._waits = {prefix: wait for prefix, wait in self._waits.items() if prefix in wanted}
        self._never_came.intersection_update(self._waits)

    def _under_way(self, prefix: Prefix) -> bool:
        return prefix in self._in_flight or prefix in self.leaving

    def _held_up(self, prefix: Prefix) -> bool:
        return prefix in self._refused or (self.blocked and not self._slots.holds(prefix))

    def _moving(self, prefix: Prefix) -> bool:
        return self._under_way(prefix) or prefix in self._refused

    def _without_effect(self, prefix: Prefix) -> bool:
        """What comes after this must wait: BIRD may not even have let it in, nor the hardware."""
        if self._moving(prefix):
            return True
        holds = self._hardware if self._hardware else self._kernel
        return prefix in self.told_at and prefix not in holds

    def _has_room(self, prefix: Prefix, entry: Entry | None, free: list[int]) -> bool:
        if entry is None or self._slots.holds(prefix):
            return True
        return not self.blocked and self._slots.take(free, prefix)

    # --- what happens -------------------------------------------------------------------------------

    def commanded(self, prefix: Prefix, entry: Entry | None, now: float, step: bool) -> Before:
        """ExaBGP was given this change, one of `steps` or not; returns what was before."""
        before = self.urgent.pop(prefix, None)
        if before is None:
            before = Before(self.standing.get(prefix), self.told_at.get(prefix), False)
        self._stand(prefix, entry)
        if entry is None:
            self.leaving[prefix] = now
        else:
            self.told_at.setdefault(prefix, now)
        self._in_flight[prefix] = math.inf
        if step:
            self._agenda.done(prefix)
        self._account(prefix)
        return before

    def answered(self, prefix: Prefix, now: float) -> None:
        """ExaBGP has taken the change; the wire is next."""
        self.alone.discard(prefix)
        if prefix in self._in_flight:
            self._in_flight[prefix] = now

    def refuse(self, prefix: Prefix, before: Before, now: float, alone: bool) -> None:
        """ExaBGP does not take the change: all is as before. Attributes are all that can be wrong with one,
        so it is tried `alone`, if it was not, and then without them at once, then again after a while. What
        must be repaired still must."""
        self._in_flight.pop(prefix, None)
        self.leaving.pop(prefix, None)
        given_up = alone and prefix in self._bare
        if prefix in self.urgent or (before.repair and not given_up):
            self.urgent[prefix] = replace(before, repair=True)
        else:
            self._stand(prefix, before.entry)
        self._told(prefix, before.told_at)
        self._unless_as_before(prefix, before)
        if given_up:
            self._refused[prefix] = now + LONGEST_WAIT
        (self._bare if alone else self.alone).add(prefix)
        self._account(prefix)
        self.replan()

    def written(self, entry: Entry) -> Entry:
        """The entry as ExaBGP is told."""
        return replace(entry, attributes=NO_ATTRIBUTES) if entry.prefix in self._bare else entry

    def echo(self, sent: Update, now: float) -> None:
        """ExaBGP wrote this to the wire."""
        for prefix in sent.withdrawn:
            self._in_flight.pop(prefix, None)
            if prefix in self.told_at:  # read by ExaBGP between two sessions, and unknown to this one
                self._stand(prefix, None)
                self.leaving[prefix] = now
                self.replan()
            elif prefix in self.leaving:
                self.leaving[prefix] = now
            self._account(prefix)
        for next_hop, prefixes in sent.announced:
            for prefix in prefixes:
                self._in_flight.pop(prefix, None)
                if prefix not in self.told_at:  # likewise
                    self.leaving.pop(prefix, None)
                    self._unknown(prefix, next_hop, now)
                self._account(prefix)

    def lost(self, prefixes: Iterable[Prefix], now: float) -> bool:
        """What BIRD was told of these has no effect: it is taken back, and tried again after a while, ever
        more rarely. Returns whether there was any."""
        lost = [each for each in prefixes if each in self.told_at and not self._under_way(each)]
        self._never_came.update(prefix for prefix in lost if prefix not in self._kernel)
        for prefix in lost:
            self._refused[prefix] = now + self._waits.get(prefix, FIRST_WAIT)
            self._waits[prefix] = min(LONGEST_WAIT, 2.0 * self._waits.get(prefix, FIRST_WAIT))
            self.correct(prefix, None)
        if lost:
            self.replan()
        return bool(lost)

    def try_again(self) -> None:
        """What was in the way of all that has no effect is gone."""
        self._refused, self._waits = {}, {}
        self._never_came.clear()

    def kernel(self, prefix: Prefix, present: bool) -> None:
        """The kernel shows, or no longer shows, a route of BIRD's (the default excepted)."""
        if present:
            self._kernel.add(prefix)
            self._never_came.discard(prefix)
        else:
            self._kernel.discard(prefix)
            self._dropping.discard(prefix)
            self.leaving.pop(prefix, None)
            if prefix in self.standing and prefix not in self.told_at and prefix not in self.urgent:
                self._stand(prefix, None)
        self._account(prefix)

    def hardware(self, prefix: Prefix, holds: bool) -> None:
        """The hardware has an entry, or has it no longer."""
        (self._hardware.add if holds else self._hardware.discard)(prefix)

    def session(self, up: bool, unread: Iterable[Prefix], now: float) -> None:
        """The session came up or went down. BIRD keeps what it had, as stale routes.

        `unread`: prefixes of commands that ExaBGP has not answered. It drops what it has queued when a
        session ends, but not what it has not read by then: that is on its way in the next session, though it
        may be answered in between.
        """
        on_its_way = dict.fromkeys(unread, math.inf)
        if up:
            on_its_way |= dict.fromkeys(self._in_flight.keys() - on_its_way.keys(), now)
        doubtful = set(self.standing).union(self.leaving, self._in_flight, on_its_way)
        self._in_flight = on_its_way
        self.leaving = dict.fromkeys(doubtful - self._kernel, now)
        self.told_at = {}
        self.urgent = {prefix: replace(before, told_at=None) for prefix, before in self.urgent.items()}
        self._bare.clear()
        self.alone.clear()
        for prefix in [each for each, entry in self.standing.items() if not entry.next_hop]:
            self._stand(prefix, None)  # unknown, so it cannot be told again
        for prefix in set(self.standing).difference(self._kernel, self.urgent):
            self._stand(prefix, None)
        for prefix in doubtful:
            self._account(prefix)
        self.end_due = up
        self.replan()

    def expire(self, now: float) -> None:
        """What time alone settles."""
        self._refused = {prefix: until for prefix, until in self._refused.items() if until > now}
        for prefix in [each for each, at in self._in_flight.items() if now - at > ECHO_LOST]:
            del self._in_flight[prefix]
            self.leaving.pop(prefix, None)
            if prefix in self._kernel:
                self._unknown(prefix, "", now)
            else:
                self._stand(prefix, None)
                self.replan()
            self._account(prefix)
        for prefix in [each for each, at in self.leaving.items() if now - at > SETTLE]:
            if prefix not in self._in_flight:
                del self.leaving[prefix]
                self._account(prefix)

    def _unknown(self, prefix: Prefix, next_hop: str, now: float) -> None:
        """BIRD has something there, though not what it was told last."""
        self.urgent.pop(prefix, None)
        self._stand(prefix, Entry(prefix, next_hop, NO_ATTRIBUTES, Kind.SYNTHESISED))
        self.told_at.setdefault(prefix, now)
        self.replan()

    def _unless_as_before(self, prefix: Prefix, before: Before) -> None:
        """What BIRD still has is right after all: then it needs no repair."""
        if prefix in self.urgent and before.entry == self.standing.get(prefix):
            del self.urgent[prefix]
            self._told(prefix, before.told_at)
            self._account(prefix)

    def _told(self, prefix: Prefix, at: float | None) -> None:
        """Since when BIRD has been told what stands."""
        if at is None or prefix not in self.standing:
            self.told_at.pop(prefix, None)
        else:
            self.told_at[prefix] = at

    def _stand(self, prefix: Prefix, entry: Entry | None) -> None:
        self.touched.add(prefix)
        self._stands.count(prefix, (entry is not None) - (prefix in self.standing))
        if entry is not None:
            self.standing[prefix] = entry
        else:
            self.told_at.pop(prefix, None)
            if prefix in self.standing:
                del self.standing[prefix]
        self._account(prefix)

    def _account(self, prefix: Prefix) -> None:
        shown, ours = prefix in self._kernel, prefix in self.standing or prefix in self.leaving
        (self.foreign.add if shown and not ours else self.foreign.discard)(prefix)
        (self.absent.add if prefix in self.told_at and not shown else self.absent.discard)(prefix)
        held = ours or shown
        before = self.urgent.get(prefix)
        self._slots.hold(prefix, held or (before is not None and before.entry is not None))
