"""Every recorded datagram against what sflowtool 6.11 reads in it (ARM_TEST_DATA), value for value.

Where the two differ the reason stands here, as data; a difference that is gone fails the test as well.
"""

from __future__ import annotations

import gzip
import ipaddress
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from arm.sflow.counters import Ethernet, HostCpu, HostDisk, HostMemory, HostNetwork, Interface, PortName, read
from arm.sflow.wire import Datagram, FlowSample, decode

DATA = os.environ.get("ARM_TEST_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="set ARM_TEST_DATA to the folder with real sFlow datagrams")

# Datagrams of which sflowtool gives up: what ARM reads (flow samples, counter samples, discards, fault).
GIVEN_UP = {
    "gopacket_04": ((1, 0, 0, None), "the sample is declared 4 octets shorter than its record: read anyway"),
    "gopacket_07": ((1, 0, 0, None), "the sample is declared 16 octets shorter than its record: read anyway"),
    "gopacket_10": ((0, 0, 0, "truncated-sample"), "cut off inside its only sample"),
    "goflow2_04": ((0, 0, 1, None), "the string in its last record is not padded: nothing is missing"),
}

# Samples of which ARM finds more than sflowtool, by datagram and position: source, destination, protocol.
V4, V6 = ("192.0.2.1", "198.51.100.7"), ("2001:db8:a::1", "2001:db8:b::7")
MPLS, PPPOE = "sflowtool does not look behind MPLS labels", "sflowtool does not look into a PPPoE session"
MORE = {
    ("agent_hs_pcap_weird_0002", 2): ((*V4, 17), MPLS),
    ("agent_hs_pcap_weird_0002", 3): ((*V6, 17), MPLS),
    ("agent_hs_pcap_weird_0002", 4): ((*V4, 6), PPPOE),
    ("agent_hs_pcap_weird_0002", 5): ((*V6, 6), PPPOE),
    ("agent_ovs_weird_0000", 5): ((*V4, 17), MPLS),
    ("agent_ovs_weird_0001", 0): ((*V6, 6), PPPOE),
}


@cache
def truth() -> dict[str, Any]:
    """sflowtool's words, by datagram."""
    text = gzip.decompress((Path(str(DATA)) / "sflow" / "truth.json.gz").read_bytes())
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def decoded(name: str) -> Datagram:
    return decode((Path(str(DATA)) / "sflow" / "raw" / f"{name}.sflow").read_bytes())


def understood() -> Iterator[tuple[str, Any, Datagram]]:
    """The datagrams that sflowtool can read: name, its words, ours."""
    for name, theirs in truth().items():
        if name not in GIVEN_UP:
            yield name, theirs, decoded(name)


def flows() -> Iterator[tuple[tuple[str, int], Any, FlowSample]]:
    """Every flow sample: datagram and position, sflowtool's words, ours."""
    for name, theirs, ours in understood():
        samples = [each for each in theirs["samples"] if each["sampleType"] == "FLOWSAMPLE"]
        assert len(samples) == len(ours.samples), name
        for n, pair in enumerate(zip(samples, ours.samples, strict=True)):
            yield (name, n), *pair


def block(sample: Any, tag: str, key: str = "flowBlock_tag") -> Any:
    """One record of one of sflowtool's samples; empty if it has none."""
    return next((each for each in sample["elements"] if each.get(key) == tag), {})


def test_every_recorded_datagram_is_compared() -> None:
    names = {path.stem for path in (Path(str(DATA)) / "sflow" / "raw").iterdir()}
    assert names == set(truth())
    assert {name for name in names if "samples" not in truth()[name]} == set(GIVEN_UP)
    assert len(names) == 340
    assert len(list(flows())) == 1868


def test_datagram_headers() -> None:
    for name, theirs, ours in understood():
        assert str(ipaddress.ip_address(ours.agent)) == theirs["agent"], name
        assert ours.sub_agent == int(theirs["agentSubId"]), name
        assert ours.sequence == int(theirs["packetSequenceNo"]), name
        assert ours.uptime == int(theirs["sysUpTime"]), name
        assert len(ours.kinds) == int(theirs["samplesInPacket"]) == len(theirs["samples"]), name
        assert [f"0:{kind}" for kind in ours.kinds] == [s["sampleType_tag"] for s in theirs["samples"]], name
        assert ours.fault is None, name


def test_flow_samples() -> None:
    for place, theirs, ours in flows():
        assert ours.sequence == int(theirs["sampleSequenceNo"]), place
        assert "{}:{}".format(*ours.source_id) == theirs["sourceId"], place
        assert ours.sampling_rate == int(theirs["meanSkipCount"]), place
        assert ours.pool == int(theirs["samplePool"]), place
        assert ours.drops == int(theirs["dropEvents"]), place
        assert interface(ours.input) == theirs["inputPort"], place
        assert interface(ours.output) == theirs["outputPort"], place


def interface(pair: tuple[int, int]) -> str:
    """As sflowtool writes it."""
    form, value = pair
    return {0: "", 1: "dropCode ", 2: "multiple ", 3: "format==3 "}[form] + str(value)


def test_packets() -> None:
    for place, theirs, ours in flows():
        raw = block(theirs, "0:1")
        if raw:
            assert ours.record_kind == 1, place
            assert ours.protocol == int(raw["headerProtocol"]), place
            assert ours.frame_length == int(raw["sampledPacketSize"]), place
            assert ours.header.hex("-").upper() == raw["headerBytes"], place
        elif ethernet := block(theirs, "0:2"):
            assert ours.record_kind == 2, place
            assert ours.frame_length == int(ethernet["ethernet_len"]), place
        else:
            assert ours.record_kind is None, place


def test_addresses_and_protocols() -> None:
    more = set()
    for place, theirs, ours in flows():
        raw = block(theirs, "0:1")
        found = (text(raw, "src"), text(raw, "dst"), int(raw.get("IPProtocol", -1)))
        if place in MORE:
            assert found == (None, None, -1), f"{place}: sflowtool finds addresses now"
            found = MORE[place][0]
            more.add(place)
        if ours.addresses is None:
            assert found == (None, None, -1), place
            continue
        assert str(ipaddress.ip_address(ours.addresses.source)) == found[0], place
        assert str(ipaddress.ip_address(ours.addresses.destination)) == found[1], place
        assert ours.packet.ip_protocol == found[2], place
    assert more == set(MORE)


def text(raw: Any, end: str) -> str | None:
    """sflowtool writes IPv6 addresses in full."""
    found = raw.get(f"{end}IP") or raw.get(f"{end}IP6")
    return None if found is None else str(ipaddress.ip_address(found))


def test_vlans() -> None:
    for place, theirs, ours in flows():
        raw = block(theirs, "0:1")
        told = [int(value) for key, value in raw.items() if key.startswith("decodedVLAN")]
        assert list(ours.packet.vlans or ()) == told, place


def test_discarded_packets() -> None:
    compared = 0
    for name, theirs, ours in understood():
        discarded = [each for each in theirs["samples"] if each["sampleType"] == "DISCARD"]
        for their, our in zip(discarded, ours.discards, strict=True):
            assert our.sequence == int(their["sampleSequenceNo"]), name
            assert "{}:{}".format(*our.source_id) == their["sourceId"], name
            assert our.drops == int(their["dropEvents"]), name
            assert (str(our.input), str(our.output)) == (their["inputPort"], their["outputPort"]), name
            assert our.reason == int(their["discardCode"]), name
            raw = block(their, "0:1", "discarded_flowBlock_tag")
            assert our.frame_length == int(raw.get("discarded_sampledPacketSize", 0)), name
            compared += 1
    assert compared == 3


@pytest.mark.parametrize("name", GIVEN_UP)
def test_what_sflowtool_gives_up(name: str) -> None:
    ours = decoded(name)
    fault = ours.fault.kind if ours.fault else None
    assert (len(ours.samples), len(ours.counters), len(ours.discards), fault) == GIVEN_UP[name][0]


TAILS = {"cistern_flow_samples_2": 244, "goflow2_01": 332, "gopacket_04": 4, "gopacket_07": 16}


def test_octets_behind_the_last_sample_are_noted() -> None:
    """Of two of them the last record takes the tail, because its sample is declared too short."""
    overrun = {"gopacket_04", "gopacket_07"}
    assert {name: decoded(name).trailing for name in truth() if decoded(name).trailing} == {
        name: octets for name, octets in TAILS.items() if name not in overrun
    }
    assert {name for name in truth() if decoded(name).overruns} == overrun


# sflowtool's words for the fields of a record, in the order of the record.
NAMES: dict[type, tuple[str, str]] = {
    Interface: (
        "0:1",
        "ifIndex networkType ifSpeed ifDirection ifStatus ifInOctets ifInUcastPkts ifInMulticastPkts"
        " ifInBroadcastPkts ifInDiscards ifInErrors ifInUnknownProtos ifOutOctets ifOutUcastPkts"
        " ifOutMulticastPkts ifOutBroadcastPkts ifOutDiscards ifOutErrors ifPromiscuousMode",
    ),
    Ethernet: (
        "0:2",
        "dot3StatsAlignmentErrors dot3StatsFCSErrors dot3StatsSingleCollisionFrames"
        " dot3StatsMultipleCollisionFrames dot3StatsSQETestErrors dot3StatsDeferredTransmissions"
        " dot3StatsLateCollisions dot3StatsExcessiveCollisions dot3StatsInternalMacTransmitErrors"
        " dot3StatsCarrierSenseErrors dot3StatsFrameTooLongs dot3StatsInternalMacReceiveErrors"
        " dot3StatsSymbolErrors",
    ),
    PortName: ("0:1005", "ifName"),
    HostCpu: (
        "0:2003",
        "cpu_load_one cpu_load_five cpu_load_fifteen cpu_proc_run cpu_proc_total cpu_num cpu_speed cpu_uptime"
        " cpu_user cpu_nice cpu_system cpu_idle cpu_wio cpuintr cpu_sintr cpuinterrupts cpu_contexts"
        " cpu_steal cpu_guest cpu_guest_nice",
    ),
    HostMemory: (
        "0:2004",
        "mem_total mem_free mem_shared mem_buffers mem_cached swap_total swap_free page_in page_out swap_in"
        " swap_out",
    ),
    HostDisk: (
        "0:2005",
        "disk_total disk_free disk_partition_max_used disk_reads disk_bytes_read disk_read_time disk_writes"
        " disk_bytes_written disk_write_time",
    ),
    HostNetwork: (
        "0:2006",
        "nio_bytes_in nio_pkts_in nio_errs_in nio_drops_in nio_bytes_out nio_pkts_out nio_errs_out"
        " nio_drops_out",
    ),
}
UNKNOWN = {None, str(2**32 - 1), str(2**64 - 1)}


def test_counters() -> None:
    compared = 0
    for name, theirs, ours in understood():
        samples = [each for each in theirs["samples"] if each["sampleType"] == "COUNTERSSAMPLE"]
        for their, our in zip(samples, ours.counters, strict=True):
            assert our.sequence == int(their["sampleSequenceNo"]), name
            assert "{}:{}".format(*our.source_id) == their["sourceId"], name
            for record in read(our):
                tag, words = NAMES[type(record)]
                values = [getattr(record, each) for each in record.__dataclass_fields__]
                for word, value in zip(words.split(), values, strict=True):
                    told = block(their, tag, "counterBlock_tag").get(word)
                    if value is None:
                        assert told in UNKNOWN, (name, word)
                    elif word == "disk_partition_max_used":
                        assert value == round(100 * float(told)), (name, word)
                    else:
                        assert str(value) == told or value == float(told), (name, word)
                compared += 1
            known = {tag for tag, _ in NAMES.values()}
            assert len(read(our)) == sum(each["counterBlock_tag"] in known for each in their["elements"]), (
                name
            )
    assert compared > 150
