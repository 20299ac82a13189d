"""Files that hold sFlow: one datagram as it came, or a classic pcap of any link where tcpdump finds it.

In a capture, every UDP packet to port 6343 is sFlow, and every other one that begins like sFlow version 5:
agents and relays use other ports as well.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from arm.model import ArmError

PORT = 6343
_VERSION_5 = b"\x00\x00\x00\x05"
_LARGEST_PACKET = 1 << 18  # octets; tcpdump's own limit
_UDP = 17
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)

# The first four octets of a pcap: byte order, and nothing said about microseconds or nanoseconds needed here.
_PCAP = {
    b"\xa1\xb2\xc3\xd4": "!",
    b"\xa1\xb2\x3c\x4d": "!",
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
}
_PCAPNG = b"\x0a\x0d\x0d\x0a"


class CaptureError(ArmError):
    """A file from which no datagrams can be had."""


@dataclass(frozen=True, slots=True)
class Defect:
    """In the place of a datagram that could not be had: why."""

    reason: str


_CUT_SHORT = Defect("the capture ends inside a packet")
_FRAGMENT = Defect("a fragment; pieces of datagrams are not put together")


def datagrams(path: Path) -> Iterator[bytes | Defect]:
    """The sFlow datagrams of a file. Raises CaptureError or OSError if it cannot be read."""
    with path.open("rb") as file:
        magic = file.read(4)
        if magic == _PCAPNG:
            raise CaptureError(
                "this is pcapng", f"convert it, tcpdump -r {path} -w NEW.pcap, and decode that"
            )
        if magic in _PCAP:
            yield from _pcap(file, _PCAP[magic])
        else:
            yield magic + file.read()


def _pcap(file: BinaryIO, order: str) -> Iterator[bytes | Defect]:
    """The capture's header: version, time zone, precision, longest packet, and the link."""
    header = file.read(20)
    if len(header) < 20:
        raise CaptureError("the capture ends inside its header", "capture anew")
    link = struct.unpack(order + "HHiIII", header)[-1] & 0xFFFF  # further up: length of the checksum
    if link not in _LINKS:
        raise CaptureError(
            f"a capture from a link of type {link}",
            "capture on an Ethernet interface, or with tcpdump -i any",
        )
    network = _LINKS[link]
    for packet in _packets(file, order):
        found = packet if isinstance(packet, Defect) else _datagram(network(packet))
        if found is not None:
            yield found


def _packets(file: BinaryIO, order: str) -> Iterator[bytes | Defect]:
    """Each packet behind its time, captured length and true length."""
    while header := file.read(16):
        length = struct.unpack(order + "4I", header)[2] if len(header) == 16 else 1
        if length > _LARGEST_PACKET:
            yield Defect(f"the capture is damaged: a packet of {length} octets")
            return
        packet = file.read(length)
        if len(packet) < length:
            yield _CUT_SHORT
            return
        yield packet


def _ethernet(packet: bytes) -> bytes:
    """What an Ethernet frame carries, if IP: behind its addresses, any VLAN tags and the ethertype."""
    offset = 12
    while _word(packet, offset) in _VLAN_TAGS:
        offset += 4
    return packet[offset + 2 :] if _word(packet, offset) in (0x0800, 0x86DD) else b""


def _cooked(packet: bytes) -> bytes:
    """Linux "cooked" mode, version 1: 16 octets, the protocol last."""
    return _tagged(packet, _word(packet, 14), 16)


def _cooked_2(packet: bytes) -> bytes:
    """Linux "cooked" mode, version 2: 20 octets, the protocol first."""
    return _tagged(packet, _word(packet, 0), 20)


def _tagged(packet: bytes, protocol: int, offset: int) -> bytes:
    while protocol in _VLAN_TAGS:
        protocol = _word(packet, offset + 2)
        offset += 4
    return packet[offset:] if protocol in (0x0800, 0x86DD) else b""


def _raw(packet: bytes) -> bytes:
    return packet


_LINKS: dict[int, Callable[[bytes], bytes]] = {  # LINKTYPE_*
    1: _ethernet,
    12: _raw,
    14: _raw,
    101: _raw,
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked_2,
}


def _datagram(packet: bytes) -> bytes | Defect | None:
    """The sFlow datagram in an IP packet."""
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        return _from_ipv4(packet)
    if version == 6:
        return _from_ipv6(packet)
    return None


def _from_ipv4(packet: bytes) -> bytes | Defect | None:
    if len(packet) < 20 or packet[9] != _UDP:
        return None
    fragment = _word(packet, 6)
    if fragment & 0x1FFF:
        return None  # its first piece has been reported
    payload = _from_udp(packet[(packet[0] & 15) * 4 :])
    return _FRAGMENT if payload is not None and fragment & 0x2000 else payload


def _from_ipv6(packet: bytes) -> bytes | Defect | None:
    """Extension headers do not occur before sFlow, but for fragments."""
    if len(packet) < 40:
        return None
    if packet[6] == 44 and len(packet) >= 48 and packet[40] == _UDP:
        first = _word(packet, 42) >> 3 == 0
        return _FRAGMENT if first and _from_udp(packet[48:]) is not None else None
    return _from_udp(packet[40:]) if packet[6] == _UDP else None


def _from_udp(packet: bytes) -> bytes | None:
    """The payload as long as UDP says: Ethernet pads short frames."""
    if len(packet) < 8:
        return None
    _, destination, length, _ = struct.unpack_from("!4H", packet)
    payload = packet[8:length] if length >= 8 else packet[8:]
    return payload if destination == PORT or payload.startswith(_VERSION_5) else None


def _word(packet: bytes, offset: int) -> int:
    return int.from_bytes(packet[offset : offset + 2], "big")
