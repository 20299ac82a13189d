"""What BIRD says about its sessions, read from the text of its control socket. Pure.

The same for 2.0.12, 2.17 and 3.x, which differ in lines that are not looked at. One `BirdView` is everything
that ARM wants to know, as one consistent picture.

The import limit, found out with real BIRDs (2.0.12 and 2.17.5; 3.x from its source):

- `[HIT]` with `action block`, 2.x: from then on every *new* route is refused, even when there is room again,
  even with nothing imported, and through a graceful restart of ARM. Changes in place of what is imported
  pass, withdrawals too. So no new guard gets in either: a blocked family has no room at all, and repairs
  must make do with changes in place and withdrawals.
- What ends it without a flap: `birdc configure`, with or without any change. Then what is missing must be
  announced again, since BIRD has forgotten what it refused.
- What does not: withdrawing, announcing again, killing ExaBGP, ExaBGP's `teardown` (silent, because graceful
  restart is agreed on). What does, with a flap of everything imported: any end of the session with a
  NOTIFICATION. ExaBGP sends none by itself; it can provoke BIRD's by an attribute that BIRD must not accept,
  `announce attributes next-hop H origin igp attribute [ 0x0e 0x80 0x ] nlri P` (an empty MP_REACH_NLRI, error
  3/9). The session is back after 1.7 to 1.9 s, without routes, and the reflector's is not touched.
- 3.x counts: new routes get in as soon as there is room, though `[HIT]` may stay on show.
- A limit below what is imported already (lowered live) blocks at once. So ask for less first, lower the limit
  then.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from arm.model import Family

# Name, protocol, table, state, since (one or two words, as configured), whatever else.
_HEAD = re.compile(r"^(\S+) +(\S+) +(\S+) +(\S+) +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S*|\S+)(?: +(.*))?$")
_ROUTES = re.compile(r"(\d+) imported")
_LIMIT = re.compile(r"(\d+)( \[HIT\])?$")


@dataclass(frozen=True, slots=True)
class Channel:
    """One family of a session."""

    name: str  # "ipv4", "ipv6", "ipv4-mc"…
    imported: int = 0  # routes
    import_limit: int | None = None
    limit_hit: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One BGP protocol of BIRD's."""

    name: str
    state: str  # BGP's: "Established", "Active", "Idle", "Down"…
    since: str  # as BIRD writes it
    neighbour: str | None = None  # address without interface; None: a range that waits for neighbours
    asn: int | None = None
    restarting: bool = False  # graceful restart: BIRD keeps its routes and forwards to it
    last_error: str = ""
    channels: tuple[Channel, ...] = ()

    @property
    def established(self) -> bool:
        return self.state == "Established"


@dataclass(frozen=True, slots=True)
class Bfd:
    """One BFD session."""

    address: str
    interface: str
    state: str  # "Up", "Down", "Init", "AdminDown"


@dataclass(frozen=True, slots=True)
class BirdView:
    """BIRD's sessions at one moment."""

    version: str = ""  # "2.0.12"
    sessions: tuple[Session, ...] = ()
    bfd: tuple[Bfd, ...] = ()
    recovering: bool = False  # from a graceful restart: its tables are not what they will be

    def session(self, name: str) -> Session | None:
        """The session of that name."""
        return next((each for each in self.sessions if each.name == name), None)

    def channel(self, name: str, family: Family) -> Channel | None:
        """One family of the session `name`."""
        session = self.session(name)
        channels = session.channels if session is not None else ()
        return next((each for each in channels if each.name == family.label), None)

    def awaits(self, own: Collection[str]) -> bool:
        """It would take a connection from one of the addresses `own`, and has none from any of them."""
        states = {each.state for each in self.sessions if each.neighbour in own}
        return "Passive" in states and states.isdisjoint(("OpenSent", "OpenConfirm", "Established"))

    def dead(self, own: Collection[str] = ()) -> frozenset[str]:
        """Addresses of neighbours that nothing may be sent to: those of all BGP sessions but ARM's `own` (by
        name) that are not alive.

        A session is alive when established, and while it restarts gracefully unless BFD says otherwise. A
        neighbour with several sessions is as alive as the best of them. One that BGP calls established is
        alive whatever BFD says: BIRD ends a session when its BFD goes down, so this one never spoke BFD.
        Where there is BFD only (a static host route), it decides.
        """
        bfd = {each.address: each.state == "Up" for each in self.bfd}
        alive: dict[str, bool] = {}
        for session in self.sessions:
            address = session.neighbour
            if address is not None and session.name not in own:
                lives = session.established or (session.restarting and bfd.get(address, True))
                alive[address] = alive.get(address, False) or lives
        return frozenset(address for address, lives in (bfd | alive).items() if not lives)


def parse_names(lines: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The BGP protocols in `show protocols`: name, state, since and remarks of each, to see changes by."""
    found = (_HEAD.match(line) for line in lines)
    return tuple(match.group(1, 4, 5, 6) for match in found if match is not None and match[2] == "BGP")


def parse_sessions(lines: Iterable[str]) -> tuple[Session, ...]:
    """The BGP protocols in `show protocols all`."""
    return tuple(_session(head, body) for head, body in _blocks(lines) if head[2] == "BGP")


def parse_bfd(lines: Iterable[str]) -> tuple[Bfd, ...]:
    """The sessions in `show bfd sessions`: columns under a heading, one table per BFD protocol."""
    words = (line.split() for line in lines)
    return tuple(Bfd(*each[:3]) for each in words if len(each) >= 6 and each[:2] != ["IP", "address"])


def parse_recovering(lines: Iterable[str]) -> bool:
    """Does `show status` say that BIRD recovers from a graceful restart?"""
    return any(line.strip() == "Graceful restart recovery in progress" for line in lines)


def parse_version(greeting: str) -> str:
    """The version in "BIRD 2.0.12 ready."."""
    match = re.search(r"BIRD (\S+) ready", greeting)
    return match[1] if match is not None else ""


def _blocks(lines: Iterable[str]) -> Iterator[tuple[re.Match[str], list[str]]]:
    """Each protocol's first line, and the indented ones below it."""
    head: re.Match[str] | None = None
    body: list[str] = []
    for line in lines:
        if line.startswith(" "):
            body.append(line)
            continue
        if head is not None:
            yield head, body
        head, body = _HEAD.match(line), []
    if head is not None:
        yield head, body


def _session(head: re.Match[str], body: list[str]) -> Session:
    values: dict[str, str] = {}
    channels: list[dict[str, str]] = []
    for line in body:
        text = line.strip()
        if line.startswith("  Channel "):
            channels.append({"Channel": text.removeprefix("Channel ")})
            continue
        name, colon, value = text.partition(":")
        place = channels[-1] if channels else values
        place.setdefault(name, value.strip() if colon else "yes")
    address, asn = values.get("Neighbor address"), values.get("Neighbor AS", "")
    return Session(
        name=head[1],
        state=values.get("BGP state", "Down"),
        since=head[5],
        neighbour=address.partition("%")[0] if address else None,
        asn=int(asn) if asn.isdigit() else None,
        restarting="Neighbor graceful restart active" in values,
        last_error=values.get("Last error", ""),
        channels=tuple(map(_channel, channels)),
    )


def _channel(values: dict[str, str]) -> Channel:
    routes = _ROUTES.search(values.get("Routes", ""))
    limit = _LIMIT.match(values.get("Import limit", ""))
    return Channel(
        name=values["Channel"],
        imported=int(routes[1]) if routes is not None else 0,
        import_limit=int(limit[1]) if limit is not None else None,
        limit_hit=limit is not None and limit[2] is not None,
    )
