"""Lengths, versions and places that one octet more or less would change."""

from __future__ import annotations

import pytest

from arm.sflow.batch import decode_batch
from arm.sflow.packet import ETHERNET, IPV6, read
from arm.sflow.wire import decode
from tests.sflow.build import (
    datagram,
    ethernet,
    expanded_flow_sample,
    flow_sample,
    frame,
    ipv4,
    ipv6,
    raw_header,
    record,
    sampled_ethernet,
)

HEADER = raw_header(ethernet(ipv4("20.1.2.3")), frame_length=64)


@pytest.mark.parametrize("words", [1, 2, 4])
def test_behind_an_authentication_header_comes_what_its_length_says(words: int) -> None:
    """RFC 4302: in words of four octets, less two; so only what follows it can show that it was right."""
    authentication = bytes([60, words]) + bytes((words + 2) * 4 - 2)
    options = bytes([17, 0]) + bytes(6)
    packet = read(IPV6, ipv6("2a00::5", protocol=51, payload=authentication + options))
    assert packet.ip_protocol == 17


@pytest.mark.parametrize("first", [0x00, 0x3F, 0x44, 0x50, 0x60])
def test_no_other_first_octet_begins_an_ipv4_header(first: int) -> None:
    packet = frame(b"\x08\x00", bytes([first]) + ipv4("20.1.2.3")[1:])
    assert read(ETHERNET, packet).addresses is None
    batch = decode_batch([datagram(flow_sample(raw_header(packet, frame_length=64), source=1))])
    assert batch.samples.family.tolist() == [0]


@pytest.mark.parametrize("first", [0x45, 0x4F])
def test_these_do(first: int) -> None:
    packet = frame(b"\x08\x00", bytes([first]) + ipv4("20.1.2.3")[1:])
    assert read(ETHERNET, packet).addresses is not None
    batch = decode_batch([datagram(flow_sample(raw_header(packet, frame_length=64), source=1))])
    assert batch.samples.family.tolist() == [4]


def test_a_fault_is_told_with_the_octet_at_which_it_begins() -> None:
    """Where the record's own header begins: 28 octets of the datagram's, 8 and 32 of the sample's."""
    fault = decode(datagram(flow_sample(record(1, bytes(12)), source=1))).fault
    assert fault is not None
    assert (fault.kind, fault.offset) == ("short-record", 28 + 8 + 32)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_the_packet_is_found_behind_other_records(before: int) -> None:
    """By both decoders, in samples of both forms: the number of records is where each form has it."""
    others = [record(1001, bytes(16)), sampled_ethernet(64)][:before]
    for sample in (
        flow_sample(*others, HEADER, source=1, rate=1000),
        expanded_flow_sample(*others, HEADER, source=1, rate=1000),
    ):
        (scalar,) = decode(datagram(sample)).samples
        batch = decode_batch([datagram(sample)])
        assert batch.samples.family.tolist() == [4]
        assert batch.samples.destination_low.tolist() == [0x14010203]
        assert batch.samples.frame_length.tolist() == [getattr(scalar, "frame_length", None)] == [64]


def test_a_record_more_than_is_said_is_not_read() -> None:
    """The sample says that it has one record; the packet is in a second one."""
    sample = bytearray(flow_sample(record(1001, bytes(16)), HEADER, source=1))
    sample[8 + 28 : 8 + 32] = (1).to_bytes(4, "big")
    expanded = bytearray(expanded_flow_sample(record(1001, bytes(16)), HEADER, source=1))
    expanded[8 + 40 : 8 + 44] = (1).to_bytes(4, "big")
    for each in (sample, expanded):
        assert decode_batch([datagram(bytes(each))]).samples.family.tolist() == [0]


@pytest.mark.parametrize("length", [0, 1, 19, 20, 39, 40])
def test_both_decoders_agree_how_much_of_a_header_is_enough(length: int) -> None:
    """Beside others that are whole, so that the quick one reads them all at once."""
    cut = [
        raw_header(ethernet(packet)[: 14 + length], frame_length=1500)
        for packet in (ipv4("20.1.2.3", payload=bytes(30)), ipv6("2a00::5"))
    ]
    data = [datagram(flow_sample(each, source=1)) for each in (*cut, HEADER)]
    batch = decode_batch(data)
    assert batch.samples.family.tolist() == [4 if length >= 20 else 0, 6 if length >= 40 else 0, 4]


@pytest.mark.parametrize("ethertype", [b"\x88\xcc", b"\x08\x06", b"\x12\x34", b"\x00\x40"])
def test_what_looks_like_ip_behind_another_ethertype_is_none(ethertype: bytes) -> None:
    frames = [frame(ethertype, packet) for packet in (ipv4("20.1.2.3"), ipv6("2a00::5"))]
    data = [datagram(flow_sample(raw_header(each, frame_length=64), source=1)) for each in frames]
    assert decode_batch(data).samples.family.tolist() == [0, 0]


def test_a_header_without_ethernet_is_read_beside_one_with_it() -> None:
    """Header protocols 11 and 12: the packet begins at once."""
    headers = [
        raw_header(ipv4("20.1.2.3"), frame_length=64, protocol=11),
        raw_header(ipv6("2a00::5"), frame_length=64, protocol=12),
    ]
    for together in ([*headers], [*headers, HEADER]):
        data = [datagram(flow_sample(each, source=1)) for each in together]
        assert decode_batch(data).samples.family.tolist() == [4, 6, 4][: len(together)]


@pytest.mark.parametrize("kind", [0, 1, 2, 255])
def test_the_data_source_has_a_class_and_an_index(kind: int) -> None:
    """One octet and three, in one word; in expanded samples two words."""
    sample = flow_sample(HEADER, source=kind << 24 | 0xABCDEF)
    (scalar,) = decode(datagram(sample)).samples
    assert getattr(scalar, "source_id", None) == (kind, 0xABCDEF)
    found = decode_batch([datagram(sample)]).samples
    assert (found.source_class.tolist(), found.source_index.tolist()) == ([kind], [0xABCDEF])
