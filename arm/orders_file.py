"""The file `orders.json` in the state directory. An order counts once it is on the disk."""

from __future__ import annotations

from pathlib import Path

from arm.model import ArmError
from arm.orders import Orders, from_bytes, to_bytes
from arm.state.file import read_file, replace_file

NAME = "orders.json"
SET_ASIDE = "orders.json.bad"
LIMIT = 4 << 20  # octets


def load(directory: Path) -> tuple[Orders, ArmError | None]:
    """What was said to an earlier run: nothing if there was nothing. What cannot be used is set aside, and
    the error tells so. Never raises."""
    path = directory / NAME
    try:
        return from_bytes(read_file(path, LIMIT)), None
    except FileNotFoundError:
        return Orders(), None
    except OSError as error:
        reason = error.strerror or str(error)
    except ValueError as error:
        reason = str(error)
    try:
        path.replace(directory / SET_ASIDE)
    except OSError as error:
        aside = f"it cannot be set aside either ({error.strerror})"
    else:
        aside = f"it is kept as {SET_ASIDE}"
    problem = f"{path} cannot be used: {reason}; {aside}"
    return Orders(), ArmError(problem, "give the pins, denials and mode that were given by `arm` again")


def save(directory: Path, orders: Orders) -> None:
    """Replace the file; to be run in a thread, one at a time. ArmError if that fails: the old one stays."""
    try:
        replace_file(directory / NAME, to_bytes(orders))
    except OSError as error:
        problem = f"cannot write {directory / NAME} ({error.strerror or error})"
        raise ArmError(problem, "make room in state.directory, and let ARM's user write there") from None
