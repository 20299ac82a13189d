"""A board over rooms that are plain values, with table, kernel and traffic in the test's hands."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from arm.board import Board, Rooms
from arm.family import FamilyLoop, Valuation
from arm.history_record import Record
from arm.lifecycle import State
from arm.model import AsPathSegment, Attributes, Entry, Family, KernelRoute, Prefix, Route
from arm.picture_findings import Outside
from arm.rib.indexed import IndexedTable
from arm.selection.policy import Policy
from arm.stalls import Stalls
from tests.traffic.build import traffic

PATH = Attributes(as_path=(AsPathSegment("as-sequence", (64500, 64501)),))
FINE = Outside({})


class Daemon:
    """IPv4 with three routes by two next hops, IPv6 without any."""

    def __init__(self, strategy: str = "safe", *, packets: bool = False, factor: float = 1.0) -> None:
        valuation = Valuation(60.0, packets, 0.0, {"10.0.0.1": factor})
        self.loops = {family: FamilyLoop(family, valuation, Policy()) for family in Family}
        self.tables = {family: IndexedTable(family) for family in Family}
        self.told: dict[Prefix, Entry] = {}
        self.kernel: dict[Prefix, KernelRoute] = {}
        self.ever = set[Prefix]()  # places at which something has been installed
        self.life = SimpleNamespace(state=State.ACTIVE, reasons=(), ceiling=None, routes=0)
        self.now = 0.0
        self.loops[Family.IPV4].connected([Prefix("10.0.0.0/24")])
        for prefix, next_hop in (("20.0.0.0/16", 1), ("20.0.1.0/24", 2), ("20.1.0.0/16", 2)):
            self.route(prefix, next_hop)
        self.board = Board(self._rooms(strategy))

    def route(self, prefix: str, next_hop: int) -> None:
        self.tables[Family.IPV4].set(Route(Prefix(prefix), f"10.0.0.{next_hop}", PATH))

    def install(self, prefix: str, next_hop: int | None) -> None:
        """ARM told BIRD, and the kernel shows it; None: it is gone again."""
        place, gateway = Prefix(prefix), f"10.0.0.{next_hop}"
        self.ever.add(place)
        if next_hop is None:
            del self.told[place], self.kernel[place]
        else:
            self.told[place] = Entry(place, gateway, PATH)
            self.kernel[place] = KernelRoute(place, (gateway,), 12)
        self.loops[Family.IPV4].kernel(place, self.kernel.get(place))
        self.board.kernel(place, next_hop is not None)

    def tick(self, sizes: dict[str, float] | None = None, seconds: float = 1.0) -> None:
        """One interval's traffic in bytes by address, and a new picture."""
        self.now += seconds
        for family, loop in self.loops.items():
            loop.refresh(self.tables[family], None, 0.0)
            loop.measure(traffic(sizes or {}), seconds, 1.0, True, self.now)
        self.board.publish(FINE, self.now)

    def _rooms(self, strategy: str) -> Rooms:
        unusual = [
            "datagrams_lost",
            "datagrams_repeated",
            "samples_lost",
            "samples_dropped",
            "samples_repeated",
        ]
        losses = dict.fromkeys([*unusual, "samples", "restarts"], 0)
        intake: dict[str, Any] = dict.fromkeys(["refused", "repeated", "unusable", "discarded"], 0)
        intake |= {"counters": (), "malformed": {}}
        intake["loss"] = SimpleNamespace(unseen=0.0, totals=SimpleNamespace(**losses))
        collector = dict.fromkeys(["datagrams", "dropped", "refused", "relayed"], 0)
        feed = SimpleNamespace(
            routes=lambda family: len(self.tables[family]), table=self.tables.get, changes={Family.IPV4: 0}
        )
        speaker = SimpleNamespace(
            told_at=lambda family: dict.fromkeys(self._told(family), 0.0),
            leaving=lambda _: {},
            told=self._told,
            never_came=lambda _: [],
            absent=lambda family: self._told(family).keys() - self.kernel.keys(),
            touched=lambda _: set(self.ever),
            standing=self._told,
            wanted=self._told,
            commands=0,
            errors=0,
        )
        kernel = SimpleNamespace(
            routes={Family.IPV4: self.kernel, Family.IPV6: {}},
            defaults=dict.fromkeys(Family, KernelRoute(Prefix("0.0.0.0/0"), ("10.0.0.9",), 12)),
            lost_since=None,
            touched={family: set() for family in Family},
            events=0,
            overruns=0,
        )
        rooms: dict[str, Any] = {
            "exabgp": SimpleNamespace(restarts=0),
            "intake": SimpleNamespace(**intake),
            "collector": SimpleNamespace(silent=lambda _: 0.0, **collector),
            "feed": feed,
            "lifecycles": dict.fromkeys(Family, self.life),
            "speaker": speaker,
            "kernel": kernel,
            "stalls": Stalls(),
        }
        return Rooms(
            lambda: strategy,
            lambda: "f00",
            lambda: "",
            Record({}),
            dict.fromkeys(Family, 10),
            loops=self.loops,
            **cast("Any", rooms),
        )

    def _told(self, family: Family) -> dict[Prefix, Entry]:
        return self.told if family is Family.IPV4 else {}
