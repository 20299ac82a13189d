"""Flow records (sflow_version_5.txt, section 5.3): what describes the sampled packet.

A sample may describe its packet several times over, as raw header and as parsed fields. It is one packet: the
raw header is preferred, and reading a sample ends there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from arm.sflow.packet import Addresses, Packet

RAW_HEADER = 1  # 0:1
SAMPLED_ETHERNET = 2  # 0:2
SAMPLED_IPV4 = 3  # 0:3
SAMPLED_IPV6 = 4  # 0:4

_one = struct.Struct("!I").unpack_from
_two = struct.Struct("!2I").unpack_from
_four = struct.Struct("!4I").unpack_from


class MalformedError(Exception):
    """Not sFlow version 5, or lying about its lengths. `kind` is a stable word for counters."""

    def __init__(self, kind: str, offset: int) -> None:
        super().__init__(f"{kind} at octet {offset}")
        self.kind = kind
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record's body is. `overrun`: how many octets of it are past the declared end of its sample."""

    kind: int  # enterprise << 12 | format
    start: int
    end: int
    overrun: int


@dataclass(frozen=True, slots=True)
class Description:
    """The packet as one sample's records describe it.

    `record_kind` is the record that told most, None if none told anything. `protocol` and `header` belong to
    the raw header; `parsed` is what the agent had parsed itself.
    """

    record_kind: int | None = None
    protocol: int = 0
    frame_length: int = 0
    header: bytes = b""
    parsed: Packet | None = None
    overrun: int = 0


def walk(data: bytes, offset: int, end: int, count: int) -> Iterator[Record]:
    """The records of a sample that ends at `end`.

    Agents are known that declare a sample shorter than its records. Such a record is read as long as it
    begins inside its sample and ends inside the datagram.
    """
    for _ in range(count):
        if offset + 8 > end:
            raise MalformedError("truncated-record", min(offset, len(data)))
        kind, length = _two(data, offset)
        start = offset + 8
        stop = start + length
        if stop > len(data):
            raise MalformedError("truncated-record", offset)
        yield Record(kind, start, stop, max(0, stop - end))
        offset = start + padded(length)


def describe(data: bytes, offset: int, end: int, count: int) -> Description:
    """The packet as told by the `count` records from `offset` on."""
    best = Description()
    overrun = 0
    frame_length = None
    for record in walk(data, offset, end, count):
        overrun = record.overrun
        if record.kind == RAW_HEADER:
            return _raw_header(data, record, overrun)
        if record.kind == SAMPLED_ETHERNET:
            frame_length = _sampled_ethernet(data, record)
        elif record.kind == SAMPLED_IPV4 and best.parsed is None:
            best = _sampled_ipv4(data, record)
        elif record.kind == SAMPLED_IPV6 and best.parsed is None:
            best = _sampled_ipv6(data, record)
    return _together(best, frame_length, overrun)


def _together(ip: Description, frame_length: int | None, overrun: int) -> Description:
    """The Ethernet record knows the frame, the IP record who it is for."""
    kind = ip.record_kind
    if frame_length is not None and kind is None:
        kind = SAMPLED_ETHERNET
    length = ip.frame_length if frame_length is None else frame_length
    return Description(kind, 0, length, b"", ip.parsed, overrun)


def _raw_header(data: bytes, record: Record, overrun: int) -> Description:
    """0:1: header protocol, frame length, octets stripped, and the first octets of the packet."""
    _require(record, 16)
    protocol, frame_length, _, length = _four(data, record.start)
    _require(record, 16 + length)
    header = data[record.start + 16 : record.start + 16 + length]
    return Description(RAW_HEADER, protocol, frame_length, header, None, overrun)


def _sampled_ethernet(data: bytes, record: Record) -> int:
    """0:2: frame length, source and destination MAC, ethertype."""
    _require(record, 4)
    (frame_length,) = _one(data, record.start)
    return int(frame_length)


def _sampled_ipv4(data: bytes, record: Record) -> Description:
    """0:3: length of the IP packet, protocol, source, destination, ports, TCP flags, type of service."""
    return _sampled_ip(data, record, 4)


def _sampled_ipv6(data: bytes, record: Record) -> Description:
    """0:4: the same with longer addresses, and the priority last."""
    return _sampled_ip(data, record, 16)


def _sampled_ip(data: bytes, record: Record, width: int) -> Description:
    _require(record, 8 + 2 * width)
    length, protocol = _two(data, record.start)
    source = record.start + 8
    destination = source + width
    found = Addresses(data[source:destination], data[destination : destination + width])
    return Description(record.kind, 0, length, b"", Packet(None, found, protocol))


def _require(record: Record, length: int) -> None:
    if record.end - record.start < length:
        raise MalformedError("short-record", record.start - 8)


def padded(length: int) -> int:
    """XDR fills opaque data up to a multiple of four octets."""
    return (length + 3) & ~3
