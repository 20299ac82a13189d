"""What two agents count: a switch that knows nearly everything, and one that knows little."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from typing import Any, TypeVar

from arm.model import AgentCounters
from arm.sflow.counter_records import (
    BroadcomTables,
    Counters,
    HostCpu,
    HostDisk,
    HostMemory,
    Interface,
    PortName,
    Usage,
)

SWITCH, OTHER = "192.0.2.10", "2001:db8::a"

_Record = TypeVar("_Record", bound=Counters)


def kind_of(record: type[Counters]) -> str:
    """HostCpu: "host_cpu"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", record.__name__).lower()


def told(agent: str, source: str, record: Counters, age: float = 4.5) -> AgentCounters:
    """A record as the daemon hands it to the web."""
    return AgentCounters(agent, source, kind_of(type(record)), age, asdict(record))


def some(record: type[_Record], **known: Any) -> _Record:
    """A record of which the agent knows only this."""
    unknown = dict.fromkeys(field.name for field in fields(record))
    return record(**{**unknown, **known})


def make_agents() -> tuple[AgentCounters, ...]:
    port = some(
        Interface,
        speed=10_000_000_000,
        status=3,
        in_octets=327_115_139_476_491,
        in_unicast=3_406_683_542,
        in_multicast=436_422,
        in_discards=4,
        in_errors=0,
        out_octets=57_184_089_570_462,
        out_unicast=1_449_403_761,
        out_discards=1,
    )
    host = some(
        HostCpu,
        load_1=0.47,
        load_5=0.58,
        load_15=0.5,
        cpus=4,
        uptime=103_412,
        user=5_240_030,
        idle=145_795_710,
    )
    memory = some(
        HostMemory, total=3_855_892_480, free=575_180_800, buffers=201_179_136, cached=1_707_036_672
    )
    disk = some(HostDisk, total=488_129_277_952, free=450_023_897_088, fullest=5_639)
    nothing = {field.name: Usage(None, None) for field in fields(BroadcomTables)}
    tables = BroadcomTables(
        **{
            **nothing,
            "hosts": Usage(12, 8_192),
            "routes": Usage(7_996, None),
            "ipv4_ipv6": Usage(None, 16_384),
            "ipv4_neighbours": 7,
            **dict.fromkeys(("ipv6_neighbours", "ipv4_routes", "ipv6_routes")),
        }  # type: ignore[arg-type]
    )
    return (
        told(OTHER, "0:3", some(Interface, in_octets=29_954), age=21.0),
        told(SWITCH, "0:10", some(Interface, status=1, in_octets=0, out_octets=0)),
        told(SWITCH, "0:9", port),
        told(SWITCH, "0:9", PortName("swp9")),
        told(SWITCH, "2:1", host),
        told(SWITCH, "2:1", memory),
        told(SWITCH, "2:1", disk),
        told(SWITCH, "2:1", tables),
    )
