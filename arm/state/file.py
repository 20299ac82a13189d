"""The file `state.arm`: read once at the start, then replaced as a whole. Here this room touches the disk.

At any moment, also after the power failed at it, there is either the old file or the new one. One whose name
ends with ".new" is being written, or was when ARM died.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from arm.model import ArmError
from arm.state.encoding import LIMIT, decode, encode
from arm.state.saved import Saved

NAME = "state.arm"
SET_ASIDE = f"{NAME}.bad"  # one that could not be used; the latest

Held = TypeVar("Held")


def load(directory: Path, limit: int = LIMIT) -> tuple[Saved | None, ArmError | None]:
    """What an earlier run saved: nothing if there was none. What cannot be used is set aside, so that nothing
    is lost when this run saves; the error tells so. Never raises."""
    remedy = "ARM starts as if for the first time; nothing needs to be done"
    return load_file(directory / NAME, limit, decode, remedy)


def save(directory: Path, saved: Saved, limit: int = LIMIT) -> ArmError | None:
    """Replace the file; to be run in a thread, one at a time. If that fails the old one stays as it is, and
    the error tells why. Never raises."""
    try:
        replace_file(directory / NAME, encode(saved, limit))
    except OSError as error:
        return not_written(directory / NAME, error)
    except ValueError as error:
        return ArmError(f"cannot write {directory / NAME} ({error})", "report it with ARM's log")
    return None


def load_file(
    path: Path, limit: int, decode: Callable[[bytes], Held], remedy: str
) -> tuple[Held | None, ArmError | None]:
    """What `decode` makes of a file of at most `limit` octets: nothing if there is none. What cannot be used
    is set aside with ".bad" at the end of its name; the error tells so, and `remedy`. Never raises."""
    try:
        return decode(read_file(path, limit)), None
    except FileNotFoundError:
        return None, None
    except OSError as error:
        reason = error.strerror or str(error)
    except ValueError as error:
        reason = str(error)
    place = path.with_name(f"{path.name}.bad")
    try:
        path.replace(place)
    except OSError as error:
        aside = f"it cannot be set aside either ({error.strerror})"
    else:
        aside = f"it is kept as {place.name}"
    return None, ArmError(f"{path} cannot be used: {reason}; {aside}", remedy)


def not_written(path: Path, error: OSError) -> ArmError:
    """Why a file of the state directory is still the old one."""
    problem = f"cannot write {path} ({error.strerror or error})"
    return ArmError(problem, "make room in state.directory, and let ARM's user write there")


def read_file(path: Path, limit: int) -> bytes:
    """A file of at most `limit` octets. OSError, or ValueError, in words."""
    # Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it has more than {limit} bytes")
    return data


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that there is either the old one or the new one at any moment. OSError if it fails."""
    directory, new = path.parent, path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    # Who sends how much where is not for everybody's eyes.
    number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        with open(number, "wb", buffering=0) as file:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            os.fsync(number)
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    above = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)  # else the new name may be lost with the power, and the old file with it
    finally:
        os.close(above)
