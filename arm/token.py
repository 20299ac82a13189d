"""The word that allows changes over the API: one file that ARM and whoever may command it can read."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from arm.model import ArmError

DEFAULT = Path("/etc/arm/token")
SHORTEST, LONGEST = 16, 512  # characters


def read_token(path: Path) -> str:
    """The word in the file; ArmError if there is none that can be relied on."""
    try:
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ArmError(f"{path} is not a file", "write the token into a file of that name")
            if found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise ArmError(f"everybody may read or write {path}", f"`chmod o= {path}`, and a new token")
            content = file.read(LONGEST + 3)
    except FileNotFoundError:
        raise ArmError(
            f"there is no {path}",
            f"`(umask 027; openssl rand -hex 32 > {path})`, in the group of ARM and of who may command it",
        ) from None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise ArmError(f"{path} cannot be read: {reason}", "let this user read it, by its group") from None
    word = content.strip().decode("ascii", "replace")
    if not re.fullmatch(rf"[!-~]{{{SHORTEST},{LONGEST}}}", word):
        raise ArmError(
            f"{path} holds no word of {SHORTEST} to {LONGEST} characters",
            f"`openssl rand -hex 32 > {path}`",
        )
    return word
