"""Each packet counts once: the rule against a plain twin, and on what real agents sent (ARM_TEST_DATA)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.sflow.batch import Batch, decode_batch
from arm.sflow.direction import CountOnce, Direction
from arm.sflow.wire import FlowSample, decode
from tests.sflow.build import datagram, ethernet, expanded_flow_sample, flow_sample, ipv4, raw_header

DATA = os.environ.get("ARM_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set ARM_TEST_DATA to the folder with real sFlow datagrams")

ITSELF = 0x3FFFFFFF
HOLD = 300.0
RAW = raw_header(ethernet(ipv4("198.51.100.1")), 1000)


def sampled(source: int, into: int, out: int) -> bytes:
    return flow_sample(RAW, source=source, input_word=into, output_word=out)


def batch(*samples: bytes, agent: str = "10.0.0.1") -> Batch:
    return decode_batch([datagram(*samples, agent=agent)])


def chosen(rule: CountOnce, read: Batch, now: float) -> list[bool]:
    found: list[bool] = rule.chosen(read.samples, read.agents, now).tolist()
    return found


# --- one by one -------------------------------------------------------------------------------------------


def test_a_packet_seen_coming_in_and_going_out_counts_once() -> None:
    assert chosen(CountOnce(), batch(sampled(1, 1, 2), sampled(2, 1, 2)), 0.0) == [True, False]


def test_the_order_within_a_batch_does_not_matter() -> None:
    assert chosen(CountOnce(), batch(sampled(2, 1, 2), sampled(1, 1, 2)), 0.0) == [False, True]


def test_egress_samples_count_where_nothing_is_sampled_coming_in() -> None:
    rule = CountOnce()
    assert chosen(rule, batch(sampled(2, 1, 2), sampled(1, 1, 3)), 0.0) == [True, True]


def test_egress_samples_count_again_when_ingress_samples_stay_away() -> None:
    rule = CountOnce()
    ingress, egress = batch(sampled(1, 1, 2)), batch(sampled(2, 1, 2))
    chosen(rule, ingress, 1000.0)
    assert chosen(rule, egress, 1000.0 + 0.8 * HOLD) == [False]
    assert chosen(rule, egress, 1000.0 + HOLD) == [True]
    assert chosen(rule, ingress, 1001.0 + HOLD) == [True]
    assert chosen(rule, egress, 1002.0 + HOLD) == [False]


def test_one_port_that_samples_both_directions_counts_both() -> None:
    """As an HP switch does whose only sampling port is 47."""
    assert chosen(CountOnce(), batch(sampled(47, 48, 47), sampled(47, 47, 48)), 0.0) == [True, True]


def test_agents_are_told_apart() -> None:
    data = [datagram(sampled(1, 1, 2), agent="10.0.0.1"), datagram(sampled(2, 1, 2), agent="10.0.0.2")]
    assert chosen(CountOnce(), decode_batch(data), 0.0) == [True, True]


def test_sub_agents_of_one_agent_see_the_same_packets() -> None:
    """Line cards: in by one, out by another."""
    data = [datagram(sampled(1, 1, 2), sub_agent=1), datagram(sampled(2, 1, 2), sub_agent=2)]
    assert chosen(CountOnce(), decode_batch(data), 0.0) == [True, False]


@pytest.mark.parametrize("unknown", [0, ITSELF])
def test_unknown_ports_are_not_paired_where_ingress_samples_name_their_output(unknown: int) -> None:
    read = batch(sampled(1, 1, 2), sampled(1, 1, unknown), sampled(2, unknown, 2), sampled(2, 1, 2))
    assert chosen(CountOnce(), read, 0.0) == [True, True, True, False]


@pytest.mark.parametrize("unknown", [0, ITSELF])
@pytest.mark.parametrize("into", [0, ITSELF, 1])
def test_agents_that_never_know_the_other_port(unknown: int, into: int) -> None:
    """As hsflowd does with pcap: 1 to the router itself, and the router itself to 2."""
    assert chosen(CountOnce(), batch(sampled(1, 1, unknown), sampled(2, into, 2)), 0.0) == [True, False]
    assert chosen(CountOnce(), batch(sampled(2, into, 2)), 0.0) == [True]


def test_what_enters_and_leaves_by_one_port_was_sampled_coming_in() -> None:
    assert chosen(CountOnce(), batch(sampled(5, 5, 5), sampled(5, 5, 5)), 0.0) == [True, True]


def test_other_data_sources_and_other_forms_of_interface_always_count() -> None:
    bridge = flow_sample(RAW, source=2 << 24 | 2, input_word=1, output_word=2)  # Open vSwitch
    several = expanded_flow_sample(RAW, source=2, input_interface=(0, 1), output_interface=(2, 2))
    read = batch(sampled(1, 1, 2), bridge, several, sampled(7, 1, 2))
    assert chosen(CountOnce(), read, 0.0) == [True, True, True, True]


def test_a_fixed_direction() -> None:
    read = batch(sampled(1, 1, 2), sampled(2, 1, 2), sampled(7, 1, 2))
    assert chosen(CountOnce(Direction("ingress")), read, 0.0) == [True, False, True]
    assert chosen(CountOnce(Direction("egress")), read, 0.0) == [False, True, True]


def test_memory_is_bounded() -> None:
    rule = CountOnce(most=100)
    for start in range(1, 2000, 50):
        chosen(rule, batch(*(sampled(port, port, port + 1) for port in range(start, start + 50))), 0.0)
    assert len(rule) == 100
    assert chosen(rule, batch(sampled(2000, 1999, 2000)), 0.0) == [False], "the latest is remembered"
    assert chosen(rule, batch(sampled(2, 1, 2)), 0.0) == [True]
    chosen(rule, batch(sampled(1, 1, 2)), 2 * HOLD)
    assert len(rule) == 1


# --- against a plain twin ---------------------------------------------------------------------------------


class Plain:
    """The rule as the words have it."""

    def __init__(self) -> None:
        self.ingress: dict[tuple[bytes, int, int], float] = {}

    def chosen(self, samples: Sequence[tuple[bytes, FlowSample]], now: float) -> Iterator[bool]:
        noted = now - now % (HOLD / 10)
        self.ingress = {key: seen for key, seen in self.ingress.items() if seen > now - HOLD}
        for agent, sample in samples:
            if direction(sample) == "ingress":
                self.ingress[agent, sample.input[1], port(sample.output)] = noted
        for agent, sample in samples:
            yield direction(sample) != "egress" or not self.repeated(
                agent, port(sample.input), sample.output[1]
            )

    def repeated(self, agent: bytes, into: int, out: int) -> bool:
        own = [key[1:] for key in self.ingress if key[0] == agent]
        if any(output for _, output in own):
            return into != 0 and (into, out) in own
        return any(into in (0, input_port) for input_port, _ in own)


def port(interface: tuple[int, int]) -> int:
    form, value = interface
    return 0 if form or value == ITSELF else value


def direction(sample: FlowSample) -> str | None:
    kind, index = sample.source_id
    if kind or index in (0, ITSELF):
        return None
    if sample.input == (0, index):
        return "ingress"
    return "egress" if sample.output == (0, index) else None


_ports = st.sampled_from((1, 2, 3, 0, ITSELF, 0x1A000000))
_words = st.one_of(_ports, _ports, _ports, st.just(0x40000001), st.just(0x80000002))
_samples = st.builds(
    lambda source, into, out: (
        flow_sample(RAW, source=source & 0xFFFFFF, input_word=into, output_word=out)
        if source < 1 << 24 or into >> 30 or out >> 30
        else expanded_flow_sample(RAW, source=source, input_interface=(0, into), output_interface=(0, out))
    ),
    _ports,
    _words,
    _words,
)
_datagrams = st.builds(
    lambda samples, agent: datagram(*samples, agent=agent),
    st.lists(_samples, max_size=4),
    st.sampled_from(("10.0.0.1", "2001:db8::1")),
)
_times = st.sampled_from((0.0, 1.0, 29.0, 30.0, 100.0, 269.0, 270.0, 299.0, 300.0, 301.0, 1000.0))


@given(st.lists(st.tuples(_times, st.lists(_datagrams, max_size=4)), max_size=8))
def test_the_rule_as_the_words_have_it(batches: list[tuple[float, list[bytes]]]) -> None:
    rule, plain = CountOnce(hold=HOLD), Plain()
    now = 0.0
    for passed, data in batches:
        now += passed
        samples = [(read.agent, sample) for read in map(decode, data) for sample in read.samples]
        assert chosen(rule, decode_batch(data), now) == list(plain.chosen(samples, now))


# --- what real agents sent --------------------------------------------------------------------------------


def recorded(start: str) -> tuple[list[bool], list[FlowSample]]:
    """A capture's samples, and which of them count."""
    paths = sorted((Path(str(DATA)) / "sflow" / "raw").glob(f"{start}*.sflow"))
    data = [path.read_bytes() for path in paths]
    rule = CountOnce()
    picks = [
        pick for at in range(0, len(data), 8) for pick in chosen(rule, decode_batch(data[at : at + 8]), 1.0)
    ]
    return picks, [sample for each in data for sample in decode(each).samples]


@needs_data
def test_hsflowd_with_pcap_reports_a_packet_twice_and_it_counts_once() -> None:
    picks, samples = recorded("agent_hs_pcap_0")
    ways = Counter((sample.source_id[1], sample.input[1], sample.output[1]) for sample in samples)
    assert ways == {
        (103, 103, ITSELF): 161,  # a flow comes in by 103 ...
        (104, ITSELF, 104): 188,  # ... and goes out by 104
        (104, 104, ITSELF): 2,
        (103, ITSELF, 103): 3,
    }
    counted = Counter(
        (sample.input[1], sample.output[1]) for pick, sample in zip(picks, samples, strict=True) if pick
    )
    # All but what went out before the first packet was sampled coming in.
    assert (counted[103, ITSELF], counted[104, ITSELF]) == (161, 2)
    assert counted[ITSELF, 104] + counted[ITSELF, 103] == 0


@needs_data
@pytest.mark.parametrize(("start", "count"), [("agent_hs_nflog_0", 367), ("agent_ovs_0", 364)])
def test_agents_that_report_a_packet_once_lose_none(start: str, count: int) -> None:
    picks, _ = recorded(start)
    assert picks == [True] * count


@needs_data
def test_hp_counts_both_directions_of_its_only_sampling_port_as_its_interface_counters_do() -> None:
    picks, samples = recorded("overflowd_sflow_")
    assert all(picks)
    assert {sample.source_id for sample in samples} == {(0, 47)}
    # Port 47 counted 8,896,234 unicast packets in and 17,684,685 out until 2306360 ms of uptime. The pool, of
    # all frames that could be sampled, is their sum: nothing is counted twice, and no direction is missing.
    pools = [sample.pool for sample in samples]
    packets = 8_896_234 + 17_684_685
    assert pools[0] < packets < pools[-1]
    scaled = sum(sample.sampling_rate for sample in samples)
    assert scaled == pytest.approx(pools[-1] - pools[0], rel=3 / len(samples) ** 0.5)
    incoming = sum(sample.input[1] == 47 for sample in samples)
    assert incoming / len(samples) == pytest.approx(8_896_234 / packets, abs=3 * 0.47 / len(samples) ** 0.5)
