"""Whether ExaBGP can listen where it must: found out before it does, to say what to do about it."""

from __future__ import annotations

import asyncio
import errno
import socket

from arm.exabgp.config import Session
from arm.model import ArmError, Family

PATIENCE = 3.0  # seconds that the ExaBGP of an ARM that was killed may take to be gone
_LOOK = 0.1  # seconds between tries


async def free(session: Session, port: int) -> None:
    """Return as soon as the port is free; ArmError if it cannot be had."""
    error = _fault(session, port)
    for _ in range(round(PATIENCE / _LOOK)):
        if error is None or error.errno != errno.EADDRINUSE:
            break
        await asyncio.sleep(_LOOK)
        error = _fault(session, port)
    if error is None:
        return
    remedy = {
        errno.EADDRINUSE: "stop the program that uses it, or set bgp.port here and in BIRD",
        errno.EACCES: "set bgp.port to 1024 or more, here and in BIRD",
        errno.EADDRNOTAVAIL: f"set {session.name}.local_ip to an address of this machine",
    }.get(error.errno or 0, "check bgp.port and the sessions' local_ip")
    raise ArmError(f"cannot listen for BGP on {session.local_ip} port {port} ({error.strerror})", remedy)


def _fault(session: Session, port: int) -> OSError | None:
    with socket.socket(Family.of(session.local_ip).af, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((session.local_ip, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None
