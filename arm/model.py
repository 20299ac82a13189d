"""The values that pass between rooms. No logic beyond naming, no clock, no sockets.

A prefix is its canonical text ("203.0.113.0/24", "2001:db8::/32"): ExaBGP, BIRD and the page all speak
it, so the table is learned without converting a million of them. An address inside the measuring path is
its 4 or 16 network-order bytes.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType

Prefix = NewType("Prefix", str)


class Family(Enum):
    """An address family; the one place where IPv4 and IPv6 differ."""

    IPV4 = ("ipv4", 32, socket.AF_INET)
    IPV6 = ("ipv6", 128, socket.AF_INET6)

    def __init__(self, label: str, bits: int, af: socket.AddressFamily) -> None:
        self.label = label
        self.bits = bits
        self.af = af

    @property
    def number(self) -> int:
        """4 or 6."""
        return 4 if self is Family.IPV4 else 6

    @property
    def title(self) -> str:
        """How people write it."""
        return "IPv4" if self is Family.IPV4 else "IPv6"

    @property
    def default(self) -> Prefix:
        return Prefix("0.0.0.0/0" if self is Family.IPV4 else "::/0")

    @property
    def guard_next_hop(self) -> str:
        """Reserved address that only the default route covers: BIRD resolves guards through it, so that they
        follow the default without ARM (RFC 2544 benchmarking, RFC 6666 discard)."""
        return "198.18.0.1" if self is Family.IPV4 else "100::1"

    @staticmethod
    def of(text: str) -> Family:
        """The family of an address or prefix in text form."""
        return Family.IPV6 if ":" in text else Family.IPV4


class ArmError(Exception):
    """Base of every error that an operator sees: what is wrong, and what to do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem = problem
        self.remedy = remedy


# --- routes -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AsPathSegment:
    """One segment of an AS_PATH (RFC 4271 4.3): its kind and its AS numbers in order.

    ExaBGP shows the segments of a confederation (RFC 5065) as ordinary sequences.
    """

    kind: str  # "as-sequence" or "as-set"
    numbers: tuple[int, ...]

    def __str__(self) -> str:
        words = " ".join(map(str, self.numbers))
        return words if self.kind == "as-sequence" else "{" + words + "}"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Attributes:
    """The BGP path attributes of a route, shared by all routes that carry the same set.

    Communities keep the form they have on the wire: (AS, value), (AS, value, value), and extended ones as
    their 8 octets read as one integer. Absent attributes are None or empty.
    """

    origin: str = "igp"
    as_path: tuple[AsPathSegment, ...] = ()
    med: int | None = None
    local_preference: int | None = None
    atomic_aggregate: bool = False
    aggregator: str | None = None  # "AS:address"
    communities: tuple[tuple[int, int], ...] = ()
    large_communities: tuple[tuple[int, int, int], ...] = ()
    extended_communities: tuple[int, ...] = ()
    others: tuple[tuple[int, int, str], ...] = ()  # unknown to ExaBGP: code, flags, value in hexadecimal

    @property
    def as_path_text(self) -> str:
        return " ".join(map(str, self.as_path))


NO_ATTRIBUTES = Attributes()  # one for all entries that are no routes: equal ones share a command


class BgpPath:
    """Where routes lead, and with what: one object for all routes that have both in common."""

    __slots__ = ("_attributes", "next_hop")

    def __init__(self, next_hop: str, attributes: Attributes) -> None:
        self.next_hop = next_hop
        self._attributes = attributes

    @property
    def attributes(self) -> Attributes:
        """All of them."""
        return self._attributes

    @property
    def as_path(self) -> tuple[AsPathSegment, ...]:
        """Of the attributes only this."""
        return self.attributes.as_path


class Route:
    """A prefix as the full table has it. Made when somebody asks for it: a table keeps prefixes and paths."""

    __slots__ = ("path", "prefix")

    def __init__(self, prefix: Prefix, next_hop: str, attributes: Attributes) -> None:
        self.prefix = prefix
        self.path = BgpPath(next_hop, attributes)

    @classmethod
    def along(cls, prefix: Prefix, path: BgpPath) -> Route:
        """The route to a prefix by that path."""
        route = cls.__new__(cls)
        route.prefix, route.path = prefix, path
        return route

    @property
    def next_hop(self) -> str:
        return self.path.next_hop

    @property
    def attributes(self) -> Attributes:
        return self.path.attributes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Route):
            return NotImplemented
        if self.prefix != other.prefix or self.next_hop != other.next_hop:
            return False
        return self.path is other.path or self.attributes == other.attributes

    def __hash__(self) -> int:
        return hash((self.prefix, self.next_hop))

    def __repr__(self) -> str:
        return f"Route({self.prefix!r}, {self.next_hop!r}, {self.attributes!r})"


class Kind(Enum):
    """Why an entry is in the FIB; the value is the last word of its large community (AS, 6343, kind)."""

    ROUTE = 1  # a prefix of the BGP table with its own next hop
    GUARD = 2  # follows the default, so that an entry above it cannot take its traffic
    SYNTHESISED = 3  # in the FIB only: no such route in the BGP table


@dataclass(frozen=True, slots=True)
class Entry:
    """What ARM wants in the FIB for one prefix."""

    prefix: Prefix
    next_hop: str
    attributes: Attributes
    kind: Kind = Kind.ROUTE

    @staticmethod
    def guard(prefix: Prefix) -> Entry:
        """An entry that follows the default."""
        return Entry(prefix, Family.of(prefix).guard_next_hop, NO_ATTRIBUTES, Kind.GUARD)


@dataclass(frozen=True, slots=True)
class Pool:
    """One table of the hardware. An entry of a family takes `costs[family][length]` of its slots; 0: it
    does not live here. A family that is not in `costs` does not live here at all."""

    name: str
    slots: int
    costs: Mapping[Family, tuple[int, ...]]  # by prefix length, 0 to the family's bits

    def cost(self, family: Family, length: int) -> int:
        costs = self.costs.get(family)
        return costs[length] if costs is not None else 0


# --- the kernel ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """One route of the kernel's table. `gateways` are sorted addresses; empty for directly connected."""

    prefix: Prefix
    gateways: tuple[str, ...]
    protocol: int  # RTPROT_*, 12 is BIRD
    offloaded: bool = False  # RTM_F_OFFLOAD or RTM_F_TRAP
    offload_failed: bool = False  # RTM_F_OFFLOAD_FAILED


# --- what is shown ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Concern:
    """One reason why health is not good: what it is, since when (Unix time), and what to do."""

    name: str  # stable word for metrics and documentation, e.g. "no-default"
    text: str
    remedy: str
    since: float
    family: Family | None = None
    critical: bool = False  # critical: service is affected; else a warning


@dataclass(frozen=True, slots=True)
class HardwareStatus:
    """How full the hardware's table for one family is, as the platform says. None: it does not tell."""

    platform: str  # "sonic", "cumulus" or "devlink"
    used: int | None  # entries, whoever's
    available: int | None  # entries
    age: float | None  # seconds since it was read


# Why traffic takes no entry; traffic/misses.py tells what each means.
MISS_REASONS = (
    "follows-default",
    "not-routed",
    "several",
    "waiting",
    "new",
    "below-minimum-rate",
    "evicted",
    "no-room",
)


@dataclass(frozen=True, slots=True)
class FamilyStatus:
    """One family's figures at one moment."""

    family: Family
    state: str  # see lifecycle.py
    rib_routes: int
    default_route: bool  # the kernel has one
    capacity: int  # entries that the hardware has room for
    active: int  # prefixes with traffic inside the window
    wanted: int  # chosen
    announced: int  # told to BIRD
    installed: int  # ARM's entries that the kernel holds
    missing: int  # announced for longer than a moment, not in the kernel
    unexpected: int  # in the kernel through BIRD, not wanted, not the default
    bits_per_second: float
    samples_per_second: float
    coverage: float | None  # share of bytes that go where the full table says; None: no traffic
    coverage_error: float | None  # half-width of its 95 % sampling interval
    hit_rate: float | None  # share of bytes that an entry sends to a next hop of its own, right or wrong
    misforwarded: float | None  # share of bytes that go neither where the full table says nor to the default
    misforwarded_addresses: int | None  # of all addresses (IPv6: /64s) so many do; None: not known now
    hardware: HardwareStatus | None = None  # None: there is no platform to ask
    misses: Mapping[str, float] | None = None  # share of bytes by MISS_REASONS; None: no traffic
    rib_octets: int = 0  # that the routes take in memory, their paths not counted


TRAFFIC_BY = ("as_path", "destination_as", "peer_as", "source_as")  # traffic/flows.py


@dataclass(frozen=True, slots=True)
class Ranking:
    """The names with most traffic, the first has most, and what each has of the `total`, in bits per second.
    A name may stand there twice: what is too long is cut."""

    names: tuple[str, ...]
    rates: tuple[float, ...]
    total: float


@dataclass(frozen=True, slots=True)
class ActiveRoute:
    """One line of the route table: a prefix that carries traffic or is in the FIB."""

    rank: int  # 1 = worth most to the choice, within its family
    prefix: Prefix
    family: Family
    bits_per_second: float  # to addresses of which this is the table's longest match
    packets_per_second: float
    next_hop: str | None  # None: the table has no such route (any more)
    as_path: str
    wanted: bool
    announced: bool
    in_kernel: bool
    since: float | None  # Unix time at which the kernel first showed it
    kind: str | None = None  # of the entry that BIRD was told: "route", "guard" or "synthesised"
    difference: str | None = None  # between what BIRD was told, the kernel and the hardware (fib/compare.py)


@dataclass(frozen=True, slots=True)
class Operated:
    """What operators want besides traffic: of the rules that apply, how many were given at run time."""

    mode: str  # "active", "observe" or "withdraw"
    mode_given: bool = False  # at run time: else it is the configuration's
    pins: int = 0
    denials: int = 0
    pins_given: int = 0
    denials_given: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """Everything the page shows, as one consistent picture taken at `time` (Unix seconds)."""

    version: str
    time: float
    started: float
    strategy: str
    concerns: tuple[Concern, ...]
    families: tuple[FamilyStatus, ...]
    sessions: dict[str, bool]  # "reflector" and "target": established?
    datagrams: int = 0  # sFlow datagrams received since start
    malformed: dict[str, int] = field(default_factory=dict)  # faults in them since start, by kind
    unseen: float = 0.0  # share of the traffic that no sample told of lately: lost or dropped on its way here
    counters: dict[str, int] = field(default_factory=dict)  # further totals since start, by metric name
    config: str = ""  # fingerprint of the configuration that is in force
    reload_failed: bool = False  # the file as it was last read is not, because it has faults
    operated: Operated = Operated("active")
    stall: float = 0.0  # seconds, the longest of the last minute, that the event loop did not see its sockets


@dataclass(frozen=True, slots=True)
class AgentCounters:
    """The latest counter record of one kind from one data source of an sFlow agent.

    `values` are the record's fields by name, with their unit in the name where they have one; None is what
    the agent does not know. Tables of an ASIC are {"used": ..., "maximum": ...}.
    """

    agent: str  # address
    source: str  # data source as "class:index", like sflowtool
    kind: str  # "interface", "host_cpu", "broadcom_tables", ...
    age: float  # seconds since it came
    values: dict[str, int | float | str | dict[str, int | None] | None]
