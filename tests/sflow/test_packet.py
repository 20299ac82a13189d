"""Which addresses a router sees in a packet: one frame of every make, and every way to be cut off."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.sflow.packet import ETHERNET, IPV4, IPV6, MPLS, Addresses, Packet, addresses, read
from tests.sflow.build import ethernet, frame, ipv4, ipv6, mpls, pppoe

V4, V6 = ipv4("20.1.2.3"), ipv6("2a00::5")
V4_ADDRESSES = Addresses(socket.inet_aton("10.9.0.2"), socket.inet_aton("20.1.2.3"))
V6_ADDRESSES = Addresses(
    socket.inet_pton(socket.AF_INET6, "2001:db8:9::2"), socket.inet_pton(socket.AF_INET6, "2a00::5")
)
IP4, IP6, Q, AD, OLD_AD = b"\x08\x00", b"\x86\xdd", b"\x81\x00", b"\x88\xa8", b"\x91\x00"
SNAP = b"\xaa\xaa\x03\x00\x00\x00"

FRAMES = {  # name: header protocol, header, VLANs, octets before the IP header
    "plain": (ETHERNET, frame(IP4, V4), (), 14),
    "802.1Q": (ETHERNET, frame(Q, b"\xe0\x07", IP4, V4), (7,), 18),
    "priority tag": (ETHERNET, frame(Q, b"\xe0\x00", IP4, V4), (0,), 18),
    "802.1ad": (ETHERNET, frame(AD, b"\x00\x64", Q, b"\x00\x14", IP4, V4), (100, 20), 22),
    "0x9100": (ETHERNET, frame(OLD_AD, b"\x0f\xff", Q, b"\x00\x14", IP4, V4), (4095, 20), 22),
    "five tags": (ETHERNET, frame(*(Q + bytes([0, n]) for n in range(5)), IP4, V4), (0, 1, 2, 3, 4), 34),
    "MPLS": (ETHERNET, frame(b"\x88\x47", mpls(V4)), (), 18),
    "MPLS multicast": (ETHERNET, frame(b"\x88\x48", mpls(V4)), (), 18),
    "three labels": (ETHERNET, frame(Q, b"\x00\x07", b"\x88\x47", mpls(V4, (16, 17, 18))), (7,), 30),
    "PPPoE": (ETHERNET, frame(b"\x88\x64", pppoe(V4, 0x21)), (), 22),
    "PPPoE in a VLAN": (ETHERNET, frame(Q, b"\x00\x07", b"\x88\x64", pppoe(V4, 0x21)), (7,), 26),
    "SNAP": (ETHERNET, frame(b"\x00\x44", SNAP, IP4, V4), (), 22),
    "SNAP in a VLAN": (ETHERNET, frame(Q, b"\x00\x07", b"\x00\x44", SNAP, IP4, V4), (7,), 26),
    "IP alone": (IPV4, V4, (), 0),
    "MPLS alone": (MPLS, mpls(V4, (16, 17)), (), 8),
}


def with_ipv6(header: bytes) -> bytes:
    """The same frame around an IPv6 packet."""
    before = header.removesuffix(V4)
    if before.endswith(b"\x00\x21"):
        return before[:-1] + b"\x57" + V6
    return (before[:-2] + IP6 if before.endswith(IP4) else before) + V6


@pytest.mark.parametrize(("protocol", "header", "vlans", "_before"), FRAMES.values(), ids=FRAMES)
def test_ipv4_in_every_frame(protocol: int, header: bytes, vlans: tuple[int, ...], _before: int) -> None:
    assert read(protocol, header) == Packet(vlans, V4_ADDRESSES, 17)


@pytest.mark.parametrize(("protocol", "header", "vlans", "_before"), FRAMES.values(), ids=FRAMES)
def test_ipv6_in_every_frame(protocol: int, header: bytes, vlans: tuple[int, ...], _before: int) -> None:
    protocol = IPV6 if protocol == IPV4 else protocol
    assert read(protocol, with_ipv6(header)) == Packet(vlans, V6_ADDRESSES, 17)


@pytest.mark.parametrize(("protocol", "header", "_vlans", "before"), FRAMES.values(), ids=FRAMES)
def test_an_ip_header_is_taken_whole_or_not_at_all(
    protocol: int, header: bytes, _vlans: tuple[int, ...], before: int
) -> None:
    for length in range(len(header)):
        found = addresses(protocol, header[:length])
        assert found == (V4_ADDRESSES if length >= before + 20 else None)
    protocol, header = IPV6 if protocol == IPV4 else protocol, with_ipv6(header)
    for length in range(len(header)):
        found = addresses(protocol, header[:length])
        assert found == (V6_ADDRESSES if length >= before + 40 else None)


INNER = ipv4("30.0.0.1", source="30.0.0.2")
VXLAN = struct.pack("!4H", 49152, 4789, 8, 0) + bytes.fromhex("0800000000000700") + ethernet(INNER)


@pytest.mark.parametrize(
    ("protocol", "payload"),
    [
        pytest.param(4, INNER, id="IP in IP"),
        pytest.param(41, ipv6("2a00::7"), id="6in4"),
        pytest.param(47, bytes.fromhex("00000800") + INNER, id="GRE"),
        pytest.param(17, VXLAN, id="VXLAN"),
    ],
)
def test_of_a_tunnel_the_outer_destination_counts(protocol: int, payload: bytes) -> None:
    outer = ipv4("20.1.2.3", protocol=protocol, payload=payload)
    assert read(ETHERNET, ethernet(outer)) == Packet((), V4_ADDRESSES, protocol)
    outer = ipv6("2a00::5", protocol=protocol, payload=payload)
    assert read(ETHERNET, ethernet(outer)) == Packet((), V6_ADDRESSES, protocol)


@pytest.mark.parametrize(
    ("protocol", "header", "vlans"),
    [
        pytest.param(ETHERNET, frame(b"\x08\x06", bytes(46)), (), id="ARP"),
        pytest.param(ETHERNET, frame(Q, b"\x00\x07", b"\x88\xcc", bytes(46)), (7,), id="LLDP"),
        pytest.param(ETHERNET, frame(b"\x00\x26", b"\x42\x42\x03", bytes(46)), (), id="spanning tree"),
        pytest.param(ETHERNET, frame(b"\x00\x26", SNAP[:-1] + b"\x0c", b"\x20\x00", V4), (), id="CDP"),
        pytest.param(ETHERNET, frame(b"\x88\x63", pppoe(V4, 0x21)), (), id="PPPoE discovery"),
        pytest.param(ETHERNET, frame(b"\x88\x64", pppoe(V4, 0xC021)), (), id="PPPoE LCP"),
        pytest.param(ETHERNET, frame(b"\x88\x47", mpls(bytes(40))), (), id="pseudowire"),
        pytest.param(ETHERNET, frame(IP4, V6), (), id="IPv6 as IPv4"),
        pytest.param(ETHERNET, frame(IP6, V4, bytes(40)), (), id="IPv4 as IPv6"),
        pytest.param(ETHERNET, frame(IP4, b"\x44", V4[1:]), (), id="IPv4 header of 16 octets"),
        pytest.param(ETHERNET, b"", None, id="nothing"),
        pytest.param(IPV4, V6, (), id="header protocol 11, IPv6"),
        pytest.param(IPV6, V4 + bytes(40), (), id="header protocol 12, IPv4"),
        pytest.param(7, V4, None, id="PPP"),
        pytest.param(99, V4, None, id="unknown header protocol"),
    ],
)
def test_what_is_not_routed_has_no_addresses(
    protocol: int, header: bytes, vlans: tuple[int, ...] | None
) -> None:
    assert read(protocol, header) == Packet(vlans)


def extension(following: int, length: int = 0) -> bytes:
    """An IPv6 extension header of 8 octets and `length` times 8 more."""
    return bytes([following, length]) + bytes(6 + 8 * length)


@pytest.mark.parametrize(
    ("first", "payload", "protocol"),
    [
        pytest.param(6, b"", 6, id="none"),
        pytest.param(0, extension(6), 6, id="hop by hop"),
        pytest.param(43, extension(60, 2) + extension(17), 17, id="routing, destination"),
        pytest.param(44, bytes([17, 0, 0, 1, 0, 0, 0, 9]), 17, id="first fragment"),
        pytest.param(44, bytes([60, 0, 0, 9, 0, 0, 0, 9]) + bytes(8), 60, id="later fragment"),
        pytest.param(51, bytes([6, 4]) + bytes(22), 6, id="authentication"),
        pytest.param(0, extension(6)[:7], None, id="cut off"),
        pytest.param(0, extension(43) + extension(6, 9)[:8], 6, id="long, its end not needed"),
        pytest.param(0, extension(43, 9), None, id="next one not sampled"),
        pytest.param(59, b"", 59, id="no next header"),
    ],
)
def test_the_protocol_is_behind_extension_headers(first: int, payload: bytes, protocol: int | None) -> None:
    packet = read(IPV6, ipv6("2a00::5", protocol=first, payload=payload))
    assert packet == Packet((), V6_ADDRESSES, protocol)


@given(st.sampled_from([ETHERNET, IPV4, IPV6, MPLS, 0, 7]), st.binary(max_size=128))
def test_no_header_raises(protocol: int, header: bytes) -> None:
    packet = read(protocol, header)
    assert packet.addresses == addresses(protocol, header)
    if packet.addresses is not None:
        assert len(packet.addresses.source) == len(packet.addresses.destination) in (4, 16)
