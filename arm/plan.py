"""What the next choice would change, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from arm.chooser import Answer, Question, decided
from arm.family import FamilyLoop
from arm.lifecycle import State
from arm.model import Entry, Family, Kind, Prefix
from arm.rib.hoptable import DEFAULT, key_bits
from arm.rib.prefixmap import text
from arm.selection.demand import Demand, carried

Action = Literal["add", "remove", "change"]

_HELD: Mapping[State, str] = {
    State.OFF: "its capacity is 0: all is withdrawn",
    State.STOPPED: "the mode is withdraw: all is withdrawn",
    State.LEARNING: "BIRD's table is not complete: nothing is chosen",
    State.NO_DEFAULT: "the kernel has no default route: nothing is chosen",
    State.FROZEN: "the choice is frozen: it is made, and not taken until that is over",
    State.OBSERVING: "the mode is observe: the choice is made, and not taken",
    State.WARMING: "traffic is not known long enough: entries are added, and none is taken away",
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One entry that would be other than now; next hops None: the default's. `weight` per second, as the
    choice counts, is what the entry decides about: after the change, or before if it goes."""

    action: Action
    prefix: Prefix
    family: Family
    kind: str
    next_hop: str | None
    before: str | None  # the next hop, of what changes or goes
    weight: float
    reason: str  # a stable word
    text: str


@dataclass(frozen=True, slots=True)
class FamilyPlan:
    """One family's. `taken`: would it be acted on; if not, `why` says what holds it."""

    family: Family
    state: str
    taken: bool
    why: str
    now: int  # entries
    then: int
    changes: tuple[Planned, ...]  # those with most weight first


def untaken(family: Family, state: State, current: Iterable[Entry]) -> FamilyPlan:
    """Where no choice is made: everything stays, or goes."""
    entries = list(current)
    gone = entries if state.withdraws_all else []
    changes = tuple(
        Planned("remove", each.prefix, family, _kind(each), None, _hop(each), 0.0, state.value, _HELD[state])
        for each in gone
    )
    return FamilyPlan(
        family,
        state.value,
        state.withdraws_all,
        _HELD[state],
        len(entries),
        len(entries) - len(gone),
        changes,
    )


def compare(question: Question, answer: Answer, state: State) -> FamilyPlan:
    """The plan that an answer comes to. In the thread that made it, while the numbers of the loop stay."""
    loop, demand = question.loop, question.demand
    before = {entry.prefix: entry for entry in question.current}
    after = answer.entries
    old, new = (_weights(loop, entries, demand) for entries in (before.values(), after.values()))
    routes = dict(_carried(loop, demand))
    pinned = {text(loop.family, *place) for place in _places(loop.family, demand)}
    why = Why(question, routes, pinned)
    changes = [
        Planned(*told, *why.of(told[0], entry))
        for told, entry in _differences(loop.family, before, after, old, new)
    ]
    changes.sort(key=lambda each: (-each.weight, each.prefix))
    wrong = "it would misforward, so it would be held back" if answer.wrong else ""
    held = wrong or _HELD.get(state, "")
    taken = not answer.wrong and state.may_announce
    return FamilyPlan(loop.family, state.value, taken, held, len(before), len(after), tuple(changes))


_Told = tuple[Action, Prefix, Family, str, str | None, str | None, float]


def _differences(
    family: Family,
    before: Mapping[Prefix, Entry],
    after: Mapping[Prefix, Entry],
    old: Mapping[Prefix, float],
    new: Mapping[Prefix, float],
) -> Iterator[tuple[_Told, Entry]]:
    for prefix, entry in after.items():
        stood = before.get(prefix)
        weight = new.get(prefix, 0.0)
        if stood is None:
            yield ("add", prefix, family, _kind(entry), _hop(entry), None, weight), entry
        elif (stood.kind, stood.next_hop) != (entry.kind, entry.next_hop):
            yield ("change", prefix, family, _kind(entry), _hop(entry), _hop(stood), weight), entry
    for prefix, entry in before.items():
        if prefix not in after:
            weight = old.get(prefix, 0.0)
            yield ("remove", prefix, family, _kind(entry), None, _hop(entry), weight), entry


@dataclass(frozen=True, slots=True)
class Why:
    """Reasons in words. `routes`: what each route carries per second."""

    question: Question
    routes: Mapping[Prefix, float]
    pinned: set[Prefix]

    def of(self, action: Action, entry: Entry) -> tuple[str, str]:
        """The stable word, and the sentence."""
        if action == "remove":
            return self._gone(entry)
        if entry.prefix in self.pinned:
            return "pinned", "an operator pinned it"
        if entry.kind is Kind.GUARD:
            return "guard", "it follows the default, which an entry above it would hide"
        if action == "change":
            return "moved", "its route leads elsewhere now, or it is no guard any more"
        return "carries", "it carries more than what an entry must"

    def _gone(self, entry: Entry) -> tuple[str, str]:
        loop, route = self.question.loop, self.question.table.get(entry.prefix)
        if route is not None and loop.hop_of(route) == DEFAULT != loop.hop((route.next_hop,)):
            return "denied", "an operator denied it"
        if entry.kind is Kind.GUARD:
            return "no-guard", "no entry above it would hide the default any more"
        if entry.kind is Kind.ROUTE and route is None:
            return "not-routed", "the BGP table has no such route any more"
        if entry.next_hop in loop.dead:
            return "dead-peer", "its next hop is a peer that BIRD has lost"
        if route is not None and loop.hop((route.next_hop,)) == DEFAULT:
            return "follows-default", "the default route leads there too"
        carries = self.routes.get(entry.prefix, 0.0)
        if entry.kind is Kind.ROUTE and carries <= 0.0:
            return "no-traffic", "it had no sample lately"
        least = self.question.demand.minimum
        if carries < loop.meter.rate_of(np.array([least]))[0]:
            return "below-minimum-rate", "it carries less than selection.minimum_rate"
        return "no-room", "it carries less than what an entry must"


def _kind(entry: Entry) -> str:
    return entry.kind.name.lower()


def _hop(entry: Entry) -> str | None:
    return None if entry.kind is Kind.GUARD else entry.next_hop


def _weights(loop: FamilyLoop, entries: Iterable[Entry], demand: Demand) -> dict[Prefix, float]:
    """What each of the entries decides about, per second."""
    table = loop.incumbents(entries)
    rates = loop.meter.rate_of(decided(table, demand)).tolist()
    dropped = loop.family.bits - table.bits
    places = zip(table.starts.tolist(), table.lengths.tolist(), strict=True)
    return {
        text(loop.family, start << dropped, length): rate
        for (start, length), rate in zip(places, rates, strict=True)
    }


def _carried(loop: FamilyLoop, demand: Demand) -> Iterator[tuple[Prefix, float]]:
    """What routes carry per second, of those with traffic."""
    family = loop.family
    weights = loop.meter.rate_of(carried(demand))
    rows = np.flatnonzero(weights > 0.0)
    routes, dropped = demand.table.routes.take(rows), family.bits - key_bits(family)
    for start, length, weight in zip(
        routes.starts.tolist(), routes.lengths.tolist(), weights[rows].tolist(), strict=True
    ):
        yield text(family, start << dropped, length), weight


def _places(family: Family, demand: Demand) -> Iterator[tuple[int, int]]:
    """The pins' first addresses and lengths."""
    dropped = family.bits - key_bits(family)
    for start, length, _ in demand.pins.rows():
        yield start << dropped, length
