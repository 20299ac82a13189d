"""The batch path against the scalar decoder, and adding up against a dictionary."""

from __future__ import annotations

import ipaddress
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.sflow import lockstep
from arm.sflow.batch import Batch, decode_batch
from arm.sflow.destinations import Destinations, aggregate, merge
from arm.sflow.groups import groups
from arm.sflow.samples import Samples
from arm.sflow.wire import Datagram, MalformedError, decode
from tests.sflow.build import (
    datagram,
    ethernet,
    expanded_flow_sample,
    flow_sample,
    ipv4,
    ipv6,
    raw_header,
    record,
)
from tests.sflow.strategies import damage, damaged, datagrams

DATA = os.environ.get("ARM_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set ARM_TEST_DATA to the folder with real sFlow datagrams")

# --- the plain twins ------------------------------------------------------------------------------------


def plainly(data: bytes) -> Datagram | str:
    """What the scalar decoder says of one datagram: the kind of fault if it is none."""
    try:
        return decode(data)
    except MalformedError as fault:
        return fault.kind


def plain_rows(read: Sequence[Datagram | str]) -> Iterator[tuple[object, ...]]:
    for index, each in enumerate(read):
        if isinstance(each, str):
            continue
        for sample in each.samples:
            found = sample.addresses
            yield (
                *(index, each.agent, sample.sequence, sample.source_id, sample.sampling_rate, sample.pool),
                *(sample.drops, sample.input, sample.output, sample.frame_length),
                *((found.destination, found.source) if found is not None else (None, None)),
            )


def rows(batch: Batch) -> Iterator[tuple[object, ...]]:
    columns = [getattr(batch.samples, each.name).tolist() for each in fields(Samples)]
    for index, agent, sequence, kind, source, rate, pool, drops, *rest in zip(*columns, strict=True):
        into, out, frame_length, family, *address = rest[:2], rest[2:4], *rest[4:]
        yield (
            *(index, batch.agents[agent], sequence, (kind, source), rate, pool, drops),
            *(tuple(into), tuple(out), frame_length),
            *(packed(family, *address[:2]), packed(family, *address[2:])),
        )


def packed(family: int, high: int, low: int) -> bytes | None:
    """An address in network order."""
    width = {0: 0, 4: 4, 6: 16}[family]
    return (high << 64 | low).to_bytes(width, "big") if width else None


Totals = dict[bytes, tuple[float, float, int, float]]  # by destination: bytes, packets, samples, squares


def plain_totals(samples: Samples, chosen: Sequence[bool]) -> Totals:
    totals: Totals = {}
    for row, take in enumerate(chosen):
        family, rate = int(samples.family[row]), int(samples.sampling_rate[row])
        address = packed(family, int(samples.destination_high[row]), int(samples.destination_low[row]))
        if take and address is not None and rate:
            scaled = float(int(samples.frame_length[row]) * rate)
            size, packets, count, squares = totals.get(address, (0.0, 0.0, 0, 0.0))
            totals[address] = size + scaled, packets + rate, count + 1, squares + scaled * scaled
    return totals


def agree(data: Sequence[bytes]) -> Batch:
    """Both paths say the same of all these datagrams."""
    batch = decode_batch(data)
    read = [plainly(each) for each in data]
    assert list(rows(batch)) == list(plain_rows(read))
    faults: Counter[str] = Counter()
    for index, each in enumerate(read):
        assert bool(batch.readable[index]) is not isinstance(each, str)
        heads = tuple(int(column[index]) for column in (batch.sub_agent, batch.sequence, batch.uptime))
        if isinstance(each, str):
            faults[each] += 1
            assert heads == (0, 0, 0)
            continue
        assert heads == (each.sub_agent, each.sequence, each.uptime)
        assert batch.agents[batch.agent[index]] == each.agent
        if each.fault is not None:
            faults[each.fault.kind] += 1
        if each.counters or each.discards or each.fault or each.trailing:
            by_hand = dict(batch.scalar)[index]
            assert (by_hand.counters, by_hand.discards) == (each.counters, each.discards)
    assert batch.faults == faults
    return batch


# --- both paths agree -------------------------------------------------------------------------------------


@given(st.lists(st.builds(damaged, datagrams(), damage()), max_size=8))
def test_both_paths_agree_on_any_datagrams(data: list[bytes]) -> None:
    agree(data)


@given(st.lists(st.binary(max_size=120), max_size=5))
def test_both_paths_agree_on_anything(data: list[bytes]) -> None:
    agree(data)


@needs_data
def test_both_paths_agree_on_real_datagrams() -> None:
    data = corpus()
    assert len(agree(data).samples) > 1800
    usual = [each for each in data if isinstance(read := plainly(each), Datagram) and read.samples]
    odd = lockstep.read(usual).odd
    assert odd.mean() < 0.15, "real agents' layouts are read in lock-step, unless they bring counters as well"


@needs_data
def test_both_paths_agree_on_damaged_real_datagrams() -> None:
    chance = random.Random(3)
    data = corpus()
    for _ in range(40):
        agree(
            [
                damaged(
                    each,
                    [
                        (chance.randrange(4), chance.randrange(5000), chance.choice((0, 1, 2, 3, 4, 255)))
                        for _ in range(chance.randrange(3))
                    ],
                )
                for each in chance.choices(data, k=200)
            ]
        )


def corpus() -> list[bytes]:
    return [path.read_bytes() for path in sorted((Path(str(DATA)) / "sflow" / "raw").iterdir())]


PACKETS = {
    "ipv4": ethernet(ipv4("198.51.100.1")),
    "ipv6": ethernet(ipv6("2001:db8::1")),
    "ipv4 under 4 tags": ethernet(ipv4("198.51.100.1"), (1, 2, 3, 4)),
    "ipv6 under a tag": ethernet(ipv6("2001:db8::1"), (1,)),
    "arp": bytes(12) + b"\x08\x06" + bytes(28),
    "spanning tree": bytes(12) + bytes.fromhex("0027424203") + bytes(30),
}


@pytest.mark.parametrize("header", PACKETS.values(), ids=PACKETS.keys())
@pytest.mark.parametrize("agent", ["10.0.0.1", "2001:db8::a"])
def test_what_switches_send_is_read_in_lock_step(header: bytes, agent: str) -> None:
    raw, switch = raw_header(header, 1000), record(1001, bytes(16))
    data = datagram(
        flow_sample(raw, switch, source=3, input_word=3, output_word=0x80000002),
        expanded_flow_sample(switch, switch, raw, source=4, output_interface=(1, 256)),
        agent=agent,
    )
    assert not lockstep.read([data]).odd.any()
    assert len(agree([data, data]).samples) == 4


def test_nothing_gives_nothing() -> None:
    batch = agree([])
    assert len(batch.samples) == 0
    assert batch.agents == ()
    assert len(aggregate(batch.samples)) == 0
    assert len(merge([])) == 0


def test_a_lying_count_costs_no_memory() -> None:
    liar = bytearray(datagram(flow_sample(raw_header(PACKETS["ipv4"], 64), source=1)))
    liar[24:28] = b"\xff\xff\xff\xff"
    assert len(agree([bytes(liar)] * 10).samples) == 10


# --- adding up --------------------------------------------------------------------------------------------


def totals(found: Destinations) -> Totals:
    addresses = found.addresses(4) + found.addresses(6)
    columns = (found.bytes, found.packets, found.samples, found.squares)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(addresses, rows, strict=True))


def assert_equal(some: Totals, others: Totals) -> None:
    assert some.keys() == others.keys()
    for address, figures in some.items():
        assert figures == pytest.approx(others[address])


@st.composite
def traffic(draw: st.DrawFn) -> list[bytes]:
    """Few destinations, so that they repeat, and addresses that only look alike in part."""
    hosts = ("0.0.0.9", "10.0.0.9", "255.255.255.255", "::9", "::a00:9", "2001:db8::9", "2001:db8:0:1::9")
    samples = st.builds(
        lambda host, rate, length: flow_sample(
            raw_header(ethernet((ipv6 if ":" in host else ipv4)(host)), length), source=1, rate=rate
        ),
        st.sampled_from(hosts),
        st.sampled_from((0, 1, 1000, 65536)),
        st.integers(0, 9000),
    )
    return [datagram(*each) for each in draw(st.lists(st.lists(samples, max_size=9), max_size=6))]


@given(traffic(), st.randoms(use_true_random=False))
def test_adding_up_by_destination(data: list[bytes], chance: random.Random) -> None:
    samples = decode_batch(data).samples
    chosen = [chance.random() < 0.8 for _ in range(len(samples))]
    found = aggregate(samples, np.array(chosen, np.bool_))
    assert_equal(totals(found), plain_totals(samples, chosen))
    families = found.family.tolist()
    addresses = found.addresses(4) + found.addresses(6)
    assert families == sorted(families)
    assert list(zip(families, addresses, strict=True)) == sorted(zip(families, addresses, strict=True))


@given(traffic(), st.integers(1, 5))
def test_adding_up_in_parts_gives_the_same(data: list[bytes], size: int) -> None:
    parts = [aggregate(decode_batch(data[at : at + size]).samples) for at in range(0, len(data), size)]
    assert_equal(totals(merge(parts)), totals(aggregate(decode_batch(data).samples)))


def test_addresses_are_in_network_order() -> None:
    headers = [raw_header(ethernet(each), 100) for each in (ipv6("2001:db8::1"), ipv4("203.0.113.7"))]
    found = aggregate(decode_batch([datagram(*(flow_sample(each, source=1) for each in headers))]).samples)
    assert found.addresses(4) == [ipaddress.ip_address("203.0.113.7").packed]
    assert found.addresses(6) == [ipaddress.ip_address("2001:db8::1").packed]


_column = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1) | st.integers(0, 5), st.integers(0, 2)),
    max_size=40,
)


@given(_column)
def test_grouping_keeps_the_order_of_arrival(values: list[tuple[int, int, int]]) -> None:
    columns = [np.array(column, np.uint64) for column in zip(*values, strict=True)] or [
        np.empty(0, np.uint64)
    ]
    order, starts = groups(*columns)
    assert order.tolist() == sorted(range(len(values)), key=lambda row: (values[row], row))
    places = order.tolist()
    assert starts.tolist() == [
        at for at in range(len(places)) if not at or values[places[at]] != values[places[at - 1]]
    ]
