"""Route messages, packed by hand as rtnetlink(7) has them."""

from __future__ import annotations

import errno
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.fib.routemessage import RouteMessage, dump_request, ends, messages
from arm.model import Family, KernelRoute, Prefix

NEW, DELETED, DONE, ERROR = 24, 25, 3, 2


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, body: bytes, flags: int = 2) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def route(
    family: Family,
    prefix: str,
    *attributes: bytes,
    protocol: int = 12,
    kind: int = 1,
    flags: int = 0,
    table: int = 254,
) -> bytes:
    address, _, bits = prefix.partition("/")
    head = struct.pack("=BBBBBBBBI", family.af, int(bits), 0, 0, table & 255, protocol, 0, kind, flags)
    return head + attribute(1, socket.inet_pton(family.af, address)) + b"".join(attributes)


def gateway(family: Family, address: str) -> bytes:
    return attribute(5, socket.inet_pton(family.af, address))


def read(raw: bytes, table: int = 254) -> list[RouteMessage]:
    return list(messages(bytearray(raw), len(raw), table))


V4, V6 = Family.IPV4, Family.IPV6
VIA = gateway(V4, "10.0.0.2")


@pytest.mark.parametrize(
    ("flags", "offloaded", "failed"),
    [(0, False, False), (0x4000, True, False), (0x8000, True, False), (0x20000000, False, True)],
)
def test_flags_of_the_hardware(flags: int, offloaded: bool, failed: bool) -> None:
    (found,) = read(message(NEW, route(V4, "20.1.0.0/16", VIA, flags=flags)))
    expected = KernelRoute(Prefix("20.1.0.0/16"), ("10.0.0.2",), 12, offloaded, failed)
    assert found == RouteMessage(True, V4, expected, 0, True, False)


def test_metric_table_and_replacement() -> None:
    raw = route(
        V4, "20.1.0.0/16", VIA, attribute(6, struct.pack("=I", 512)), attribute(15, struct.pack("=I", 1000))
    )
    (found,) = read(message(NEW, raw, flags=0x100), table=1000)
    assert (found.metric, found.replaces) == (512, True)
    assert read(message(NEW, raw), table=254) == []
    (gone,) = read(message(DELETED, raw, flags=0x100), table=1000)
    assert (gone.new, gone.replaces) == (False, False)


def test_groups_and_gateways_of_the_other_family() -> None:
    via = attribute(18, struct.pack("=H", socket.AF_INET6) + socket.inet_pton(socket.AF_INET6, "fe80::1"))
    hops = b"".join(struct.pack("=HBBi", 8 + len(each), 0, 0, 3) + each for each in (via, VIA))
    (found,) = read(message(NEW, route(V4, "20.1.0.0/16", attribute(9, hops))))
    assert found.route.gateways == ("10.0.0.2", "fe80::1")


def test_an_entry_without_a_default_is_a_black_hole() -> None:
    (found,) = read(message(NEW, route(V6, "2a00::/16", kind=6)))
    assert (found.unicast, found.route.gateways) == (True, ())
    (default,) = read(message(NEW, route(V6, "::/0", kind=6)))
    assert not default.unicast


@pytest.mark.parametrize("kind", [7, 8, 9])
def test_thrown_away(kind: int) -> None:
    (found,) = read(message(NEW, route(V6, "2a00::/16", kind=kind)))
    assert (found.unicast, found.route.gateways) == (False, ())


@pytest.mark.parametrize(
    "body", [route(V4, "20.0.0.1/32", kind=2), route(V6, "2a00::/16", flags=0x200), b"\x02"]
)
def test_what_is_no_route_of_ours(body: bytes) -> None:
    assert read(message(NEW, body)) == []


def test_the_end_of_a_dump() -> None:
    def end(raw: bytes) -> tuple[bool, bool]:
        return ends(bytearray(raw), len(raw))

    one, done = message(NEW, route(V4, "20.1.0.0/16", VIA)), message(DONE, struct.pack("=i", 0))
    assert end(one) == (False, True)
    assert end(one + done) == (True, True)
    assert end(message(NEW, route(V4, "20.1.0.0/16"), flags=0x12) + done) == (True, False)
    assert end(message(DONE, struct.pack("=i", 0), flags=0x12)) == (True, False)
    for kind in (ERROR, DONE):
        assert end(message(kind, struct.pack("=i", -errno.ENOENT))) == (True, True)
        with pytest.raises(OSError, match="Operation not permitted"):
            end(message(kind, struct.pack("=i", -errno.EPERM)))


def test_the_request() -> None:
    raw = dump_request(V6, 1000, 7)
    length, kind, flags, sequence, _ = struct.unpack_from("=IHHII", raw)
    assert (length, kind, flags, sequence) == (len(raw), 26, 0x301, 7)
    assert raw[16] == socket.AF_INET6
    assert raw.endswith(attribute(15, struct.pack("=I", 1000)))


@given(st.binary(max_size=120), st.integers(0, 80))
def test_nonsense_is_survived(raw: bytes, cut: int) -> None:
    """A cut or garbled message is skipped; nothing is read beyond it."""
    read(raw)
    whole = message(NEW, route(V4, "20.1.0.0/16", VIA, attribute(9, raw)))
    read(whole[: len(whole) - cut])
    first = message(NEW, route(V4, "20.2.0.0/16", VIA))
    assert [each.route.prefix for each in read(first + whole[:cut])][:1] == ["20.2.0.0/16"]
