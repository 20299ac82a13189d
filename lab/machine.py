"""What the lab wants from the machine before it starts."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from lab.plan import LabError

_NEEDED = (
    *("unshare", "nsenter", "ip", "sysctl", "ethtool", "nft", "bird", "birdc"),
    *("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl"),
)


def check() -> None:
    """Root, and every program that is used."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root", "run it with sudo")
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        raise LabError(f"not installed: {', '.join(missing)}", "run `lab/prepare lab`")


def claim(folder: Path) -> int:
    """Take a work folder; the lock is the descriptor returned, and ends with us, however we end."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise LabError(
            f"another lab is running in {folder}", "end it, or choose another --workdir"
        ) from error
    return lock
