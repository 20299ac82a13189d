"""What systemd is told: ready, alive, reloading, stopping, and a line for `systemctl status`.

The protocol is one datagram of `KEY=value` lines per message (sd_notify(3)). Without NOTIFY_SOCKET, thus
outside systemd, nothing is sent. Nothing here ever raises: routes matter more than the status line.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping

PATIENCE = 0.5  # seconds that a message may wait for systemd to read


class Systemd:
    """The service manager, as `environment` (os.environ) names it.

    The names are taken out of the environment, so that ExaBGP can never speak for ARM.
    `watchdog`: seconds without `alive` after which systemd starts ARM again; None: it does not watch.
    """

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        path = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        watched = environment.pop("WATCHDOG_PID", "") in ("", str(os.getpid()))
        self._address = "\0" + path[1:] if path.startswith("@") else path  # abstract: no file
        self.watchdog = int(microseconds) / 1e6 if watched and microseconds.isdecimal() else None
        self._status = ""

    def ready(self, status: str) -> None:
        """Everything is started, or a reload is done."""
        self._status = status
        self._send("READY=1", _status(status))

    def alive(self, parts: Mapping[str, bool], status: str) -> bool:
        """To be called when a tick is complete, with whether each part that ticks rest on still works.

        The watchdog is fed only if all do; which does not is then what `systemctl status` shows. Returns
        whether all do.
        """
        dead = [name for name, works in parts.items() if not works]
        if dead:
            status = f"not working: {', '.join(dead)}"
        messages = [] if dead or self.watchdog is None else ["WATCHDOG=1"]
        if status != self._status:
            self._status = status
            messages.append(_status(status))
        if messages:
            self._send(*messages)
        return not dead

    def reloading(self, now: float) -> None:
        """The configuration is being read again; `ready` must follow. `now`: seconds of CLOCK_MONOTONIC."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={int(now * 1e6)}", _status("reloading"))

    def stopping(self) -> None:
        """No restart may be hoped for from a watchdog now: systemd only waits for the end."""
        self._send("STOPPING=1", _status("stopping, installed routes stay"))

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(PATIENCE)
                sock.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            self._status = ""  # perhaps not told: tell it again


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())  # a line break would begin another message
