"""What to do about a session between ExaBGP and BIRD that does not come up. Pure."""

from __future__ import annotations

from arm.exabgp.config import Session
from arm.fib.birdview import BirdView


def remedy(session: Session, port: int, view: BirdView) -> str:
    """By what BIRD says of the session with our address."""
    where = f"{session.peer_ip} port {port}"
    seen = next((each for each in view.sessions if each.neighbour == session.local_ip), None)
    if seen is None:
        return (
            f"BIRD has none with {session.local_ip}: see {session.name}.local_ip and `birdc show protocols`"
        )
    if seen.state == "Down" and "No listening socket" in seen.last_error:
        return f"BIRD cannot listen on {where}: stop who does, then `birdc restart {seen.name}`"
    if seen.state == "Down":
        return f"{seen.name} is off in BIRD: `birdc enable {seen.name}`"
    if seen.state in ("Active", "Connect"):
        return (
            f"{seen.name} waits for ARM to listen: take the template arm from the bird.conf of this version"
        )
    if seen.state == "Passive":
        return (
            f"ARM connects to {where}: `local` in BIRD's template arm must say the same; see the log of ARM"
        )
    why = f": {seen.last_error}" if seen.last_error else ""
    return f"BIRD does not agree{why}; see `birdc show protocols all {seen.name}` and the log of ARM"
