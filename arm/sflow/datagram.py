"""What a datagram says, as values: samples 0:1 to 0:5 and the datagram around them."""

from __future__ import annotations

from dataclasses import dataclass, field

from arm.sflow.packet import Addresses, Packet, read
from arm.sflow.records import RAW_HEADER, MalformedError


@dataclass(frozen=True, slots=True)
class FlowSample:
    """One sampled packet: structures 0:1 and 0:3.

    `input` and `output` are (format, value): format 0 is an interface index, 1 a discard reason, 2 a number
    of interfaces. `frame_length` is what was on the wire, in octets; `header` its first octets.

    `record_kind` is the flow record that describes the packet: 1 raw header, 2 sampled Ethernet, 3 sampled
    IPv4, 4 sampled IPv6, None if nothing does. Without a raw header, `protocol` is 0 and `header` empty;
    without any description `frame_length` is 0.
    """

    sequence: int
    source_id: tuple[int, int]
    sampling_rate: int
    pool: int
    drops: int
    input: tuple[int, int]
    output: tuple[int, int]
    protocol: int
    frame_length: int
    header: bytes
    record_kind: int | None = RAW_HEADER
    parsed: Packet | None = None  # as the agent parsed it: records 0:3 and 0:4
    overrun: int = 0  # octets by which its records reach past its declared end; tolerated

    @property
    def packet(self) -> Packet:
        """The packet's VLANs, addresses and protocol, from whichever record tells them."""
        return read(self.protocol, self.header) if self.parsed is None else self.parsed

    @property
    def addresses(self) -> Addresses | None:
        """The addresses that the router saw; None if the packet is not IP or was cut too short."""
        return self.packet.addresses


@dataclass(frozen=True, slots=True)
class CounterSample:
    """Counters of one data source: structures 0:2 and 0:4. Each record is (kind, body), see counters.py."""

    sequence: int
    source_id: tuple[int, int]
    records: tuple[tuple[int, bytes], ...]
    overrun: int = 0


@dataclass(frozen=True, slots=True)
class DiscardedPacket:
    """A packet that was not forwarded: structure 0:5. It is kept apart because it takes no route."""

    sequence: int
    source_id: tuple[int, int]
    drops: int
    input: int  # interface index
    output: int
    reason: int  # ICMP unreachable code up to 255, then sFlow's own
    frame_length: int  # octets, 0 if not told
    record_kind: int | None
    overrun: int = 0


Sample = FlowSample | CounterSample | DiscardedPacket


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram. `fault` is set if reading stopped early; the samples before it are good."""

    agent: bytes
    sub_agent: int
    sequence: int
    uptime: int  # milliseconds
    samples: list[FlowSample]  # of packets that were forwarded
    fault: MalformedError | None
    counters: list[CounterSample] = field(default_factory=list)
    discards: list[DiscardedPacket] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)  # of every sample in order, of those stepped over too
    trailing: int = 0  # octets after the last sample; tolerated
    overruns: int = 0  # samples declared shorter than their records; tolerated
