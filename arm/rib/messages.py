"""ExaBGP's lines become events. Pure: bytes in, frozen values out.

ExaBGP 5 writes one JSON object a line (API encoder "json", compact prefixes), and answers each command with
a bare `done` or `error`. Nearly all lines of a full table are of one shape, which is taken apart without
reading it as JSON; whatever differs from it is read in full.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, cast

from arm.model import NO_ATTRIBUTES, AsPathSegment, Attributes, BgpPath, Family, Prefix
from arm.rib.paths import Paths

_FAMILIES = {"ipv4 unicast": Family.IPV4, "ipv6 unicast": Family.IPV6}

# An UPDATE that announces routes of one family with one next hop. In a string of JSON a quotation mark is
# escaped, so the seam is where it seems to be.
_SEAM = b' }, "announce": { "ipv'
_BEFORE = re.compile(
    rb'\{ "exabgp": "[^"\\]*", "time": [0-9.]+, "host" : "[^"\\]*", "pid" : [0-9]+, "ppid" : [0-9]+, '
    rb'"counter": [0-9]+, "type": "update", "neighbor": \{ "address": \{ "local": "([0-9a-f.:]+)", '
    rb'"peer": "[0-9a-f.:]+" \}, "asn": \{ "local": [0-9]+, "peer": [0-9]+ \}, "router-id": "[0-9.]+" , '
    rb'"direction": "receive", "message": \{ "update": \{ "attribute": \{ '
)
_AFTER = re.compile(
    rb' \}, "announce": \{ "(ipv[46] unicast)": \{ "([0-9a-f.:]+)": \[ "([0-9a-f.:/", ]+)" \](?: \}){6}'
)


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
    """One UPDATE, for one family. `announced` lists (next hop, prefixes), all with the attributes of `of`."""

    local_ip: str
    family: Family
    sent: bool
    of: Attributes | BgpPath
    announced: tuple[tuple[str, list[Prefix]], ...] = ()
    withdrawn: tuple[Prefix, ...] = ()

    @property
    def attributes(self) -> Attributes:
        return self.of if isinstance(self.of, Attributes) else self.of.attributes

    def path(self, next_hop: str) -> BgpPath:
        """What leads to those prefixes."""
        if isinstance(self.of, BgpPath) and self.of.next_hop == next_hop:
            return self.of
        return BgpPath(next_hop, self.attributes)


Event = Answer | SessionChange | EndOfRib | Update


class Parser:
    """Turns lines into events. Equal paths come out as the same object while any is in use."""

    def __init__(self) -> None:
        self._paths = Paths(_read)

    @property
    def paths(self) -> int:
        """How many distinct paths are known."""
        return len(self._paths)

    def parse(self, line: bytes) -> list[Event]:
        """The events of one line, usually one; none for lines that concern nobody here.

        Raises MessageError for anything that is neither an answer nor well-formed JSON of a known shape.
        """
        seam = line.find(_SEAM)
        if seam >= 0:
            before, after = _BEFORE.match(line, 0, seam), _AFTER.fullmatch(line, seam)
            if before is not None and after is not None:
                return [self._announcement(before[1], line[before.end() : seam], after)]
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
        events: list[Event] = []
        for name, family in _FAMILIES.items():
            hops = announced.get(name, {})
            # An IPv6 next hop of 32 bytes lists everything twice, the second time by link-local address.
            kept = [
                (hop, nlri) for hop, nlri in hops.items() if len(hops) == 1 or not hop.startswith("fe80:")
            ]
            gone = withdrawn.get(name, ())
            if not kept and not gone:
                continue
            # Nobody asks for the attributes of what we sent ourselves.
            of: Attributes | BgpPath = NO_ATTRIBUTES
            if kept and not sent:
                fields = update.get("attribute", {})
                of = self._path(kept[0][0], fields) if len(kept) == 1 else _attributes(fields)
            events.append(Update(local_ip, family, sent, of, tuple(kept), tuple(gone)))
        return events

    def _announcement(self, local_ip: bytes, attributes: bytes, after: re.Match[bytes]) -> Update:
        family, next_hop, prefixes = after.groups()
        path = self._paths.of(next_hop, attributes)
        texts = cast("list[Prefix]", prefixes.decode("ascii").split('", "'))
        return Update(
            local_ip.decode("ascii"),
            _FAMILIES[family.decode("ascii")],
            False,
            path,
            ((path.next_hop, texts),),
        )

    def _path(self, next_hop: str, fields: dict[str, Any]) -> BgpPath:
        _attributes(fields)  # now is the time to find out that they cannot be read
        return self._paths.of(next_hop.encode("ascii"), json.dumps(fields)[1:-1].encode("ascii"))


def _read(told: bytes) -> Attributes:
    return _attributes(json.loads(b"{" + told + b"}"))


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
