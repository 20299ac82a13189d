"""From datagrams to bytes per prefix with the daemon's own rooms, and how long each takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from arm.family import FamilyLoop, Valuation
from arm.model import Family, Prefix
from arm.rib.indexed import IndexedTable
from arm.rib.table import RouteTable
from arm.selection.policy import Policy
from arm.sflow.destinations import Destinations
from arm.sflow.direction import Direction
from arm.sflow.intake import Intake

BATCH = 1024  # datagrams
_T = TypeVar("_T")


class Pipeline:
    """Receive: decode, account for loss, count once, add up. Tick: look up, add up by prefix, score."""

    def __init__(self, tables: dict[Family, IndexedTable]) -> None:
        self._loops = {family: FamilyLoop(family, Valuation(300.0), Policy()) for family in Family}
        for family, loop in self._loops.items():
            loop.refresh(tables[family], None, 0.0)
        self.intake = Intake(Direction.AUTO, ())
        self.looked_up = 0  # distinct destinations, tick by tick
        self.seconds = {"receive": 0.0, "tick": 0.0}  # CPU time

    @property
    def samples(self) -> int:
        return self.intake.loss.totals.samples

    def receive(self, datagrams: Sequence[bytes], now: float) -> None:
        """A batch came."""
        self._timed("receive", lambda: self.intake.receive(datagrams, now))

    def tick(self, now: float) -> None:
        """A second has passed."""
        self._timed("tick", lambda: self.measure(self.intake.take(now), now))

    def measure(self, traffic: Destinations, now: float) -> None:
        """What came in the last second goes to the meters."""
        self.looked_up += len(traffic)
        rate = float(traffic.samples.sum())
        for loop in self._loops.values():
            loop.measure(traffic, 1.0, rate, True, now)

    def _timed(self, step: str, work: Callable[[], _T]) -> _T:
        started = time.process_time()
        result = work()
        self.seconds[step] += time.process_time() - started
        return result


def samples_by_prefix(traffic: Destinations, tables: Mapping[Family, RouteTable]) -> dict[Prefix, int]:
    """How many samples each prefix has, to be compared with others."""
    counts: dict[Prefix, int] = {}
    for family, table in tables.items():
        rows = traffic.family == family.number
        for address, samples in zip(
            traffic.addresses(family.number), traffic.samples[rows].tolist(), strict=True
        ):
            route = table.match(address)
            assert route is not None
            counts[route.prefix] = counts.get(route.prefix, 0) + samples
    return counts
