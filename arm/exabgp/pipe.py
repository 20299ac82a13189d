"""The program that ExaBGP starts: hands ExaBGP's pipe to ARM, so that nothing is copied twice.

It passes its standard input and output to ARM over a Unix socket (SCM_RIGHTS) and then only waits. When ARM
goes away for whatever reason the socket closes, and ExaBGP is ended with SIGKILL: no orphan, and no BGP
NOTIFICATION, which would make BIRD drop ARM's routes instead of keeping them (RFC 4724, section 4.2).

SIGTERM is ignored: ExaBGP sends it when it sees the pipe close, just when this program is needed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys


def main(path: str) -> None:
    """Serve until ARM closes the socket at `path`."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    exabgp = os.getppid()
    # ExaBGP put us into a group of our own. Back in its group, ARM ends us with it, whatever state we are in.
    with contextlib.suppress(OSError):
        os.setpgid(0, os.getsid(0))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as arm:
        try:
            arm.connect(path)
            socket.send_fds(arm, [b"pipe"], [sys.stdin.fileno(), sys.stdout.fileno()])
            # ARM holds the only copies from here on.
            os.close(sys.stdin.fileno())
            os.close(sys.stdout.fileno())
            while arm.recv(64):
                pass
        except OSError:
            pass  # ARM is gone: the same end
    if os.getppid() == exabgp:
        os.kill(exabgp, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
