"""What changed and why: the latest events of each kind. Pure.

Each kind has room of its own, so that choices, of which there are thousands a day, do not push out the one
reload that explains them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

from arm.model import Concern, Family

Kind = Literal["start", "state", "concern", "reload", "choice", "peers", "operator"]
Fact = int | float | str | bool

ROOM: Mapping[Kind, int] = {
    "start": 50,
    "state": 300,
    "concern": 400,
    "reload": 100,
    "choice": 500,
    "peers": 300,
    "operator": 200,
}
LONGEST = 500  # characters of a text
SECTION = "events"  # its name in the file that survives restarts
LIMIT = 1 << 20  # octets there

_LABELS = {family.label: family for family in Family}
_KINDS: Mapping[str, Kind] = {kind: kind for kind in ROOM}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened at `time` (Unix seconds). Numbers count up from 1, over restarts too."""

    number: int
    time: float
    kind: Kind
    text: str
    family: Family | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)  # for programs; counts and names


class EventLog:
    """The latest events of each kind."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """`events` of an earlier run."""
        self._rings: dict[Kind, deque[Event]] = {kind: deque(maxlen=room) for kind, room in ROOM.items()}
        self._next = 1
        for event in sorted(events, key=lambda each: each.number):
            self._rings[event.kind].append(event)
            self._next = event.number + 1

    def add(
        self, time: float, kind: Kind, text: str, family: Family | None = None, **facts: Fact | None
    ) -> Event:
        """`facts` that are None are left out."""
        known = {name: _short(fact) for name, fact in facts.items() if fact is not None}
        event = Event(self._next, time, kind, text[:LONGEST], family, known)
        self._next += 1
        self._rings[kind].append(event)
        return event

    @property
    def newest(self) -> int:
        """The number of the last event; 0: there has been none."""
        return self._next - 1

    def latest(
        self,
        limit: int = LIMIT,
        *,
        before: int | None = None,
        kinds: Collection[Kind] = (),
        family: Family | None = None,
    ) -> list[Event]:
        """The newest first: with numbers below `before`, of these kinds (none: all), of this family."""
        found = [
            event
            for kind, ring in self._rings.items()
            if not kinds or kind in kinds
            for event in ring
            if (before is None or event.number < before) and (family is None or event.family is family)
        ]
        return sorted(found, key=lambda event: -event.number)[:limit]

    # --- what there is to tell, in the same words each time ---------------------------------------------

    def started(self, time: float, version: str) -> None:
        self.add(time, "start", f"ARM {version} started", version=version)

    def state(self, time: float, family: Family, state: str, before: str, reasons: Sequence[str]) -> None:
        why = f": {', '.join(reasons)}" if reasons else ""
        text = f"{family.title} is {state}, it was {before}{why}"
        self.add(time, "state", text, family, state=state, before=before, reasons=", ".join(reasons))

    def concerns(self, time: float, raised: Iterable[Concern], cleared: Iterable[Concern]) -> None:
        for over, concerns in ((True, cleared), (False, raised)):
            for each in concerns:
                text = f"over: {each.text}" if over else each.text
                lasted = round(max(0.0, time - each.since), 1) if over else None
                self.add(
                    time,
                    "concern",
                    text,
                    each.family,
                    name=each.name,
                    raised=not over,
                    critical=each.critical,
                    seconds=lasted,
                )

    def reloaded(self, time: float, ok: bool, lines: Iterable[str]) -> None:
        words = "; ".join(lines)
        text = f"configuration read again: {words}" if ok else f"the configuration was refused: {words}"
        self.add(time, "reload", text, ok=ok)

    def chosen(self, time: float, family: Family, wanted: Set[Any], before: Set[Any]) -> None:
        """A choice was taken: the prefixes wanted now, and before. One that changes nothing is no event."""
        added, removed = len(wanted - before), len(before - wanted)
        if added or removed:
            text = f"{family.title}: {len(wanted)} entries chosen, {added} new, {removed} given up"
            self.add(time, "choice", text, family, entries=len(wanted), added=added, removed=removed)

    def peers(self, time: float, lost: Iterable[str], back: Iterable[str]) -> None:
        for is_lost, peers in ((True, lost), (False, back)):
            for peer in sorted(peers):
                self.add(
                    time, "peers", f"peer {peer} is {'lost' if is_lost else 'back'}", peer=peer, lost=is_lost
                )


def _short(fact: Fact) -> Fact:
    return fact[:LONGEST] if isinstance(fact, str) else fact


def to_bytes(events: Iterable[Event], limit: int = LIMIT) -> bytes:
    """A line of JSON for each, as many of the newest as fit."""
    lines: list[bytes] = []
    for each in sorted(events, key=lambda event: -event.number):
        family = each.family.label if each.family is not None else None
        words = [each.number, each.time, each.kind, each.text, family, dict(each.facts)]
        line = json.dumps(words, separators=(",", ":")).encode() + b"\n"
        limit -= len(line)
        if limit < 0:
            break
        lines.append(line)
    return b"".join(reversed(lines))


def from_bytes(content: bytes) -> list[Event]:
    """What was saved. ValueError, in words, for anything else."""
    events = [_event(line) for line in content.splitlines()]
    if len({event.number for event in events}) != len(events):
        raise ValueError("two events have one number")
    return events


def _event(line: bytes) -> Event:
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("a line is not JSON") from None
    match words:
        case [int(number), float(time), str(kind), str(text), None | str() as label, dict(facts)] if (
            0 < number < 1 << 62
            and isfinite(time)
            and kind in _KINDS
            and (label is None or label in _LABELS)
            and all(isinstance(fact, Fact) for fact in facts.values())
        ):
            family = _LABELS[label] if label is not None else None
            return Event(number, time, _KINDS[kind], text[:LONGEST], family, facts)
    raise ValueError("a line is no event")
