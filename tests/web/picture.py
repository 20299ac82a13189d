"""A picture of a daemon for the web to show, and a source that hands it over."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from arm.history import History
from arm.history_figures import NAMES
from arm.history_log import EventLog
from arm.history_shares import Shares
from arm.model import (
    ActiveRoute,
    AgentCounters,
    Concern,
    Family,
    FamilyStatus,
    HardwareStatus,
    Prefix,
    Status,
)
from tests.web.counters import make_agents

NOW = 1_760_000_000.0

CONFIGURATION = '[selection]\nwindow = 60.0\nstrategy = "safe"\n\n[pools]\n"l3" = { slots = 9 }\n'

NO_SAMPLES = Concern(
    name="no-samples",
    text="no sFlow samples for 41 s, the table is frozen",
    remedy="Check that the switch still sends sFlow to UDP port 6343 of this machine.",
    since=NOW - 200,
)
NO_DEFAULT = Concern(
    name="no-default",
    text="the kernel has no default route, so nothing may be announced",
    remedy="Check the session with the peer that gives the default route: `birdc show protocols`.",
    since=NOW - 4000,
    family=Family.IPV6,
    critical=True,
)


def family_status(family: Family) -> FamilyStatus:
    ipv4 = family is Family.IPV4
    return FamilyStatus(
        family=family,
        state="steady",
        rib_routes=1_041_557 if ipv4 else 231_004,
        default_route=True,
        capacity=10_000,
        active=8_123 if ipv4 else 1_790,
        wanted=8_000,
        announced=7_999,
        installed=7_996,
        missing=3 if ipv4 else 0,
        unexpected=1 if ipv4 else 0,
        bits_per_second=12.4e9 if ipv4 else 812e6,
        samples_per_second=203.5,
        coverage=0.9523 if ipv4 else None,
        coverage_error=0.0061 if ipv4 else None,
        hit_rate=0.4711 if ipv4 else None,
        misforwarded=0.0 if ipv4 else None,
        misforwarded_addresses=0 if ipv4 else None,
        hardware=HardwareStatus("sonic", 8_120, None, 4.0) if ipv4 else None,
        misses={"follows-default": 0.4812, "new": 0.0102, "no-room": 0.0375} if ipv4 else None,
        rib_octets=50_000_000 if ipv4 else 11_000_000,
    )


def make_status(concerns: Sequence[Concern] = (), time: float = NOW) -> Status:
    return Status(
        version="0.1.0",
        time=time,
        started=NOW - 93_784,
        strategy="safe",
        config="0c1f",
        concerns=tuple(concerns),
        families=tuple(map(family_status, Family)),
        sessions={"reflector": True, "target": False},
        datagrams=1_234_567 + int(time - NOW) * 203,
        malformed={"short": 1, "truncated-sample": 2},
        unseen=0.021,
        counters={"repairs": 17, "rib_updates": 99_812},
        stall=0.031,
    )


def make_routes(count: int) -> tuple[ActiveRoute, ...]:
    """`count` routes, half of each family. By rank every 3rd is quiet, every 5th not in the kernel."""
    rows = []
    for family, base, bits in ((Family.IPV4, "10.0.0.0", 24), (Family.IPV6, "2001:db8::", 64)):
        first = int(ipaddress.ip_address(base))
        block = 1 << (family.bits - bits)
        for rank in range(1, count // 2 + 1):
            network = ipaddress.ip_network((first + rank * block, bits))
            in_kernel = rank % 5 != 0
            rows.append(
                ActiveRoute(
                    rank=rank,
                    prefix=Prefix(str(network)),
                    family=family,
                    bits_per_second=0.0 if rank % 3 == 0 else 4e9 / rank,
                    packets_per_second=0.0 if rank % 3 == 0 else 1e5 + rank,
                    next_hop=None if rank % 50 == 0 else f"192.0.2.{rank % 4 + 1}",
                    as_path=f"64500 {64600 + rank % 7} {{65000 {65000 + rank}}}",
                    wanted=True,
                    announced=True,
                    in_kernel=in_kernel,
                    since=NOW - rank * 61 if in_kernel else None,
                )
            )
    return tuple(rows)


class FakeSource:
    """A source whose picture the test exchanges, and whose past it fills."""

    def __init__(self, status: Status | None = None, routes: Sequence[ActiveRoute] = ()) -> None:
        self.current = status or make_status()
        self.table = routes
        self.counted: Sequence[AgentCounters] = make_agents()
        self.figures = History(NAMES)
        self.events = EventLog()
        self.split = Shares()

    def status(self) -> Status:
        return self.current

    def routes(self) -> Sequence[ActiveRoute]:
        return self.table

    def agents(self) -> Sequence[AgentCounters]:
        return self.counted

    def history(self) -> History:
        return self.figures

    def log(self) -> EventLog:
        return self.events

    def shares(self) -> Shares:
        return self.split

    def configuration(self) -> str:
        return CONFIGURATION
