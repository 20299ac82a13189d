"""Every entry: what ARM wants, what BIRD was told, what kernel and hardware hold, where they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from arm.fib.compare import Differences, Fault
from arm.model import Family, Kind, Prefix
from arm.picture import Watched


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry that ARM wants, BIRD was told, or the kernel has from BIRD. Next hops None: the default's."""

    prefix: Prefix
    family: Family
    kind: str | None  # None: not ARM's
    next_hop: str | None
    wanted: bool
    announced: bool
    in_kernel: bool
    gateways: tuple[str, ...]  # the kernel's
    hardware: str  # "yes", "no", "refused", or "unknown": the platform does not tell
    since: float | None  # Unix time at which the kernel first showed it
    difference: str | None  # a class of fib/compare.py
    difference_age: float | None  # seconds


def entry_rows(watched: Watched, since: Mapping[Prefix, float], now: float) -> Iterator[EntryRow]:
    """All of one family, those with differences first: the oldest of each class, then the others by their
    importance. `now` in event-loop time."""
    classes, differences = faults(watched.differences), watched.differences
    tells = any(route.offloaded or route.offload_failed for route in watched.kernel.values())
    for prefix in classes | dict.fromkeys([*watched.wanted, *watched.told, *watched.kernel]):
        shown = watched.kernel.get(prefix)
        entry = watched.told.get(prefix) or watched.wanted.get(prefix)
        hardware = "unknown"
        if shown is not None and tells:
            hardware = "refused" if shown.offload_failed else "yes" if shown.offloaded else "no"
        yield EntryRow(
            prefix=prefix,
            family=watched.loop.family,
            kind=entry.kind.name.lower() if entry is not None else None,
            next_hop=entry.next_hop if entry is not None and entry.kind is not Kind.GUARD else None,
            wanted=prefix in watched.wanted,
            announced=prefix in watched.told,
            in_kernel=shown is not None,
            gateways=shown.gateways if shown is not None else (),
            hardware=hardware,
            since=since.get(prefix),
            difference=classes.get(prefix),
            difference_age=now - differences.since[prefix] if prefix in differences.since else None,
        )


def faults(differences: Differences) -> dict[Prefix, str]:
    """The class of each difference, the most urgent first."""
    return {prefix: fault.value for fault in URGENCY for prefix in differences.of(fault)}


URGENCY = (
    Fault.MISSING,
    Fault.REFUSED,
    Fault.STUCK,
    Fault.WRONG_NEXT_HOP,
    Fault.NOT_OFFLOADED,
    Fault.UNEXPECTED,
)
