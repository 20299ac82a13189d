"""Builds sFlow datagrams and packets for tests, field by field as the specification has them."""

from __future__ import annotations

import socket
import struct


def ipv4(destination: str, source: str = "10.9.0.2") -> bytes:
    """An IPv4 header (its checksum is nobody's business here) and 8 octets."""
    fixed = struct.pack("!BBHHHBBH", 0x45, 0, 100, 0, 0, 64, 17, 0)
    return fixed + socket.inet_aton(source) + socket.inet_aton(destination) + bytes(8)


def ipv6(destination: str, source: str = "2001:db8:9::2") -> bytes:
    """An IPv6 header and 8 octets."""
    fixed = struct.pack("!IHBB", 6 << 28, 60, 17, 64)
    return (
        fixed + b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (source, destination)) + bytes(8)
    )


def ethernet(packet: bytes, vlans: tuple[int, ...] = ()) -> bytes:
    """An Ethernet frame around an IP packet."""
    tags = b"".join(struct.pack("!HH", 0x88A8 if n else 0x8100, vlan) for n, vlan in enumerate(vlans))
    return bytes(12) + tags + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def raw_header(header: bytes, frame_length: int, protocol: int = 1) -> bytes:
    """Flow record 0:1."""
    body = struct.pack("!4I", protocol, frame_length, 4, len(header)) + header + bytes(-len(header) % 4)
    return struct.pack("!II", 1, len(body)) + body


def flow_sample(
    *records: bytes, source: int, rate: int = 100, input_word: int = 1, output_word: int = 2
) -> bytes:
    """Sample 0:1."""
    body = struct.pack("!8I", 1, source, rate, 0, 0, input_word, output_word, len(records)) + b"".join(
        records
    )
    return struct.pack("!II", 1, len(body)) + body


def expanded_flow_sample(
    *records: bytes,
    source: int,
    rate: int = 100,
    input_interface: tuple[int, int] = (0, 1),
    output_interface: tuple[int, int] = (0, 2),
) -> bytes:
    """Sample 0:3."""
    fixed = (1, 0, source, rate, 0, 0, *input_interface, *output_interface, len(records))
    body = struct.pack("!11I", *fixed) + b"".join(records)
    return struct.pack("!II", 3, len(body)) + body


def datagram(*samples: bytes, agent: str = "10.0.0.1", sequence: int = 1) -> bytes:
    """A datagram, sub-agent 0."""
    family = socket.AF_INET6 if ":" in agent else socket.AF_INET
    address = struct.pack("!II", 5, 2 if ":" in agent else 1) + socket.inet_pton(family, agent)
    return address + struct.pack("!4I", 0, sequence, 1000, len(samples)) + b"".join(samples)
