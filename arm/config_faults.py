"""A fault in a configuration: where, what stands there, what is wrong, what to do; and faults of whole files.

Nothing here reads files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from arm.config_values import Endpoint
from arm.log import printable
from arm.model import ArmError

LONGEST_VALUE = 60  # characters of a value that a fault repeats: enough to find it in the file


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: where ("selection.window"), what stands there (None: nothing), what to do."""

    path: str  # empty: the whole file
    value: object
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = self.path
        if self.value is not None and not isinstance(self.value, Mapping):
            place += f" = {as_toml(self.value)}"
        return f"{place + ': ' if place else ''}{self.problem}; {self.remedy}"


class ConfigError(ArmError):
    """A configuration that cannot be used, with everything that is wrong with it."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{name}: {count}", "run `arm check` to see what to correct")
        self.name = name
        self.faults = tuple(faults)

    def lines(self) -> list[str]:
        """One line per fault, as `arm check` prints them."""
        return [f"{printable(self.name)}: {fault}" for fault in self.faults]

    def __str__(self) -> str:
        return "\n".join(self.lines())


# --- values and keys as the file has them -------------------------------------------------------------


def as_toml(value: object) -> str:
    """A value as the file has it, on one line and shortened."""
    text = _scalar_or_list(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _scalar_or_list(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            # Python refuses to write integers of thousands of digits in decimal.
            return str(value) if value.bit_length() < 200 else hex(value)
        case str():
            escaped = value[: 2 * LONGEST_VALUE].replace("\\", "\\\\").replace('"', '\\"')
            return f'"{printable(escaped)}"'
        case Endpoint() | Path():
            return f'"{value}"'
        case list() | tuple():
            return f"[{', '.join('…' if isinstance(v, list) else _scalar_or_list(v) for v in value[:20])}]"
        case Mapping():
            return "{…}"
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case _:
            return str(value)  # floats and dates


def key_text(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else as_toml(name)


# --- the file as a whole ------------------------------------------------------------------------------


def unreadable_fault(error: OSError) -> Fault:
    if isinstance(error, FileNotFoundError):
        return Fault("", None, "no such file", "write one, starting from the example conf/arm.toml")
    reason = (error.strerror or "unknown error").lower()
    return Fault("", None, f"cannot be read: {reason}", "name a file that ARM's user may read")


def encoding_fault(error: UnicodeDecodeError) -> Fault:
    line = error.object.count(b"\n", 0, error.start) + 1
    return Fault(f"line {line}", None, "not UTF-8", "save the file as UTF-8 text")


# The commonest slips, by the beginning of tomllib's message.
_SYNTAX = (
    ("Cannot declare", "this section stands twice", "keep one of them"),
    ("Cannot overwrite", "this key or section stands twice", "keep one of them"),
    ("Invalid value", "not a value", 'write text in "quotes", numbers and true or false without'),
    ("Unclosed array", "a list without its end", "close it with ]"),
    ("Unterminated string", "text without its end", "close it with the quote it began with"),
    ("Illegal character '\\n'", "text without its end", "close it with the quote it began with"),
    ("Expected newline", "more on the line than one value", "put text in quotes and comments behind #"),
    ("Expected '=' after a key", "a key without a value", "write key = value"),
    # Not of tomllib itself: Python refuses to read such integers.
    ("Exceeds the limit", "a number with thousands of digits", "write a number in the option's range"),
)


def syntax_fault(error: ValueError | RecursionError) -> Fault:
    """For all that tomllib raises: besides its own error also those for absurd numbers and nesting."""
    if isinstance(error, RecursionError):
        return Fault("", None, "nested too deeply", "write sections with plain keys")
    match = re.fullmatch(r"(.*) \(at (?:(line \d+, column \d+)|end of document)\)", str(error), re.DOTALL)
    message, place = match.groups() if match else (str(error), "")
    place = "end of the file" if place is None else place
    for beginning, problem, remedy in _SYNTAX:
        if message.startswith(beginning):
            return Fault(place, None, problem, remedy)
    return Fault(place, None, f"not TOML: {printable(message[:1].lower() + message[1:])}", "correct it")
