"""Cumulus Linux: how full the ASIC is, as `cl-resource-query` says, or NVUE where that is missing.

Which routes are in the hardware neither says. What `cl-resource-query -j` calls its tables depends on the
ASIC, so they are told apart by the names that people read: those are documented.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arm.fib.hardware import Reading, Usage, number, smallest, usage_of
from arm.model import ArmError, Family

PROGRAM = Path("/usr/cumulus/bin/cl-resource-query")
NVUE = Path("/usr/bin/nv")
WRITTEN = Path("/run/arm-resources")  # by conf/cumulus/arm-resources.service
TIMEOUT = 20.0  # seconds for one answer
STALE = 300.0  # seconds after which what is written is nothing to go by
_REMEDY = "see docs/cumulus.md, or set fib.hardware to none"

Tables = dict[str, tuple[int, int]]  # by name: entries used and at most

# Of either family, the newest release first. Those that both families fill count for both.
_OWN = {
    Family.IPV4: ("ipv4 route entries", "ipv4 entries"),
    Family.IPV6: ("ipv6 route entries", "ipv6 entries"),
}
_SHARED = "total routes"


class Cumulus:
    """Reads what a unit that runs as root has written; without that, it asks the programs itself."""

    name = "cumulus"
    interval = 60.0  # seconds: every question starts a Python program

    def __init__(self, program: Path = PROGRAM, nvue: Path = NVUE, written: Path = WRITTEN) -> None:
        self._written = written
        query, show = str(program), [str(nvue), "show", "platform", "asic"]
        self._questions: tuple[list[str], ...] = (
            [query, "-j"],
            [query],
            [*show, "resource", "global"],
            [*show, "ASIC1", "resource", "global"],
        )

    def read(self) -> Reading:
        """See `Platform`."""
        try:
            age = time.time() - self._written.stat().st_mtime
            written = self._written.read_text(errors="replace")
        except OSError:
            return self._ask()
        if age > STALE:
            raise ArmError(f"{self._written} is {age:.0f} s old", _REMEDY)
        usage = resource_usage(written)
        if not usage:
            raise ArmError(f"{self._written} does not tell how many routes the ASIC has room for", _REMEDY)
        return Reading(usage)

    def _ask(self) -> Reading:
        complaint = ""
        for question in self._questions:
            try:
                if usage := resource_usage(_answer(question)):
                    # What has worked once goes first.
                    others = (each for each in self._questions if each is not question)
                    self._questions = (question, *others)
                    return Reading(usage)
                problem = f"{question[0]} does not tell how many routes the ASIC has room for"
            except ArmError as error:
                problem = error.problem
            complaint = complaint or problem
        raise ArmError(complaint, _REMEDY)

    def close(self) -> None:
        """Nothing is open between questions."""


def resource_usage(text: str) -> dict[Family, Usage]:
    """What the text or JSON of `cl-resource-query` or the text of NVUE says; empty if it says nothing."""
    tables = _tables(text)
    shared = tables.get(_SHARED)
    found = {}
    for family, names in _OWN.items():
        own = next((tables[name] for name in names if name in tables), None)
        if own is None:
            continue
        free = [most - used for used, most in (own, *((shared,) if shared is not None else ()))]
        found[family] = usage_of(own[0], max(0, smallest(*free) or 0))
    return found


def _tables(text: str) -> Tables:
    found: Tables = {}
    for name, used, most in _json_rows(text) if text.lstrip().startswith("{") else _text_rows(text):
        count, limit = number(used), number(most)
        if count is not None and limit:  # without a limit it is no table, but a part of one
            found[" ".join(name.lower().replace("-", " ").split())] = count, limit
    return found


def _json_rows(text: str) -> Iterator[tuple[str, Any, Any]]:
    try:
        written = json.loads(text)
    except ValueError:
        return
    for row in written.values():
        if isinstance(row, dict) and isinstance(row.get("name"), str):
            yield row["name"], row.get("count"), row.get("max")


def _text_rows(text: str) -> Iterator[tuple[str, Any, Any]]:
    for line in text.splitlines():
        row = re.match(r"(.+?): +(\d+), +\d+% of maximum value +(\d+)\b", line) or re.match(
            r" *([A-Za-z]\S+) +(\d+) +(?:[\d.]+% +)?(\d+)(?![\d.]*%)\b", line
        )
        if row is not None:
            yield row[1], row[2], row[3]


def _answer(question: list[str]) -> str:
    """What a program prints. It is given no input, little time, and the words of the C locale."""
    try:
        done = subprocess.run(
            question,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        raise ArmError(f"{question[0]} does not end", _REMEDY) from None
    except OSError as error:
        raise ArmError(f"cannot run {question[0]} ({error.strerror})", _REMEDY) from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise ArmError(f"{' '.join(question)} failed ({said[-1] if said else done.returncode})", _REMEDY)
    return done.stdout
