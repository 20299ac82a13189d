"""One fault from beginning to end, and what it did, as a row of the table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from arm.model import Family
from tests.netns.faults_edge import Edge
from tests.netns.forwarding import Verdict, judge
from tests.netns.watch import Change

TWO_MESSAGES = 0.05  # seconds, at most, between two messages about one change
STABLE = 3.0  # seconds that it must be well for to count as healed

HEADER = (
    "| fault | lasted s | kernel route events | withdrawn working routes | packets lost | of | misforwarded "
    "| not judged | healed after s |\n|---|---|---|---|---|---|---|---|---|"
)


Act = Callable[[Edge], None]


def nothing(_edge: Edge) -> None:
    """Nobody helps."""


def several(*acts: Act) -> Act:
    """One after the other."""

    def act(edge: Edge) -> None:
        for each in acts:
            each(edge)

    return act


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done to the edge, and what must hold."""

    name: str
    inject: Act
    mend: Act = nothing  # what is done to the broken part itself, never to ARM's state
    lasts: float = 4.0  # seconds from injecting to mending
    heals: float = 60.0  # seconds after mending, at most
    keeps_routes: bool = True  # no working route may leave the kernel
    keeps_packets: bool = True  # none may be lost
    slow: bool = False  # only when all are asked for


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one fault did."""

    fault: str
    lasted: float  # seconds, as it really took
    events: int
    withdrawn: tuple[str, ...]  # prefixes that left the kernel though their route had not changed
    sent: int  # packets
    lost: int
    verdict: Verdict
    healed: float | None  # seconds after mending; None: it did not
    unwell: tuple[str, ...]  # what was wrong on the way, in order

    def row(self) -> str:
        """In the columns of HEADER."""
        healed = f"no: {self.unwell[-1]}" if self.healed is None else f"{self.healed:.1f}"
        return (
            f"| {self.fault} | {self.lasted:.0f} | {self.events} | {len(self.withdrawn)} | {self.lost} "
            f"| {self.sent} | {self.verdict.wrong} | {self.verdict.excused} | {healed} |"
        )


def run(fault: Fault, edge: Edge) -> Outcome:
    """Inject, wait, mend, wait until all is well again."""
    recorder, watch = edge.recorder, edge.watch
    edge.look()
    recorder.count()
    sent, arrived = edge.tally()
    first, known = len(recorder.arrivals), len(recorder.versions)
    before = {family: set(edge.lab.kernel_routes(family)) for family in Family}
    start = time.monotonic()
    try:
        fault.inject(edge)
        edge.let(max(0.0, start + fault.lasts - time.monotonic()))
    finally:  # what could not be broken as meant is not left half broken either
        fault.mend(edge)
    mended = time.monotonic()
    healed, unwell = _heal(edge, mended, fault.heals)
    recorder.look()
    sent_then, arrived_then = edge.tally()
    recorder.count()
    changed = {prefix for version in recorder.versions[known:] for prefix in version.changed}
    changes = watch.since(start)
    gone = set(_gone(changes))
    # A link that goes down takes IPv4 routes with it silently.
    gone |= {p for family in Family for p in before[family] - set(edge.lab.kernel_routes(family))}
    installed = set().union(*before.values()) - {family.default for family in Family}
    watch.resync()
    return Outcome(
        fault.name,
        mended - start,
        len(changes),
        tuple(sorted((gone & installed) - changed)),
        sent_then - sent,
        (sent_then - sent) - (arrived_then - arrived),
        judge(recorder.versions[known - 1 :], recorder.arrivals[first:]),
        healed,
        unwell,
    )


def _gone(changes: Sequence[Change]) -> Iterator[str]:
    """Prefixes that left the kernel, if only for a while. An IPv6 route's type changes in two messages: the
    new one comes, the old one goes."""
    there: dict[str, list[float]] = {}
    for change in changes:
        if not change.deleted:
            there.setdefault(change.prefix, []).append(change.at)
    for change in changes:
        if change.deleted and all(abs(at - change.at) > TWO_MESSAGES for at in there.get(change.prefix, ())):
            yield change.prefix


def _heal(edge: Edge, mended: float, deadline: float) -> tuple[float | None, tuple[str, ...]]:
    """Seconds until it was well for good, and what was wrong until then."""
    healed, found = 0.0, [""]
    while True:
        unwell = edge.unwell()
        now = time.monotonic() - mended
        if unwell:
            healed = now
            if unwell != found[-1]:
                found.append(unwell)
        if now - healed >= STABLE and not unwell:
            return healed, tuple(found[1:])
        if now > deadline + STABLE:
            return None, tuple(found[1:])
        edge.let(0.2)
