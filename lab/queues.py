"""Longer receive queues for programs that cannot be told: Open vSwitch, `ip monitor`.

Open vSwitch's packet sockets hold a few hundred frames, some 20 ms of traffic, so a busy machine would lose
packets that no test lost on purpose. It has no setting for that, and the system-wide default is not ours to
change; but root may borrow another process's descriptor and set the socket's own option.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
from pathlib import Path

_PIDFD_GETFD = 438  # the same number on every architecture
_SO_RCVBUFFORCE = 33
_libc = ctypes.CDLL(None, use_errno=True)


def lengthen(pid: int, family: socket.AddressFamily = socket.AF_PACKET, size: int = 16 << 20) -> int:
    """Give every socket of that family of a process a queue of `size` bytes; how many there are."""
    process = os.pidfd_open(pid)
    found = 0
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed in the meantime
                if os.readlink(entry).startswith("socket:"):
                    found += _lengthen(process, int(entry.name), family, size)
    finally:
        os.close(process)
    return found


def _lengthen(process: int, number: int, family: socket.AddressFamily, size: int) -> bool:
    borrowed = _libc.syscall(_PIDFD_GETFD, process, number, 0)
    if borrowed < 0:
        return False
    with socket.socket(fileno=borrowed) as copy:
        if copy.family != family:
            return False
        copy.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    return True
