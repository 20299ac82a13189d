"""What BIRD was told against what the kernel shows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from arm.model import KernelRoute, Prefix

GRACE = 5.0  # seconds from telling BIRD to the kernel's route: longer is a fault, not a delay


@dataclass(frozen=True, slots=True)
class Differences:
    """One family's comparison; each list in the order of its input."""

    missing: list[Prefix]  # told for longer than GRACE, not in the kernel
    unexpected: list[Prefix]  # in the kernel through BIRD, neither told nor on the way out
    failed: list[Prefix]  # in the kernel, refused by the hardware


def compare(
    told_at: Mapping[Prefix, float],
    leaving: Collection[Prefix],
    kernel: Mapping[Prefix, KernelRoute],
    now: float,
) -> Differences:
    """Compare; `told_at` has the time at which BIRD was first told of each prefix."""
    return Differences(
        missing=[p for p, at in told_at.items() if p not in kernel and now - at > GRACE],
        unexpected=[p for p in kernel if p not in told_at and p not in leaving],
        failed=[p for p, route in kernel.items() if route.offload_failed],
    )
