"""The operator's word about single routes: pins are always installed, denials never. Pure.

A rule is about the routes of one prefix, of one origin AS or with one community. What a rule says of path
attributes is remembered by attribute set, because a million routes share some hundred thousand of them and
equal sets are one object (rib/messages.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf
from weakref import ref

from arm.model import AsPathSegment, Attributes, Prefix, Route


class Verdict(Enum):
    """What the rules say of a route."""

    NONE = "none"  # nothing: traffic decides
    PIN = "pin"
    DENY = "deny"


NONE, PIN, DENY = Verdict  # a million routes are asked about: reading a member of an Enum is slow


@dataclass(frozen=True, slots=True)
class Rule:
    """Routes of exactly this `prefix` (not those inside it), or that AS `asn` originates, or with this
    `community` (two numbers, a large one three). Applies before `until` (Unix seconds); None: always."""

    prefix: Prefix | None = None
    asn: int | None = None
    community: tuple[int, ...] | None = None
    until: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.prefix, self.asn, self.community)) != 1:
            raise ValueError("a rule is about exactly one of prefix, AS and community")


class _Judged(ref[Attributes]):
    """Weak reference to an attribute set, with its key in the memory and what the rules say of it."""

    __slots__ = ("at", "verdict")
    at: int
    verdict: Verdict


class Policy:
    """All rules, ready to be asked about many routes. A denial beats a pin."""

    def __init__(self, pins: Sequence[Rule] = (), denials: Sequence[Rule] = ()) -> None:
        self._rules = [*((rule, PIN) for rule in pins), *((rule, DENY) for rule in denials)]
        self.empty = not self._rules  # then nobody needs to ask
        self.prefixes = [rule.prefix for rule, _ in self._rules if rule.prefix is not None]  # that are named
        self._expiries = sorted({rule.until for rule, _ in self._rules if rule.until is not None})
        memory: dict[int, _Judged] = {}

        def forget(gone: ref[Attributes]) -> None:
            """Without this the next object at its place would inherit its verdict."""
            assert isinstance(gone, _Judged)
            memory.pop(gone.at, None)

        self._memory, self._forget = memory, forget
        self._prepare(-inf)

    @property
    def remembered(self) -> int:
        """Attribute sets whose verdict is known."""
        return len(self._memory)

    def next_expiry(self, now: float) -> float | None:
        """When verdicts change by themselves the next time after `now`."""
        return next((expiry for expiry in self._expiries if expiry > now), None)

    def judge(self, route: Route, now: float) -> Verdict:
        """What the rules that apply at `now` (Unix seconds) say of the route."""
        if not self._since <= now < self._until:
            self._prepare(now)
        by_prefix = self._prefixes.get(route.prefix, NONE)
        if by_prefix is DENY or not self._about_attributes:
            return by_prefix
        attributes = route.attributes
        judged = self._memory.get(id(attributes))
        if judged is None:
            judged = _Judged(attributes, self._forget)
            judged.at, judged.verdict = id(attributes), self._by_attributes(attributes)
            self._memory[judged.at] = judged
        return by_prefix if judged.verdict is NONE else judged.verdict

    def _prepare(self, now: float) -> None:
        """Index the rules that apply from the last expiry to the next."""
        self._since = max((expiry for expiry in self._expiries if expiry <= now), default=-inf)
        self._until = min((expiry for expiry in self._expiries if expiry > now), default=inf)
        self._prefixes: dict[Prefix, Verdict] = {}
        self._origins: dict[int, Verdict] = {}
        self._communities: dict[tuple[int, ...], Verdict] = {}
        for rule, verdict in self._rules:  # denials come last and so replace pins
            if rule.until is not None and rule.until <= now:
                continue
            if rule.prefix is not None:
                self._prefixes[rule.prefix] = verdict
            elif rule.asn is not None:
                self._origins[rule.asn] = verdict
            elif rule.community is not None:
                self._communities[rule.community] = verdict
        self._about_attributes = bool(self._origins or self._communities)
        self._memory.clear()

    def _by_attributes(self, attributes: Attributes) -> Verdict:
        found = {self._origins.get(asn) for asn in _origins(attributes.as_path)}
        found.update(map(self._communities.get, attributes.communities))
        found.update(map(self._communities.get, attributes.large_communities))
        if DENY in found:
            return DENY
        return PIN if PIN in found else NONE


def _origins(path: Sequence[AsPathSegment]) -> Iterator[int]:
    """The last AS of the last sequence; of an aggregate also those that it was made of, the AS_SET behind."""
    for segment in reversed(path):
        if segment.kind == "as-set":
            yield from segment.numbers
        elif segment.numbers:
            yield segment.numbers[-1]
            return
