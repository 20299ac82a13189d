"""A sampled packet's first octets: which addresses did the router see?

The outermost IP header counts, because that is what the router looked up. Everything is checked against the
sampled length before it is read; None means "not routed by IP" or "cut off before the addresses".
"""

from __future__ import annotations

from dataclasses import dataclass

ETHERNET, IPV4, IPV6 = 1, 11, 12  # header protocols of flow record 0:1

_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_ETHERTYPE_IPV4, _ETHERTYPE_IPV6 = 0x0800, 0x86DD
_LONGEST_802_3 = 1500  # an ethertype field up to this is a length (IEEE 802.3), LLC follows
_SNAP = bytes.fromhex("aaaa03000000")  # LLC and SNAP (RFC 1042) before an ethertype


@dataclass(frozen=True, slots=True)
class Addresses:
    """Source and destination, 4 or 16 octets each."""

    source: bytes
    destination: bytes


def addresses(protocol: int, header: bytes) -> Addresses | None:
    """The IP addresses of a sampled header of the given header protocol."""
    if protocol == ETHERNET:
        return _ethernet(header)
    if protocol == IPV4:
        return _ipv4(header, 0)
    if protocol == IPV6:
        return _ipv6(header, 0)
    return None


def _ethernet(header: bytes) -> Addresses | None:
    offset = 12
    while offset + 2 <= len(header):
        ethertype = int.from_bytes(header[offset : offset + 2], "big")
        if ethertype == _ETHERTYPE_IPV4:
            return _ipv4(header, offset + 2)
        if ethertype == _ETHERTYPE_IPV6:
            return _ipv6(header, offset + 2)
        if ethertype in _VLAN_TAGS:
            offset += 4
        elif ethertype <= _LONGEST_802_3 and header[offset + 2 : offset + 8] == _SNAP:
            offset += 8
        else:
            return None
    return None


def _ipv4(header: bytes, offset: int) -> Addresses | None:
    if offset + 20 > len(header) or header[offset] >> 4 != 4:
        return None
    return Addresses(header[offset + 12 : offset + 16], header[offset + 16 : offset + 20])


def _ipv6(header: bytes, offset: int) -> Addresses | None:
    if offset + 40 > len(header) or header[offset] >> 4 != 6:
        return None
    return Addresses(header[offset + 8 : offset + 24], header[offset + 24 : offset + 40])
