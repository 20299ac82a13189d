"""What the three programs of the switch use: processor, memory, descriptors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.lab import Lab
from lab.plan import SWITCH
from tests.bench.learning_arm import cpu_seconds, resident


@dataclass(frozen=True, slots=True)
class Use:
    """Of one process, at one moment."""

    cpu: float  # seconds since it began
    memory: float  # MB
    most: float  # MB, ever
    descriptors: int

    @staticmethod
    def of(pid: int) -> Use:
        return Use(cpu_seconds(pid), *resident(pid), len(os.listdir(f"/proc/{pid}/fd")))


def processes(lab: Lab) -> dict[str, int]:
    """ARM, its ExaBGP, and the switch's BIRD."""
    assert lab.arm is not None
    found = {"ARM": lab.arm.pid, "BIRD": lab.programs[SWITCH]["bird"].pid}
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # ended in the meantime
    below = {lab.arm.pid}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    for pid in below - {lab.arm.pid}:
        if b"exabgp" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            found["ExaBGP"] = pid
    return found


def use(pids: Mapping[str, int]) -> dict[str, Use]:
    """Now."""
    return {name: Use.of(pid) for name, pid in pids.items()}
