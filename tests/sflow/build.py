"""Builds sFlow datagrams and packets for tests, field by field as the specification has them."""

from __future__ import annotations

import socket
import struct


def ipv4(destination: str, source: str = "10.9.0.2", protocol: int = 17, payload: bytes = bytes(8)) -> bytes:
    """An IPv4 header (its checksum is nobody's business here) and its payload."""
    fixed = struct.pack("!BBHHHBBH", 0x45, 0, 100, 0, 0, 64, protocol, 0)
    return fixed + socket.inet_aton(source) + socket.inet_aton(destination) + payload


def ipv6(
    destination: str, source: str = "2001:db8:9::2", protocol: int = 17, payload: bytes = bytes(8)
) -> bytes:
    """An IPv6 header and its payload."""
    fixed = struct.pack("!IHBB", 6 << 28, 60, protocol, 64)
    return (
        fixed + b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (source, destination)) + payload
    )


def ethernet(packet: bytes, vlans: tuple[int, ...] = ()) -> bytes:
    """An Ethernet frame around an IP packet."""
    tags = b"".join(struct.pack("!HH", 0x88A8 if n else 0x8100, vlan) for n, vlan in enumerate(vlans))
    return bytes(12) + tags + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def frame(*parts: bytes) -> bytes:
    """An Ethernet frame of any make: what follows its addresses, from the ethertype on."""
    return bytes(12) + b"".join(parts)


def mpls(packet: bytes, labels: tuple[int, ...] = (16,)) -> bytes:
    """A packet under MPLS labels, the last of them marked as the bottom of the stack."""
    bottom = len(labels) - 1
    words = (label << 12 | (n == bottom) << 8 | 64 for n, label in enumerate(labels))
    return b"".join(struct.pack("!I", word) for word in words) + packet


def pppoe(packet: bytes, protocol: int) -> bytes:
    """A packet in a PPPoE session; PPP protocol 0x21 is IPv4, 0x57 IPv6."""
    return struct.pack("!BBHHH", 0x11, 0, 7, len(packet) + 2, protocol) + packet


def raw_header(header: bytes, frame_length: int, protocol: int = 1) -> bytes:
    """Flow record 0:1."""
    body = struct.pack("!4I", protocol, frame_length, 4, len(header)) + header + bytes(-len(header) % 4)
    return record(1, body)


def sampled_ethernet(frame_length: int) -> bytes:
    """Flow record 0:2."""
    return record(2, struct.pack("!I8s8sI", frame_length, b"", b"", 0x0800))


def sampled_ipv4(destination: str, source: str = "10.9.0.2", length: int = 100, protocol: int = 17) -> bytes:
    """Flow record 0:3."""
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    return record(3, struct.pack("!II8s4I", length, protocol, addresses, 1024, 53, 0, 0))


def sampled_ipv6(
    destination: str, source: str = "2001:db8:9::2", length: int = 100, protocol: int = 17
) -> bytes:
    """Flow record 0:4."""
    addresses = b"".join(socket.inet_pton(socket.AF_INET6, each) for each in (source, destination))
    return record(4, struct.pack("!II32s4I", length, protocol, addresses, 1024, 53, 0, 0))


def record(kind: int, body: bytes, declared: int | None = None) -> bytes:
    """Any record; `declared` is the length it claims, if not the true one."""
    return (
        struct.pack("!II", kind, len(body) if declared is None else declared) + body + bytes(-len(body) % 4)
    )


def sample(kind: int, body: bytes, declared: int | None = None) -> bytes:
    """Any sample; `declared` is the length it claims, if not the true one."""
    return record(kind, body, declared)


def flow_sample(
    *records: bytes,
    source: int,
    rate: int = 100,
    input_word: int = 1,
    output_word: int = 2,
    sequence: int = 1,
    pool: int = 0,
    drops: int = 0,
    declared: int | None = None,
) -> bytes:
    """Sample 0:1."""
    fixed = (sequence, source, rate, pool, drops, input_word, output_word, len(records))
    return sample(1, struct.pack("!8I", *fixed) + b"".join(records), declared)


def expanded_flow_sample(
    *records: bytes,
    source: int,
    rate: int = 100,
    input_interface: tuple[int, int] = (0, 1),
    output_interface: tuple[int, int] = (0, 2),
    sequence: int = 1,
    pool: int = 0,
    drops: int = 0,
) -> bytes:
    """Sample 0:3."""
    fixed = (sequence, 0, source, rate, pool, drops, *input_interface, *output_interface, len(records))
    return sample(3, struct.pack("!11I", *fixed) + b"".join(records))


def counter_sample(*records: bytes, source: int, sequence: int = 1) -> bytes:
    """Sample 0:2."""
    return sample(2, struct.pack("!3I", sequence, source, len(records)) + b"".join(records))


def expanded_counter_sample(*records: bytes, source: tuple[int, int], sequence: int = 1) -> bytes:
    """Sample 0:4."""
    return sample(4, struct.pack("!4I", sequence, *source, len(records)) + b"".join(records))


def discarded_packet(
    *records: bytes, source: int, reason: int = 256, interfaces: tuple[int, int] = (1, 2), drops: int = 0
) -> bytes:
    """Sample 0:5."""
    fixed = struct.pack("!8I", 1, 0, source, drops, *interfaces, reason, len(records))
    return sample(5, fixed + b"".join(records))


def datagram(
    *samples: bytes, agent: str = "10.0.0.1", sequence: int = 1, sub_agent: int = 0, uptime: int = 1000
) -> bytes:
    """A datagram."""
    family = socket.AF_INET6 if ":" in agent else socket.AF_INET
    address = struct.pack("!II", 5, 2 if ":" in agent else 1) + socket.inet_pton(family, agent)
    return address + struct.pack("!4I", sub_agent, sequence, uptime, len(samples)) + b"".join(samples)
