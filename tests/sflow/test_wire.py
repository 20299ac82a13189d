"""The decoder on hand-built datagrams and on damaged real ones (ARM_TEST_DATA)."""

from __future__ import annotations

import os
import random
import socket
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.sflow.packet import addresses
from arm.sflow.wire import MalformedError, decode
from tests.sflow.build import datagram, ethernet, expanded_flow_sample, flow_sample, ipv4, ipv6, raw_header

DATA = os.environ.get("ARM_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set ARM_TEST_DATA to the folder with real sFlow datagrams")


def test_compact_and_expanded_samples_say_the_same() -> None:
    header = raw_header(ethernet(ipv4("20.1.2.3"), vlans=(10, 20)), frame_length=1500)
    data = datagram(
        flow_sample(header, source=3, rate=1000, input_word=3, output_word=0x40000007),
        expanded_flow_sample(header, source=3, rate=1000, input_interface=(0, 3), output_interface=(1, 7)),
        agent="10.0.0.9",
    )
    decoded = decode(data)
    assert decoded.fault is None
    assert decoded.agent == socket.inet_aton("10.0.0.9")
    compact, expanded = decoded.samples
    assert compact == expanded
    assert compact.source_id == (0, 3)
    assert (compact.sampling_rate, compact.frame_length) == (1000, 1500)
    assert (compact.input, compact.output) == ((0, 3), (1, 7))
    found = addresses(compact.protocol, compact.header)
    assert found is not None
    assert found.destination == socket.inet_aton("20.1.2.3")


@pytest.mark.parametrize("vlans", [(), (7,), (7, 8, 9)])
@pytest.mark.parametrize("packet", [ipv4("20.1.2.3"), ipv6("2a00::5")], ids=["ipv4", "ipv6"])
def test_addresses_behind_any_number_of_vlan_tags(packet: bytes, vlans: tuple[int, ...]) -> None:
    found = addresses(1, ethernet(packet, vlans))
    assert found is not None
    width = 4 if packet[0] >> 4 == 4 else 16
    expected = socket.inet_aton("20.1.2.3") if width == 4 else socket.inet_pton(socket.AF_INET6, "2a00::5")
    assert found.destination == expected
    whole = ethernet(packet, vlans)
    needed = 14 + 4 * len(vlans) + (20 if width == 4 else 40)
    assert addresses(1, whole[:needed]) is not None
    assert addresses(1, whole[: needed - 1]) is None, "cut off before the end of the IP header"


def test_ip_without_ethernet_and_what_is_not_ip() -> None:
    found = addresses(11, ipv4("20.1.2.3"))
    assert found is not None
    assert found.destination == socket.inet_aton("20.1.2.3")
    assert addresses(12, ipv6("2a00::5")) is not None
    assert addresses(11, ipv6("2a00::5")) is None
    assert addresses(1, bytes(12) + b"\x08\x06" + bytes(46)) is None, "ARP"
    assert addresses(99, ipv4("20.1.2.3")) is None


def test_unknown_samples_and_records_are_stepped_over() -> None:
    header = raw_header(ethernet(ipv4("20.1.2.3")), frame_length=64)
    unknown = struct.pack("!II", 4413 << 12 | 3, 8) + bytes(8)
    data = datagram(struct.pack("!II", 2, 12) + bytes(12), flow_sample(unknown, header, source=1))
    assert len(decode(data).samples) == 1


def test_good_samples_before_a_fault_are_kept() -> None:
    good = flow_sample(raw_header(ethernet(ipv4("20.1.2.3")), 64), source=1)
    decoded = decode(datagram(good, good, good)[:-5])
    assert len(decoded.samples) == 2
    assert decoded.fault is not None
    assert decoded.fault.kind == "truncated-sample"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "short"),
        (struct.pack("!II", 4, 1) + bytes(20), "version"),
        (struct.pack("!II", 5, 3) + bytes(20), "agent-address"),
        (struct.pack("!II", 5, 2) + bytes(20), "short"),
    ],
)
def test_what_is_not_sflow_is_refused_with_its_kind(data: bytes, kind: str) -> None:
    with pytest.raises(MalformedError) as caught:
        decode(data)
    assert caught.value.kind == kind


def survives(data: bytes) -> None:
    """Decoding and looking for addresses raises nothing but the decoder's own error."""
    try:
        decoded = decode(data)
    except MalformedError:
        return
    for sample in decoded.samples:
        addresses(sample.protocol, sample.header)


@given(st.binary(max_size=300), st.booleans())
def test_no_input_raises_anything_else(data: bytes, headed: bool) -> None:
    survives(struct.pack("!IIIIIII", 5, 1, 0, 0, 0, 0, 3) + data if headed else data)


@needs_data
def test_damaged_real_datagrams_raise_nothing_else() -> None:
    chance = random.Random(1)
    for path in sorted((Path(str(DATA)) / "sflow" / "raw").iterdir()):
        whole = path.read_bytes()
        for _ in range(20):
            damaged = bytearray(whole)
            for _ in range(chance.randrange(1, 8)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            survives(bytes(damaged[: chance.randrange(len(damaged))]))
            survives(bytes(damaged))
