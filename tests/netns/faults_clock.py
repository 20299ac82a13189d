"""A wall clock that jumps, for ARM and its ExaBGP alone.

The kernel has one wall clock for all namespaces, and it is not a test's to set. So `time.time` of these
processes adds an offset that it reads from a file. What a jump does not move in a kernel either (monotonic
clocks, timers, sleeps) stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.plan import ROOT

# Python imports a module of this name by itself before anything else.
_SITECUSTOMIZE = """
import os
import time

_real, _real_ns = time.time, time.time_ns


def _offset():
    with open(os.environ["ARM_LAB_CLOCK"]) as file:
        return float(file.read() or 0)


time.time = lambda: _real() + _offset()
time.time_ns = lambda: _real_ns() + int(_offset() * 1e9)
"""


class Clock:
    """The offset, and what a process needs in its environment to follow it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        self._file = folder / "offset"
        self.environment: Mapping[str, str] = {
            "PYTHONPATH": f"{folder}:{ROOT}",
            "ARM_LAB_CLOCK": str(self._file),
        }
        self.jump(0)

    def jump(self, seconds: float) -> None:
        """Be that much ahead of the machine's clock, or behind it."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(self._file)
