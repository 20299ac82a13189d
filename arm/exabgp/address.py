"""Whether ExaBGP can connect from where it must: found out before it does, to say what to do about it."""

from __future__ import annotations

import socket

from arm.exabgp.config import Session
from arm.model import ArmError, Family


def check(session: Session) -> None:
    """ArmError if this machine does not have the session's own address."""
    with socket.socket(Family.of(session.local_ip).af, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((session.local_ip, 0))
        except OSError as error:
            raise ArmError(
                f"cannot open a BGP session from {session.local_ip} ({error.strerror})",
                f"set {session.name}.local_ip to an address of this machine",
            ) from None
