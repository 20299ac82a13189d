"""The middle of the daemon, as arm/app.py wires it, told what ExaBGP, BIRD and the kernel would tell it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from arm.announce.speaker import Speaker
from arm.family import FamilyLoop, Valuation
from arm.model import Entry, Family, KernelRoute, Pool, Prefix
from arm.rib.feed import Feed
from arm.rib.prefixmap import PrefixMap
from arm.routing import REFLECTOR, TARGET, Make, Routing, Tables, Take, at_once
from arm.selection.policy import Policy
from tests.familyworld import NEIGHBOURS, neighbour

SESSIONS = {"127.0.0.1": REFLECTOR, "127.0.0.2": TARGET}
ADDRESSES = {name: address for address, name in SESSIONS.items()}


def pools(slots: int = 1000) -> list[Pool]:
    """A table for each family."""
    return [Pool(each.label, slots, {each: (1,) * (each.bits + 1)}) for each in Family]


def next_hop(family: Family, hop: int) -> str:
    """Of a number as in tests/selection/universe.py: 0 is the default's."""
    return neighbour(family, 1 + hop)


def entry(family: Family, prefix: Prefix, hop: int) -> Entry:
    """An entry with such a next hop."""
    route = Entry.guard(prefix)
    return route if hop == 0 else Entry(prefix, next_hop(family, hop), route.attributes)


class Middle:
    """Feed, loops, speaker and routing. The kernel's default goes to neighbour 1."""

    def __init__(
        self,
        strategy: str = "safe",
        policy: Policy | None = None,
        shrinks: Callable[[Family, int], bool] = lambda family, routes: False,
        slots: Sequence[Pool] | None = None,
        beside: Callable[[Make, Take], None] = at_once,
    ) -> None:
        loops = {family: FamilyLoop(family, Valuation(60.0), policy or Policy()) for family in Family}
        for family, loop in loops.items():
            loop.connected([NEIGHBOURS[family]])
        self.speaker = Speaker("neighbor 127.0.0.1 local-ip 127.0.0.2", 65000, slots or pools(), 1000.0)
        self.tables = Tables(Feed(), loops, self.speaker)
        self.routing = Routing(self.tables, SESSIONS, strategy, shrinks, 0.0, beside)
        self.feed, self.loops = self.tables.feed, loops
        self.default: dict[Family, KernelRoute | None] = {
            family: KernelRoute(family.default, (next_hop(family, 0),), 12) for family in Family
        }
        self.fixed: dict[Family, Mapping[Prefix, tuple[str, ...]]] = {family: {} for family in Family}
        self.kernel: dict[Family, dict[Prefix, KernelRoute]] = {family: {} for family in Family}
        self.now = self.time = 0.0
        for family in Family:
            self.refresh(family)

    # --- ExaBGP -------------------------------------------------------------------------------------

    def hear(self, kind: str, session: str = REFLECTOR, **neighbor: Any) -> None:
        neighbor["address"] = {"local": ADDRESSES[session], "peer": "127.0.0.1"}
        line = json.dumps({"exabgp": "5.0.0", "type": kind, "neighbor": neighbor})
        self.routing.lines([line.encode()], self.now)

    def session(self, up: bool, name: str = REFLECTOR) -> None:
        self.hear("state", name, state="up" if up else "down")

    def announce(self, family: Family, prefix: Prefix, hop: int, **attributes: Any) -> None:
        routes = {f"{family.label} unicast": {next_hop(family, hop): [prefix]}}
        message = {"update": {"attribute": {"origin": "igp", **attributes}, "announce": routes}}
        self.hear("update", direction="receive", message=message)

    def withdraw(self, family: Family, prefix: Prefix) -> None:
        message = {"update": {"withdraw": {f"{family.label} unicast": [prefix]}}}
        self.hear("update", direction="receive", message=message)

    def end_of_rib(self, family: Family) -> None:
        self.hear("update", direction="receive", message={"eor": {"afi": family.label, "safi": "unicast"}})

    def learn(self, family: Family, routes: Mapping[Prefix, int]) -> None:
        """A session comes up, and brings a whole table."""
        self.session(up=False)
        self.session(up=True)
        for prefix, hop in routes.items():
            self.announce(family, prefix, hop)
        self.end_of_rib(family)

    # --- the kernel, and the tick -------------------------------------------------------------------

    def install(self, family: Family, prefix: Prefix, *hops: int) -> None:
        """The kernel shows a route of BIRD's."""
        gateways = tuple(sorted(next_hop(family, hop) for hop in hops))
        route = self.kernel[family][prefix] = KernelRoute(prefix, gateways, 12)
        self.loops[family].kernel(prefix, route)
        self.speaker.kernel(family, prefix, True)

    def refresh(self, family: Family) -> None:
        """What a tick does first."""
        loop, table = self.loops[family], self.feed.table(family)
        for each in self.feed.tables(family):
            loop.settle(each, self.time)
        if loop.set_fixed(self.fixed[family], table):
            self.routing.doubt(family)
        loop.refresh(table, self.default[family], self.time)
        self.speaker.fixed(family, loop.fixed_hops())
        self.routing.settle_doubts(family)

    def stand(self, family: Family, entries: Iterable[Entry], wanted: Iterable[Entry]) -> None:
        """BIRD has these entries of an earlier run, and those are chosen."""
        entries = list(entries)
        for each in entries:
            self.speaker.kernel(family, each.prefix, True)
        self.speaker.adopt(family, entries)
        self.speaker.want(family, PrefixMap(family, {each.prefix: each for each in wanted}))

    def hop(self, family: Family, entry: Entry) -> int:
        """The number of an entry's next hop."""
        if entry.next_hop == family.guard_next_hop:
            return 0
        return next(hop for hop in range(9) if next_hop(family, hop) == entry.next_hop)

    def hops(self, family: Family, entries: Mapping[Prefix, Entry]) -> dict[Prefix, int]:
        return {prefix: self.hop(family, each) for prefix, each in entries.items()}
