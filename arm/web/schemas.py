"""The shapes of the API. Their names are a promise to other programs; those of `arm.model` are not.

Times are Unix seconds, shares run from 0 to 1, an unknown value is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, IPvAnyAddress, WithJsonSchema

from arm.model import ActiveRoute, AgentCounters, Family, Status

Health = Literal["ok", "warning", "critical"]
FamilyLabel = Annotated[
    Literal["ipv4", "ipv6"],
    BeforeValidator(lambda value: value.label if isinstance(value, Family) else value),
]
# JSON Schema knows no address of either family.
Address = Annotated[
    IPvAnyAddress, WithJsonSchema({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
]
CounterKind = Literal[
    "interface",
    "ethernet",
    "port_name",
    "host_cpu",
    "host_memory",
    "host_disk",
    "host_network",
    "broadcom_tables",
]

Difference = Literal[
    "missing-in-kernel", "hardware-refused", "stuck", "wrong-next-hop", "not-offloaded", "unexpected"
]
DIFFERENCES = "between what BIRD was told, the kernel and the hardware; null: none that has lasted"


def health(status: Status) -> Health:
    """The worst of all concerns."""
    if any(concern.critical for concern in status.concerns):
        return "critical"
    return "warning" if status.concerns else "ok"


class _View(BaseModel):
    """Read from the dataclass of the same shape; a field that is renamed there fails the first test."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ConcernView(_View):
    """One reason why health is not good."""

    name: str
    text: str
    remedy: str
    since: float
    family: FamilyLabel | None
    critical: bool


class HardwareView(_View):
    """How full the hardware's table for one family is, as the platform says."""

    platform: str = Field(description="sonic, cumulus or devlink")
    used: int | None = Field(description="entries, whoever's")
    available: int | None = Field(description="further entries that fit")
    age: float | None = Field(description="seconds since it was read")


class FamilyView(_View):
    """One address family; `capacity` to `unexpected` count entries of the FIB."""

    family: FamilyLabel
    state: str
    rib_routes: int
    default_route: bool
    capacity: int
    active: int = Field(description="prefixes with traffic")
    wanted: int
    announced: int
    installed: int
    missing: int
    unexpected: int
    bits_per_second: float
    samples_per_second: float
    coverage: float | None = Field(description="share of bytes that go where the full table says")
    coverage_error: float | None = Field(description="half-width of the 95 % sampling interval of coverage")
    hit_rate: float | None = Field(
        description="share of bytes that an entry of the FIB sends to a next hop of its own, right or wrong"
    )
    misforwarded: float | None = Field(
        description="share of bytes that go neither where the full table says nor to the default"
    )
    misforwarded_addresses: int | None = Field(
        description="of all addresses (IPv6: /64 networks) so many do, by the kernel's routes"
    )
    hardware: HardwareView | None = Field(description="null where there is no platform to ask")
    misses: dict[str, float] | None = Field(
        description="share of bytes that no entry sends to a next hop of its own, by reason; with hit_rate "
        "they add up to 1"
    )


class OperatedView(_View):
    """What operators want besides traffic; `..._given`: at run time, not by the configuration."""

    mode: Literal["active", "observe", "withdraw"]
    mode_given: bool
    pins: int = Field(description="rules that apply now; those of an AS or a community count one each")
    denials: int
    pins_given: int
    denials_given: int


class StatusView(_View):
    """Everything at one moment."""

    health: Health
    version: str
    time: float
    started: float
    strategy: str
    config: str = Field(description="fingerprint of the configuration in force")
    reload_failed: bool = Field(description="the file as it was last read has faults and is not in force")
    operated: OperatedView
    concerns: list[ConcernView]
    families: list[FamilyView]
    sessions: dict[str, bool] = Field(description="BGP sessions by name: established?")
    sflow_datagrams: int = Field(validation_alias="datagrams", description="received since start")
    sflow_malformed: dict[str, int] = Field(
        validation_alias="malformed", description="faults in them since start, by kind"
    )
    sflow_unseen: float = Field(
        validation_alias="unseen", description="share of the traffic that no sample told of lately"
    )
    counters: dict[str, int] = Field(description="further totals since start")


class RouteView(_View):
    """A prefix that carries traffic or is in the FIB."""

    rank: int = Field(description="1 is worth most of its family, as selection.weight and factors count")
    prefix: str
    family: FamilyLabel
    bits_per_second: float = Field(description="to addresses of which it is the BGP table's longest match")
    packets_per_second: float = Field(description="to the same addresses")
    next_hop: str | None
    as_path: str
    wanted: bool
    announced: bool
    in_kernel: bool
    since: float | None = Field(description="when the kernel first showed it")
    kind: Literal["route", "guard", "synthesised"] | None = Field(
        description="of the entry: its own route, a guard that follows the default, or in the FIB only"
    )
    difference: Difference | None = Field(description=DIFFERENCES)


class RoutesView(_View):
    """One page of the route table."""

    total: int = Field(description="lines of the whole table")
    matched: int = Field(description="lines that pass the filters")
    limit: int
    offset: int
    routes: list[RouteView]


class CountersView(_View):
    """The latest record of one kind from one data source."""

    source: str = Field(description="class:index; 0:5 is the interface of index 5")
    kind: str
    age_seconds: float = Field(validation_alias="age", description="since it came")
    values: dict[str, int | float | str | dict[str, int | None] | None] = Field(
        description="the record's fields; a table of the ASIC has entries `used` and `maximum`"
    )


class AgentView(_View):
    """One sFlow agent; sources by class and index."""

    agent: str
    sources: list[CountersView]


class AgentsView(_View):
    """What the agents count themselves."""

    agents: list[AgentView]


class RouteQuery(BaseModel):
    """The parameters of /api/v1/routes. Each description completes the sentence "allowed: ..."."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["ipv4", "ipv6"] | None = Field(None, description="ipv4, ipv6")
    state: Literal["all", "installed", "active", "missing", "different"] = Field(
        "all", description="all, installed, active, missing, different"
    )
    kind: Literal["route", "guard", "synthesised"] | None = Field(
        None, description="route, guard, synthesised"
    )
    q: str = Field("", max_length=100, description="up to 100 characters")
    sort: Literal[
        "rank", "prefix", "bits_per_second", "packets_per_second", "next_hop", "since", "difference"
    ] = Field(
        "rank", description="rank, prefix, bits_per_second, packets_per_second, next_hop, since, difference"
    )
    order: Literal["asc", "desc"] = Field("asc", description="asc, desc")
    limit: int = Field(100, ge=1, le=1000, description="a whole number from 1 to 1000")
    offset: int = Field(0, ge=0, le=2**31, description="a whole number from 0 to 2147483648")


class NoQuery(BaseModel):
    """Of what takes no parameters: who gives one would believe that it does something."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AgentQuery(BaseModel):
    """The parameters of /api/v1/agents, described like those of the routes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: Address | None = Field(None, description="an IPv4 or IPv6 address")
    kind: CounterKind | None = Field(None, description=", ".join(get_args(CounterKind)))


def status_json(status: Status) -> str:
    """The answer of /api/v1/status, also the payload of a live event."""
    shown = {field.name: getattr(status, field.name) for field in fields(status)}
    return StatusView.model_validate({**shown, "health": health(status)}).model_dump_json()


def routes_json(total: int, matched: int, query: RouteQuery, rows: Sequence[ActiveRoute]) -> str:
    """The answer of /api/v1/routes."""
    view = RoutesView(
        total=total,
        matched=matched,
        limit=query.limit,
        offset=query.offset,
        routes=[RouteView.model_validate(row) for row in rows],
    )
    return view.model_dump_json()


def agents_json(agents: Mapping[str, Sequence[AgentCounters]]) -> str:
    """The answer of /api/v1/agents."""
    views = [
        AgentView(agent=agent, sources=[CountersView.model_validate(record) for record in records])
        for agent, records in agents.items()
    ]
    return AgentsView(agents=views).model_dump_json()
