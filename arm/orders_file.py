"""The file `orders.json` in the state directory. An order counts once it is on the disk."""

from __future__ import annotations

from pathlib import Path

from arm.model import ArmError
from arm.orders import Orders, from_bytes, to_bytes
from arm.state.file import load_file, not_written, replace_file

NAME = "orders.json"
LIMIT = 4 << 20  # octets


def load(directory: Path) -> tuple[Orders, ArmError | None]:
    """What was said to an earlier run: nothing if there was nothing. What cannot be used is set aside, and
    the error tells so. Never raises."""
    remedy = "give the pins, denials and mode that were given by `arm` again"
    found, error = load_file(directory / NAME, LIMIT, from_bytes, remedy)
    return found or Orders(), error


def save(directory: Path, orders: Orders) -> None:
    """Replace the file; to be run in a thread, one at a time. ArmError if that fails: the old one stays."""
    try:
        replace_file(directory / NAME, to_bytes(orders))
    except OSError as error:
        raise not_written(directory / NAME, error) from None
