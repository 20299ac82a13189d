"""Which figures have a history, and how they follow from a picture and totals. Pure but for `resident`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arm.model import MISS_REASONS, Family, Status

_FAMILY = (
    "coverage",
    "coverage_error",
    "hit_rate",
    "misforwarded",
    "installed",
    "active",
    "wanted",
    "capacity",
    "rib_routes",
    "bits_per_second",
    "samples_per_second",
)
_FAMILY_RATES = ("route_changes_per_second", "fib_changes_per_second")
_DAEMON = ("cpu", "resident_bytes", "stall_seconds", "unseen")

NAMES = (
    *(f"{family.label}.{name}" for family in Family for name in (*_FAMILY, *_FAMILY_RATES)),
    *(f"{family.label}.miss.{reason}" for family in Family for reason in MISS_REASONS),
    *(f"daemon.{name}" for name in _DAEMON),
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What counts up since the start, and the memory in use."""

    route_changes: Mapping[Family, int]  # learned from BIRD
    fib_changes: Mapping[Family, int]  # shown by the kernel
    cpu_seconds: float  # of all threads
    resident: int | None  # bytes


class Rates:
    """Totals as figures per second."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float]] = {}

    def of(self, name: str, total: float, now: float) -> float | None:
        """Since the last call for this name; None at the first, and if no time has passed or the total fell.
        `now` in seconds of a clock that does not leap."""
        before, at = self._last.get(name, (total, now))
        self._last[name] = total, now
        return (total - before) / (now - at) if now > at and total >= before else None


def figures(status: Status, totals: Totals, rates: Rates, now: float) -> dict[str, float | None]:
    """The figures of one moment by their names; `now` as for `Rates`."""
    found: dict[str, float | None] = {}
    for family in status.families:
        label = family.family.label
        found |= {f"{label}.{name}": getattr(family, name) for name in _FAMILY}
        misses = family.misses or {}
        found |= {f"{label}.miss.{reason}": misses.get(reason) for reason in MISS_REASONS}
        both = (totals.route_changes, totals.fib_changes)
        for name, changes in zip(_FAMILY_RATES, both, strict=True):
            full = f"{label}.{name}"
            found[full] = rates.of(full, changes.get(family.family, 0), now)
    found["daemon.cpu"] = rates.of("daemon.cpu", totals.cpu_seconds, now)
    found["daemon.resident_bytes"] = totals.resident
    found["daemon.stall_seconds"], found["daemon.unseen"] = status.stall, status.unseen
    return found


def resident() -> int | None:
    """Bytes of memory that this process holds now; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
