"""ExaBGP's lines become events. Pure: bytes in, frozen values out.

ExaBGP 5 writes one JSON object a line (API encoder "json", compact prefixes), and answers each command with
a bare `done` or `error`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from arm.model import AsPathSegment, Attributes, Family, Prefix

_FAMILIES = {"ipv4 unicast": Family.IPV4, "ipv6 unicast": Family.IPV6}


class MessageError(Exception):
    """A line that is not what ExaBGP documents."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to the oldest unanswered command."""

    ok: bool


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A session, named by our address, came up or went down."""

    local_ip: str
    up: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndOfRib:
    """RFC 4724: the initial table of `family` is complete. `sent`: by us, else by BIRD."""

    local_ip: str
    family: Family
    sent: bool


@dataclass(frozen=True, slots=True)
class Update:
    """One UPDATE, for one family. `announced` lists (next hop, prefixes), all with `attributes`."""

    local_ip: str
    family: Family
    sent: bool
    attributes: Attributes
    announced: tuple[tuple[str, list[Prefix]], ...] = ()
    withdrawn: tuple[Prefix, ...] = ()


Event = Answer | SessionChange | EndOfRib | Update


class Parser:
    """Turns lines into events. Equal attribute sets come out as the same object while any is in use."""

    def __init__(self) -> None:
        self._interned: WeakValueDictionary[str, Attributes] = WeakValueDictionary()

    @property
    def attribute_sets(self) -> int:
        """How many distinct attribute sets are in use."""
        return len(self._interned)

    def parse(self, line: bytes) -> list[Event]:
        """The events of one line, usually one; none for lines that concern nobody here.

        Raises MessageError for anything that is neither an answer nor well-formed JSON of a known shape.
        """
        if line == b"done":
            return [Answer(True)]
        if line == b"error":
            return [Answer(False)]
        try:
            message = json.loads(line)
            kind = message["type"]
            if kind == "update":
                return self._update(message["neighbor"])
            if kind == "state":
                return _session_change(message["neighbor"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MessageError(f"{type(error).__name__}: {error} in {line[:200]!r}") from error
        return []

    def _update(self, neighbor: dict[str, Any]) -> list[Event]:
        local_ip = neighbor["address"]["local"]
        sent = neighbor["direction"] == "send"
        message = neighbor["message"]
        if "eor" in message:
            family = _FAMILIES.get(f"{message['eor']['afi']} {message['eor']['safi']}")
            return [EndOfRib(local_ip, family, sent)] if family else []
        update = message["update"]
        announced, withdrawn = update.get("announce", {}), update.get("withdraw", {})
        # Nobody asks for the attributes of what we sent ourselves.
        attributes = Attributes() if sent or not announced else self._intern(update.get("attribute", {}))
        events: list[Event] = []
        for name, family in _FAMILIES.items():
            hops = announced.get(name, {})
            # An IPv6 next hop of 32 bytes lists everything twice, the second time by link-local address.
            kept = [
                (hop, nlri) for hop, nlri in hops.items() if len(hops) == 1 or not hop.startswith("fe80:")
            ]
            gone = withdrawn.get(name, ())
            if kept or gone:
                events.append(Update(local_ip, family, sent, attributes, tuple(kept), tuple(gone)))
        return events

    def _intern(self, fields: dict[str, Any]) -> Attributes:
        key = repr(fields)
        attributes = self._interned.get(key)
        if attributes is None:
            attributes = self._interned[key] = _attributes(fields)
        return attributes


def _session_change(neighbor: dict[str, Any]) -> list[Event]:
    state = neighbor["state"]
    if state not in ("up", "down"):
        return []  # "connected": not established yet
    return [SessionChange(neighbor["address"]["local"], state == "up", neighbor.get("reason", ""))]


def _attributes(fields: dict[str, Any]) -> Attributes:
    """Build the value from ExaBGP's names for it."""
    path = fields.get("as-path", {})
    others = []
    for name, value in fields.items():
        if name.startswith("attribute-0x"):
            _, code, flags = name.split("-")
            others.append((int(code, 16), int(flags, 16), value.removeprefix("0x")))
    return Attributes(
        origin=fields.get("origin", "incomplete"),
        as_path=tuple(
            AsPathSegment(path[index]["element"], tuple(path[index]["value"]))
            for index in sorted(path, key=int)
        ),
        med=fields.get("med"),
        local_preference=fields.get("local-preference"),
        atomic_aggregate=bool(fields.get("atomic-aggregate", False)),
        aggregator=fields.get("aggregator"),
        communities=tuple((a, b) for a, b in fields.get("community", ())),
        large_communities=tuple((a, b, c) for a, b, c in fields.get("large-community", ())),
        extended_communities=tuple(each["value"] for each in fields.get("extended-community", ())),
        others=tuple(others),
    )
