"""What a switch counts itself, and how full its tables are: a class for each kind of counter record.

The fields stand in the order of the record; a value that the agent does not know (all ones on the wire)
is None.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interface:
    """0:1, IF-MIB counters. `speed` in bits a second; octets and packets since the interface came up."""

    index: int | None
    type: int | None  # IANAifType, 6 is Ethernet
    speed: int | None
    direction: int | None  # 1 full duplex, 2 half duplex, 3 in, 4 out
    status: int | None  # bit 0: administratively up, bit 1: operationally up
    in_octets: int | None
    in_unicast: int | None
    in_multicast: int | None
    in_broadcast: int | None
    in_discards: int | None
    in_errors: int | None
    in_unknown_protocols: int | None
    out_octets: int | None
    out_unicast: int | None
    out_multicast: int | None
    out_broadcast: int | None
    out_discards: int | None
    out_errors: int | None
    promiscuous: int | None


@dataclass(frozen=True, slots=True)
class Ethernet:
    """0:2, EtherLike-MIB: frames."""

    alignment_errors: int | None
    fcs_errors: int | None
    single_collisions: int | None
    multiple_collisions: int | None
    sqe_test_errors: int | None
    deferred: int | None
    late_collisions: int | None
    excessive_collisions: int | None
    transmit_errors: int | None
    carrier_sense_errors: int | None
    too_long: int | None
    receive_errors: int | None
    symbol_errors: int | None


@dataclass(frozen=True, slots=True)
class PortName:
    """0:1005, what the operator calls the interface."""

    name: str


@dataclass(frozen=True, slots=True)
class HostCpu:
    """0:2003. `speed` in MHz, `uptime` in seconds, times spent (user to guest_nice) in milliseconds."""

    load_1: float | None
    load_5: float | None
    load_15: float | None
    running: int | None
    processes: int | None
    cpus: int | None
    speed: int | None
    uptime: int | None
    user: int | None
    nice: int | None
    system: int | None
    idle: int | None
    waiting: int | None
    interrupt: int | None
    soft_interrupt: int | None
    interrupts: int | None
    context_switches: int | None
    steal: int | None  # from here on: newer agents only
    guest: int | None
    guest_nice: int | None


@dataclass(frozen=True, slots=True)
class HostMemory:
    """0:2004: octets, then pages."""

    total: int | None
    free: int | None
    shared: int | None
    buffers: int | None
    cached: int | None
    swap_total: int | None
    swap_free: int | None
    pages_in: int | None
    pages_out: int | None
    swap_in: int | None
    swap_out: int | None


@dataclass(frozen=True, slots=True)
class HostDisk:
    """0:2005: octets, times in milliseconds; `fullest`: the fullest partition, in hundredths of a percent."""

    total: int | None
    free: int | None
    fullest: int | None
    reads: int | None
    octets_read: int | None
    read_time: int | None
    writes: int | None
    octets_written: int | None
    write_time: int | None


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """0:2006: octets and packets through all interfaces of the host."""

    in_octets: int | None
    in_packets: int | None
    in_errors: int | None
    in_drops: int | None
    out_octets: int | None
    out_packets: int | None
    out_errors: int | None
    out_drops: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Entries used in one table of the ASIC, and how many fit. None: the agent does not know."""

    used: int | None
    maximum: int | None


@dataclass(frozen=True, slots=True)
class BroadcomTables:
    """4413:3, how full the tables of a Broadcom ASIC are, in entries.

    The route table is divided either into `ipv4` and `ipv6`, or into `ipv4_ipv6` and `long_ipv6` (prefixes
    longer than /64); the tables of the other division have neither entries nor a maximum.
    """

    hosts: Usage
    ipv4: Usage
    ipv6: Usage
    ipv4_ipv6: Usage
    long_ipv6: Usage
    routes: Usage
    ecmp_next_hops: Usage
    macs: Usage
    ipv4_neighbours: int | None
    ipv6_neighbours: int | None
    ipv4_routes: int | None
    ipv6_routes: int | None
    acl_ingress_entries: Usage
    acl_ingress_counters: Usage
    acl_ingress_meters: Usage
    acl_ingress_slices: Usage
    acl_egress_entries: Usage
    acl_egress_counters: Usage
    acl_egress_meters: Usage
    acl_egress_slices: Usage


Counters = (
    Interface | Ethernet | PortName | HostCpu | HostMemory | HostDisk | HostNetwork | BroadcomTables
)  # what a record can be
