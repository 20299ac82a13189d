"""Datagrams of every make for hypothesis: what real agents send, what they might, and what is broken."""

from __future__ import annotations

import struct
from collections.abc import Callable

from hypothesis import strategies as st

from tests.sflow import build

_words = st.one_of(st.integers(0, 8), st.integers(0, 0xFFFFFFFF), st.sampled_from((0x3FFFFFFF, 0x40000001)))
_packets = st.one_of(
    st.ip_addresses(v=4).map(lambda address: build.ipv4(str(address))),
    st.ip_addresses(v=6).map(lambda address: build.ipv6(str(address))),
)


@st.composite
def _frames(draw: st.DrawFn) -> bytes:
    packet = draw(_packets)
    ethertype = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    tags = st.sampled_from((0x8100, 0x88A8, 0x9100)).map(lambda tag: struct.pack("!HH", tag, 7))
    other = st.sampled_from(
        (
            bytes.fromhex("0806"),
            bytes.fromhex("88cc"),
            bytes.fromhex("8809"),
            bytes.fromhex("0027424203"),  # 802.3: spanning tree
            bytes.fromhex("0100aaaa03000000") + ethertype + packet,  # 802.3 with an ethertype after all
            bytes.fromhex("8847") + build.mpls(packet),
            bytes.fromhex("8864") + build.pppoe(packet, 0x21 if packet[0] >> 4 == 4 else 0x57),
            bytes.fromhex("86dd") + build.ipv4("192.0.2.1"),
        )
    )
    usual = ethertype + packet
    rest = draw(st.one_of(st.just(usual), st.just(usual), other))
    return build.frame(*draw(st.lists(tags, max_size=6)), rest)


@st.composite
def _raw_headers(draw: st.DrawFn) -> bytes:
    protocol = draw(st.sampled_from((1, 1, 1, 11, 12, 13, 5)))
    header = draw(_frames() if protocol == 1 else _packets)
    if draw(st.integers(0, 3)) == 0:
        header = header[: draw(st.integers(0, len(header)))]
    return build.raw_header(header, draw(st.integers(0, 0xFFFFFFFF)), protocol)


_others = st.one_of(
    st.just(build.record(1001, bytes(16))),
    st.just(build.record(1002, bytes(16))),
    st.just(build.record(4413 << 12 | 7, b"odd")),
    st.just(build.sampled_ethernet(900)),
    st.just(build.sampled_ipv4("192.0.2.7")),
    st.just(build.sampled_ipv6("2001:db8::7")),
    st.just(build.record(3, b"")),
    st.just(build.record(1001, bytes(16), declared=400)),
)


@st.composite
def _flow_samples(draw: st.DrawFn) -> bytes:
    records = [
        *draw(st.lists(_others, max_size=2)),
        draw(_raw_headers()),
        *draw(st.lists(_others, max_size=2)),
    ]
    fields = [draw(_words) for _ in range(9)]
    if draw(st.booleans()):
        return build.sample(1, struct.pack("!8I", *fields[:7], len(records)) + b"".join(records))
    fixed = struct.pack("!11I", *fields[:6], *fields[5:9], len(records))
    return build.sample(3, fixed + b"".join(records))


_usual = build.flow_sample(
    build.raw_header(build.ethernet(build.ipv4("198.51.100.9")), 1500),
    build.record(1001, bytes(16)),
    source=1,
)
_samples = st.one_of(
    st.just(_usual),
    _flow_samples(),
    _flow_samples(),
    _flow_samples(),
    st.just(build.flow_sample(source=1)),
    st.just(build.counter_sample(source=1)),
    st.just(build.discarded_packet(build.raw_header(b"", 60), source=1)),
    st.just(build.sample(4413 << 12 | 3, bytes(8))),
    st.just(build.flow_sample(build.raw_header(bytes(20), 60), source=1, declared=60)),
)
_agents = st.sampled_from(("10.0.0.1", "10.0.0.2", "2001:db8::1"))


def datagrams() -> st.SearchStrategy[bytes]:
    """Well built, on the whole."""
    return st.builds(
        lambda samples, agent, sequence, rest: (
            build.datagram(*samples, agent=agent, sequence=sequence) + rest
        ),
        st.lists(_samples, max_size=4),
        _agents,
        st.integers(0, 0xFFFFFFFF),
        st.sampled_from((b"", b"", b"", b"\0\0\0\0", b"xyz")),
    )


_Change = Callable[[bytes, int, int], bytes]
_changes: tuple[_Change, ...] = (
    lambda whole, at, value: whole[:at] + bytes([value]) + whole[at + 1 :],
    lambda whole, at, value: whole[: at & ~3] + struct.pack("!I", value) + whole[(at & ~3) + 4 :],
    lambda whole, at, value: whole[:at],
    lambda whole, at, value: whole[:at] + whole[at + 4 :],
)


def damaged(whole: bytes, changes: list[tuple[int, int, int]]) -> bytes:
    """A datagram after some changes: which, where and what, whatever the numbers."""
    for kind, at, value in changes:
        if whole:
            whole = _changes[kind % len(_changes)](whole, at % len(whole), value & 0xFF)
    return whole


def damage() -> st.SearchStrategy[list[tuple[int, int, int]]]:
    """Changes for `damaged`, often none."""
    number = st.integers(0, 5000)
    return st.lists(st.tuples(st.integers(0, 3), number, st.one_of(st.integers(0, 9), number)), max_size=3)
