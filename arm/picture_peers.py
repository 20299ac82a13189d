"""BIRD's BGP sessions as ARM sees them, and ARM's own two with BIRD. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from arm.fib.birdview import BirdView, Channel


@dataclass(frozen=True, slots=True)
class PeerSeen:
    """One BGP protocol of BIRD's."""

    name: str
    state: str  # BGP's
    established: bool
    since: str  # as BIRD writes it
    neighbour: str | None  # None: a range that waits for neighbours
    asn: int | None
    restarting: bool  # gracefully: BIRD keeps its routes
    dead: bool  # nothing is sent to it: entries through it follow the default
    own: bool  # it is ARM's
    last_error: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class SessionSeen:
    """One of ARM's sessions with BIRD, as ExaBGP sees it."""

    name: str
    established: bool
    down_seconds: float | None


@dataclass(frozen=True, slots=True)
class PeersSeen:
    """BIRD at one moment; `version` None: it has not answered yet."""

    version: str | None
    recovering: bool  # from a graceful restart
    error: str | None  # why it does not answer now
    peers: tuple[PeerSeen, ...]
    sessions: tuple[SessionSeen, ...]


def peers_seen(
    view: BirdView | None, error: str | None, own: Collection[str], down: Mapping[str, float | None]
) -> PeersSeen:
    """`own`: ARM's addresses; `down`: seconds since each of its sessions went down, None: it is up."""
    view, known = view or BirdView(), view is not None
    mine = {each.name for each in view.sessions if each.neighbour in own}
    dead = view.dead(mine)
    peers = (
        PeerSeen(
            each.name,
            each.state,
            each.established,
            each.since,
            each.neighbour,
            each.asn,
            each.restarting,
            each.neighbour in dead and each.name not in mine,
            each.name in mine,
            each.last_error,
            each.channels,
        )
        for each in view.sessions
    )
    sessions = (SessionSeen(name, gone is None, gone) for name, gone in down.items())
    return PeersSeen(view.version if known else None, view.recovering, error, tuple(peers), tuple(sessions))
