"""A sampled packet's first octets: which addresses did the router see?

The outermost IP header counts, because that is what the router looked up: of a GRE, IP-in-IP or VXLAN packet
the tunnel's end, not what travels inside. Everything is checked against the sampled length before it is read;
no addresses means "not routed by IP" or "cut off before the end of the IP header".
"""

from __future__ import annotations

from dataclasses import dataclass

ETHERNET, IPV4, IPV6, MPLS = 1, 11, 12, 13  # header protocols of flow record 0:1

_VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100})  # 802.1Q, 802.1ad and what came before it
_ETHERTYPE_IPV4, _ETHERTYPE_IPV6 = 0x0800, 0x86DD
_ETHERTYPES_MPLS = (0x8847, 0x8848)  # RFC 3032 and RFC 5332
_ETHERTYPE_PPPOE_SESSION = 0x8864  # RFC 2516
_PPP_IPV4, _PPP_IPV6 = 0x0021, 0x0057
_LONGEST_802_3 = 1500  # an ethertype field up to this is a length (IEEE 802.3), LLC follows
_SNAP = bytes.fromhex("aaaa03000000")  # LLC and SNAP (RFC 1042) before an ethertype

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_EXTENSIONS = frozenset({_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION})  # RFC 8200


@dataclass(frozen=True, slots=True)
class Addresses:
    """Source and destination, 4 or 16 octets each."""

    source: bytes
    destination: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """What can be told about a packet; None where its first octets do not tell.

    `vlans` are the identifiers of its tags from the outside in. `ip_protocol` is the number of what the
    outermost IP header carries, behind any IPv6 extension headers.
    """

    vlans: tuple[int, ...] | None = None
    addresses: Addresses | None = None
    ip_protocol: int | None = None


def read(protocol: int, header: bytes) -> Packet:
    """What a sampled header of the given header protocol tells."""
    if protocol == ETHERNET:
        return _ethernet(header)
    if protocol == IPV4:
        return _ipv4(header, 0, ())
    if protocol == IPV6:
        return _ipv6(header, 0, ())
    if protocol == MPLS:
        return _mpls(header, 0, ())
    return Packet()


def addresses(protocol: int, header: bytes) -> Addresses | None:
    """The IP addresses of a sampled header of the given header protocol."""
    return read(protocol, header).addresses


def _ethernet(header: bytes) -> Packet:
    if len(header) < 14:
        return Packet()
    vlans: tuple[int, ...] = ()
    offset = 12
    while offset + 2 <= len(header):
        ethertype = _two_octets(header, offset)
        offset += 2
        if ethertype in _VLAN_TAGS and offset + 2 <= len(header):
            vlans += (_two_octets(header, offset) & 0xFFF,)
            offset += 2
        elif ethertype <= _LONGEST_802_3 and header[offset : offset + 6] == _SNAP:
            offset += 6
        else:
            return _ethernet_payload(ethertype, header, offset, vlans)
    return Packet(vlans)


def _ethernet_payload(ethertype: int, header: bytes, offset: int, vlans: tuple[int, ...]) -> Packet:
    if ethertype == _ETHERTYPE_IPV4:
        return _ipv4(header, offset, vlans)
    if ethertype == _ETHERTYPE_IPV6:
        return _ipv6(header, offset, vlans)
    if ethertype in _ETHERTYPES_MPLS:
        return _mpls(header, offset, vlans)
    if ethertype == _ETHERTYPE_PPPOE_SESSION:
        return _pppoe(header, offset, vlans)
    return Packet(vlans)


def _pppoe(header: bytes, offset: int, vlans: tuple[int, ...]) -> Packet:
    """Six octets of PPPoE, then the PPP protocol."""
    if offset + 8 > len(header):
        return Packet(vlans)
    protocol = _two_octets(header, offset + 6)
    if protocol == _PPP_IPV4:
        return _ipv4(header, offset + 8, vlans)
    if protocol == _PPP_IPV6:
        return _ipv6(header, offset + 8, vlans)
    return Packet(vlans)


def _mpls(header: bytes, offset: int, vlans: tuple[int, ...]) -> Packet:
    """Labels to the bottom of the stack. No field says what follows; IP shows by its version (RFC 4928)."""
    while offset + 4 < len(header):
        bottom = header[offset + 2] & 1
        offset += 4
        if bottom:
            version = header[offset] >> 4
            if version == 4:
                return _ipv4(header, offset, vlans)
            return _ipv6(header, offset, vlans)
    return Packet(vlans)


def _ipv4(header: bytes, offset: int, vlans: tuple[int, ...]) -> Packet:
    """RFC 791. No router forwards a header shorter than five words."""
    if offset + 20 > len(header) or not 0x45 <= header[offset] <= 0x4F:
        return Packet(vlans)
    found = Addresses(header[offset + 12 : offset + 16], header[offset + 16 : offset + 20])
    return Packet(vlans, found, header[offset + 9])


def _ipv6(header: bytes, offset: int, vlans: tuple[int, ...]) -> Packet:
    """RFC 8200."""
    if offset + 40 > len(header) or header[offset] >> 4 != 6:
        return Packet(vlans)
    found = Addresses(header[offset + 8 : offset + 24], header[offset + 24 : offset + 40])
    return Packet(vlans, found, _behind_extensions(header[offset + 6], header, offset + 40))


def _behind_extensions(protocol: int, header: bytes, offset: int) -> int | None:
    while protocol in _EXTENSIONS:
        if offset + 8 > len(header):
            return None
        if protocol == _FRAGMENT:
            length = 8
            if _two_octets(header, offset + 2) >> 3:
                return header[offset]  # not the first fragment: no further header is in here
        elif protocol == _AUTHENTICATION:
            length = (header[offset + 1] + 2) * 4
        else:
            length = (header[offset + 1] + 1) * 8
        protocol = header[offset]
        offset += length
    return protocol


def _two_octets(header: bytes, offset: int) -> int:
    return header[offset] << 8 | header[offset + 1]
