"""The decoder on datagrams built by hand: every structure, every tolerated oddity, every fault."""

from __future__ import annotations

import itertools
import socket
import struct

import pytest

from arm.sflow.packet import addresses
from arm.sflow.wire import FlowSample, MalformedError, decode
from tests.sflow.build import (
    counter_sample,
    datagram,
    discarded_packet,
    ethernet,
    expanded_counter_sample,
    expanded_flow_sample,
    flow_sample,
    ipv4,
    raw_header,
    record,
    sample,
    sampled_ethernet,
    sampled_ipv4,
    sampled_ipv6,
)


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


HEADER = raw_header(ethernet(ipv4("20.1.2.3")), frame_length=64)
GOOD = flow_sample(HEADER, source=1)


def test_an_agent_may_have_an_ipv6_address() -> None:
    decoded = decode(datagram(GOOD, agent="2001:db8::1", sub_agent=3, sequence=7, uptime=9))
    assert decoded.agent == socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    assert (decoded.sub_agent, decoded.sequence, decoded.uptime) == (3, 7, 9)
    assert len(decoded.samples) == 1


@pytest.mark.parametrize(
    ("word", "interface"),
    [
        (0, (0, 0)),  # unknown
        (7, (0, 7)),
        (0x3FFFFFFF, (0, 0x3FFFFFFF)),  # the router itself
        (0x40000102, (1, 0x102)),  # discarded, and why
        (0x80000003, (2, 3)),  # sent out of three
        (0xC0000001, (3, 1)),
    ],
)
def test_the_compact_interface_word(word: int, interface: tuple[int, int]) -> None:
    (sample,) = decode(datagram(flow_sample(HEADER, source=1, input_word=word, output_word=word))).samples
    assert sample.input == sample.output == interface


def test_the_compact_source_has_its_class_in_the_top_octet() -> None:
    (sample,) = decode(datagram(flow_sample(HEADER, source=0x02000103, pool=5, drops=6))).samples
    assert sample.source_id == (2, 0x103)
    assert (sample.pool, sample.drops) == (5, 6)


# --- a packet is described once, twice or not at all --------------------------------------------------


def described(*records: bytes) -> FlowSample:
    (sample,) = decode(datagram(flow_sample(*records, source=1))).samples
    return sample


@pytest.mark.parametrize(
    "records",
    list(itertools.permutations([HEADER, sampled_ethernet(999), sampled_ipv4("30.0.0.1")])),
    ids=["-".join(order) for order in itertools.permutations(["raw", "ethernet", "ipv4"])],
)
def test_a_packet_described_thrice_is_one_and_its_raw_header_counts(records: tuple[bytes, ...]) -> None:
    sample = described(*records)
    assert (sample.record_kind, sample.frame_length) == (1, 64)
    assert sample.addresses == addresses(1, ethernet(ipv4("20.1.2.3")))


def test_of_two_raw_headers_the_first_counts() -> None:
    assert described(HEADER, raw_header(ipv4("30.0.0.1"), 9, protocol=11)).frame_length == 64


@pytest.mark.parametrize(
    ("records", "kind", "frame_length"),
    [
        ((sampled_ipv4("20.1.2.3", length=100),), 3, 100),
        ((sampled_ipv6("2a00::5", length=100),), 4, 100),
        ((sampled_ethernet(118), sampled_ipv4("20.1.2.3")), 3, 118),
        ((sampled_ipv6("2a00::5"), sampled_ethernet(118)), 4, 118),
        ((sampled_ipv4("20.1.2.3"), sampled_ipv4("30.0.0.1")), 3, 100),
    ],
)
def test_packets_that_the_agent_parsed_itself(
    records: tuple[bytes, ...], kind: int, frame_length: int
) -> None:
    sample = described(*records)
    assert (sample.record_kind, sample.frame_length, sample.header) == (kind, frame_length, b"")
    assert sample.addresses is not None
    text = {3: (socket.AF_INET, "20.1.2.3"), 4: (socket.AF_INET6, "2a00::5")}[kind]
    assert sample.addresses.destination == socket.inet_pton(*text)
    assert sample.packet.ip_protocol == 17


def test_packets_without_addresses() -> None:
    frame = described(sampled_ethernet(118))
    assert (frame.record_kind, frame.frame_length, frame.addresses) == (2, 118, None)
    nothing = described(record(1001, bytes(16)))
    assert (nothing.record_kind, nothing.frame_length, nothing.addresses) == (None, 0, None)
    assert described() == nothing


def test_discarded_packets_are_kept_apart() -> None:
    """They take no route, so they must not make one look busy."""
    decoded = decode(datagram(GOOD, discarded_packet(HEADER, source=7, reason=289, drops=3), GOOD))
    assert len(decoded.samples) == 2
    (discarded,) = decoded.discards
    assert (discarded.source_id, discarded.reason, discarded.drops) == ((0, 7), 289, 3)
    assert (discarded.input, discarded.output) == (1, 2)
    assert (discarded.frame_length, discarded.record_kind) == (64, 1)
    assert decoded.kinds == [1, 5, 1]


def test_counter_samples_compact_and_expanded() -> None:
    one, two = record(1, bytes(88)), record(4413 << 12 | 3, bytes(144))
    decoded = decode(
        datagram(
            counter_sample(one, two, source=0x02000005), expanded_counter_sample(one, two, source=(2, 5))
        )
    )
    compact, expanded = decoded.counters
    assert compact == expanded
    assert compact.source_id == (2, 5)
    assert compact.records == ((1, bytes(88)), (4413 << 12 | 3, bytes(144)))
    assert decoded.samples == []


# --- what is stepped over and what is tolerated -------------------------------------------------------


def test_unknown_samples_and_records_are_stepped_over() -> None:
    unknown = record(4413 << 12 | 3, bytes(8))
    decoded = decode(datagram(sample(99, bytes(12)), flow_sample(unknown, HEADER, source=1)))
    assert decoded.fault is None
    assert len(decoded.samples) == 1
    assert decoded.kinds == [99, 1]


@pytest.mark.parametrize("length", [61, 62, 63, 64])
def test_padding_may_be_counted_or_not(length: int) -> None:
    """The specification does not count it; some agents do, in the record or in the sample or in both."""
    header = ethernet(ipv4("20.1.2.3"))[:length].ljust(length, b"x")
    body = struct.pack("!4I", 1, 64, 4, length) + header
    counted = body + bytes(-len(body) % 4)
    for each in (record(1, body), record(1, counted)):
        whole = flow_sample(each, source=1)
        unpadded = flow_sample(each, source=1, declared=32 + 8 + len(body))
        decoded = decode(datagram(whole, unpadded, whole))
        assert decoded.fault is None
        assert [found.header for found in decoded.samples] == [header] * 3


def test_a_sample_declared_shorter_than_its_record_is_read_and_noted() -> None:
    short = flow_sample(HEADER, source=1, declared=32 + len(HEADER) - 16)
    decoded = decode(datagram(short, GOOD))
    assert decoded.fault is None
    assert [found.addresses for found in decoded.samples] == [described(HEADER).addresses] * 2
    assert [found.overrun for found in decoded.samples] == [16, 0]
    assert decoded.overruns == 1
    assert decode(datagram(short)[:-17]).fault is not None, "but never beyond the datagram"


def test_octets_behind_the_last_sample_are_noted() -> None:
    decoded = decode(datagram(GOOD) + b"tail")
    assert decoded.fault is None
    assert (len(decoded.samples), decoded.trailing) == (1, 4)
    assert decode(datagram(GOOD)).trailing == 0


# --- malformed ----------------------------------------------------------------------------------------


def test_cut_off_anywhere_the_samples_before_are_kept() -> None:
    whole = datagram(GOOD, counter_sample(record(1, bytes(88)), source=1), GOOD)
    ends = [len(datagram(GOOD)), len(whole) - len(GOOD), len(whole)]
    for length in range(len(datagram()), len(whole)):
        decoded = decode(whole[:length])
        assert decoded.fault is not None
        assert len(decoded.kinds) == sum(end <= length for end in ends)
        assert (len(decoded.samples), len(decoded.counters)) == (
            decoded.kinds.count(1),
            decoded.kinds.count(2),
        )


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        pytest.param(sample(1, bytes(28)), "short-sample", id="flow sample"),
        pytest.param(sample(2, bytes(8)), "short-sample", id="counter sample"),
        pytest.param(sample(3, bytes(40)), "short-sample", id="expanded flow sample"),
        pytest.param(sample(4, bytes(12)), "short-sample", id="expanded counter sample"),
        pytest.param(sample(5, bytes(28)), "short-sample", id="discarded packet"),
        pytest.param(sample(1, bytes(32), declared=10**9), "truncated-sample", id="long sample"),
        pytest.param(sample(1, bytes(28) + b"\0\0\0\1"), "truncated-record", id="no record"),
        pytest.param(
            flow_sample(record(1, bytes(16), 10**9), source=1), "truncated-record", id="long record"
        ),
        pytest.param(flow_sample(record(1, bytes(12)), source=1), "short-record", id="raw header"),
        pytest.param(
            flow_sample(record(1, struct.pack("!4I", 1, 64, 4, 2**32 - 1)), source=1),
            "short-record",
            id="long header",
        ),
        pytest.param(flow_sample(record(2, b""), source=1), "short-record", id="sampled Ethernet"),
        pytest.param(flow_sample(record(3, bytes(12)), source=1), "short-record", id="sampled IPv4"),
        pytest.param(flow_sample(record(4, bytes(36)), source=1), "short-record", id="sampled IPv6"),
    ],
)
def test_what_ends_a_datagram_early(bad: bytes, kind: str) -> None:
    decoded = decode(datagram(GOOD, bad, GOOD))
    assert len(decoded.samples) == 1
    assert decoded.fault is not None
    assert decoded.fault.kind == kind
    assert decoded.fault.offset >= len(datagram(GOOD))


def test_counts_that_lie_cost_no_more_than_the_datagram() -> None:
    """65,535 octets of the smallest samples and records, and counts of four thousand millions."""
    fixed = struct.pack("!II4s4I", 5, 1, bytes(4), 0, 1, 1, 2**32 - 1)
    samples = decode(fixed + bytes(65_504))
    assert len(samples.kinds) == 8188
    assert samples.fault is not None
    sample_of_records = struct.pack("!II7II", 1, 65_496, *range(7), 2**32 - 1)
    records = decode(fixed + sample_of_records + bytes(65_464))
    assert records.fault is not None
    assert records.fault.kind == "truncated-record"


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
