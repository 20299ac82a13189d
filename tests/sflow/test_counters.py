"""Counter records: unknown values, agents of different age, and the store of the latest."""

from __future__ import annotations

import dataclasses
import math
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.sflow.capture import datagrams
from arm.sflow.counters import (
    BroadcomTables,
    Counters,
    CounterStore,
    Ethernet,
    HostCpu,
    HostDisk,
    HostMemory,
    HostNetwork,
    Interface,
    PortName,
    Usage,
    read,
)
from arm.sflow.wire import CounterSample, decode
from tests.sflow.build import counter_sample, datagram, record

DATA = os.environ.get("ARM_TEST_DATA")

INTERFACE = struct.pack(
    "!IIQIIQIIIIIIQIIIIII", 7, 6, 10**10, 1, 3, 2**40, *range(10, 16), 2**41, *range(20, 26)
)
KINDS = {  # kind: its class, octets of a record
    1: (Interface, 88),
    2: (Ethernet, 52),
    2003: (HostCpu, 80),
    2004: (HostMemory, 72),
    2005: (HostDisk, 52),
    2006: (HostNetwork, 40),
    4413 << 12 | 3: (BroadcomTables, 144),
}


def only(kind: int, body: bytes) -> Counters | None:
    """What one record says."""
    found = read(CounterSample(1, (0, 1), ((kind, body),)))
    return found[0] if found else None


def test_an_interface() -> None:
    found = only(1, INTERFACE)
    assert isinstance(found, Interface)
    assert (found.index, found.speed, found.status) == (7, 10**10, 3)
    assert (found.in_octets, found.in_unicast, found.in_unknown_protocols) == (2**40, 10, 15)
    assert (found.out_octets, found.out_unicast, found.promiscuous) == (2**41, 20, 25)


@pytest.mark.parametrize(("kind", "expected"), KINDS.items())
def test_all_ones_are_unknown(kind: int, expected: tuple[type, int]) -> None:
    record_class, size = expected
    found = only(kind, b"\xff" * size)
    assert found is not None
    assert type(found) is record_class
    values = {getattr(found, field.name) for field in dataclasses.fields(found)}
    assert values <= {None, Usage(None, None)}


@pytest.mark.parametrize(("kind", "expected"), KINDS.items())
def test_too_short_says_nothing_and_longer_is_fine(kind: int, expected: tuple[type, int]) -> None:
    _, size = expected
    assert only(kind, bytes(size + 8)) == only(kind, bytes(size))
    least = size - 12 if kind == 2003 else size  # older agents leave out its last three words
    assert only(kind, bytes(least)) is not None
    assert only(kind, bytes(least - 1)) is None


def test_the_cpu_of_an_older_agent() -> None:
    body = struct.pack("!3f14I", 0.25, math.nan, -1.0, *range(14))
    found = only(2003, body)
    assert isinstance(found, HostCpu)
    assert (found.load_1, found.load_5, found.load_15) == (0.25, None, None)
    assert (found.context_switches, found.steal, found.guest, found.guest_nice) == (13, None, None, None)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (struct.pack("!I8s", 5, b"swp1s"), PortName("swp1s")),
        (struct.pack("!I", 0), PortName("")),
        (struct.pack("!I4s", 2, b"\xff\xfe"), PortName("\ufffd\ufffd")),
        (struct.pack("!I4s", 5, b"swp1"), None),
        (b"\0\0", None),
    ],
)
def test_port_names(body: bytes, name: PortName | None) -> None:
    assert only(1005, body) == name


def test_a_table_without_maximum_is_unknown() -> None:
    words = [0] * 36
    words[0:2] = 1200, 40960  # hosts
    words[4:6] = 5, 0  # IPv6
    words[10:12] = 0, 151552  # routes
    words[16:20] = 900, 300, 2**32 - 1, 7
    words[34:36] = 3, 4
    found = only(4413 << 12 | 3, struct.pack("!36I", *words))
    assert isinstance(found, BroadcomTables)
    assert found.hosts == Usage(1200, 40960)
    assert found.ipv4 == Usage(None, None)
    assert found.ipv6 == Usage(5, None)
    assert found.routes == Usage(0, 151552), "an empty table is not an unknown one"
    assert (found.ipv4_neighbours, found.ipv4_routes, found.ipv6_routes) == (900, None, 7)
    assert found.acl_egress_slices == Usage(3, 4)


@pytest.mark.skipif(not DATA, reason="set ARM_TEST_DATA to the folder with real sFlow datagrams")
def test_broadcom_tables_as_hsflowd_sends_them() -> None:
    path = Path(str(DATA)) / "sflow" / "hs_bcm_tables.pcap"
    store = CounterStore()
    for found in datagrams(path):
        assert isinstance(found, bytes)
        decoded = decode(found)
        for sample in decoded.counters:
            store.add(decoded.agent, sample, 0)
    tables = store.get(bytes([10, 3, 0, 1]), (2, 1), BroadcomTables)
    assert tables is not None
    assert tables.hosts == Usage(1200, 40960)
    assert tables.routes == Usage(120000, 151552)
    assert tables.ecmp_next_hops == Usage(17, 16346)
    assert tables.macs == Usage(55, 40960)
    assert tables.ipv4 == tables.long_ipv6 == Usage(None, None)
    assert (tables.ipv4_neighbours, tables.ipv6_neighbours) == (900, 300)
    assert tables.acl_egress_slices == Usage(10, 256)


@given(st.lists(st.tuples(st.sampled_from([*KINDS, 1005, 1004, 99]), st.binary(max_size=200)), max_size=4))
def test_no_record_raises(records: list[tuple[int, bytes]]) -> None:
    read(CounterSample(1, (0, 1), tuple(records)))


# --- the store ----------------------------------------------------------------------------------------

AGENT, OTHER = b"\x0a\0\0\1", b"\x0a\0\0\2"


def sample_of(*records: bytes, source: int = 1) -> CounterSample:
    return decode(datagram(counter_sample(*records, source=source))).counters[0]


def interface(index: int) -> bytes:
    return record(1, struct.pack("!I", index) + INTERFACE[4:])


def test_the_latest_of_each_kind_is_kept_with_its_age() -> None:
    store = CounterStore()
    name = record(1005, struct.pack("!I4s", 4, b"swp1"))
    store.add(AGENT, sample_of(interface(1), name), now=10)
    store.add(AGENT, sample_of(interface(2)), now=40)
    ages = {type(latest.counters): latest.age(now=50) for latest in store}
    assert ages == {Interface: 10, PortName: 40}
    found = store.get(AGENT, (0, 1), Interface)
    assert found is not None
    assert found.index == 2
    assert store.get(AGENT, (0, 1), PortName) == PortName("swp1")
    assert store.get(AGENT, (0, 1), HostCpu) is None
    assert store.get(AGENT, (0, 9), Interface) is None


def test_agents_and_data_sources_do_not_mix() -> None:
    store = CounterStore()
    store.add(AGENT, sample_of(interface(1), source=1), now=0)
    store.add(AGENT, sample_of(interface(2), source=2), now=0)
    store.add(OTHER, sample_of(interface(3), source=1), now=0)
    assert len(store) == 3
    assert {
        (each.agent, each.source_id, each.counters.index)
        for each in store
        if isinstance(each.counters, Interface)
    } == {(AGENT, (0, 1), 1), (AGENT, (0, 2), 2), (OTHER, (0, 1), 3)}


def test_when_full_the_longest_silent_data_source_makes_room() -> None:
    store = CounterStore(limit=2)
    store.add(AGENT, sample_of(interface(1), source=1), now=0)
    store.add(AGENT, sample_of(interface(2), source=2), now=1)
    store.add(AGENT, sample_of(interface(1), source=1), now=2)
    store.add(AGENT, sample_of(interface(3), source=3), now=3)
    assert [each.source_id for each in store] == [(0, 1), (0, 3)]


def test_silent_data_sources_are_forgotten() -> None:
    store = CounterStore()
    store.add(AGENT, sample_of(interface(1), source=1), now=0)
    store.add(AGENT, sample_of(interface(2), source=2), now=100)
    store.forget(before=50)
    assert [each.source_id for each in store] == [(0, 2)]


def test_what_says_nothing_takes_no_room() -> None:
    store = CounterStore()
    store.add(AGENT, sample_of(record(1004, bytes(16))), now=0)
    assert len(store) == 0
