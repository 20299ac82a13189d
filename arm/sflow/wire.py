"""sFlow version 5 datagrams (sflow_version_5.txt, sFlow.org), read as the specification writes them: XDR.

Numbers are 4 octets, big-endian; opaque data is padded to a multiple of 4. Samples and records carry their
length, so unknown ones are stepped over. Samples before a fault are good and are kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from arm.sflow.datagram import CounterSample, Datagram, DiscardedPacket, FlowSample, Sample
from arm.sflow.records import Description, MalformedError, Record, describe, padded, walk

__all__ = ["CounterSample", "Datagram", "DiscardedPacket", "FlowSample", "MalformedError", "decode"]

VERSION = 5
FLOW_SAMPLE = 1  # 0:1
COUNTER_SAMPLE = 2  # 0:2
EXPANDED_FLOW_SAMPLE = 3  # 0:3
EXPANDED_COUNTER_SAMPLE = 4  # 0:4
DISCARDED_PACKET = 5  # 0:5

_two = struct.Struct("!2I").unpack_from
_three = struct.Struct("!3I").unpack_from
_four = struct.Struct("!4I").unpack_from
_eight = struct.Struct("!8I").unpack_from
_eleven = struct.Struct("!11I").unpack_from


def decode(data: bytes) -> Datagram:
    """Read one datagram. Raises MalformedError if not even its own header is good."""
    agent, offset = _agent(data)
    sub_agent, sequence, uptime, count = _four(data, offset)
    samples: list[Sample] = []
    kinds: list[int] = []
    offset, fault = offset + 16, None
    try:
        for _ in range(count):
            kind, sample, offset = _sample(data, offset)
            kinds.append(kind)
            if sample is not None:
                samples.append(sample)
    except MalformedError as malformed:
        fault = malformed.with_traceback(None)  # which would keep the datagram alive
    return Datagram(
        agent,
        sub_agent,
        sequence,
        uptime,
        samples=[each for each in samples if isinstance(each, FlowSample)],
        fault=fault,
        counters=[each for each in samples if isinstance(each, CounterSample)],
        discards=[each for each in samples if isinstance(each, DiscardedPacket)],
        kinds=kinds,
        trailing=0 if fault else max(0, len(data) - offset),
        overruns=sum(each.overrun > 0 for each in samples),
    )


def _agent(data: bytes) -> tuple[bytes, int]:
    """The version, and the address of the agent: 4 octets of kind 1, 16 of kind 2; and its end."""
    size = len(data)
    if size < 8:
        raise MalformedError("short", size)
    version, kind = _two(data)
    if version != VERSION:
        raise MalformedError("version", 0)
    if kind not in (1, 2):
        raise MalformedError("agent-address", 4)
    end = 12 if kind == 1 else 24
    if size < end + 16:
        raise MalformedError("short", size)
    return data[8:end], end


def _sample(data: bytes, offset: int) -> tuple[int, Sample | None, int]:
    """One sample: its kind, what it says if the kind is known, and where the next one begins."""
    if offset + 8 > len(data):
        raise MalformedError("truncated-sample", min(offset, len(data)))  # the last padding may be missing
    kind, length = _two(data, offset)
    start = offset + 8
    end = start + length
    if end > len(data):
        raise MalformedError("truncated-sample", offset)
    if kind not in _READERS:
        return kind, None, start + padded(length)
    sample = _READERS[kind](data, start, end)
    return kind, sample, start + padded(length + sample.overrun)


def _flow_sample(data: bytes, start: int, end: int) -> FlowSample:
    """0:1."""
    _require(start, end, 32)
    sequence, source, rate, pool, drops, input_word, output_word, count = _eight(data, start)
    packet = describe(data, start + 32, end, count)
    fixed = sequence, _source(source), rate, pool, drops, _interface(input_word), _interface(output_word)
    return _flow(fixed, packet)


def _expanded_flow_sample(data: bytes, start: int, end: int) -> FlowSample:
    """0:3: the class of the source and the formats of the interfaces have words of their own."""
    _require(start, end, 44)
    sequence, kind, index, rate, pool, drops, *words, count = _eleven(data, start)
    packet = describe(data, start + 44, end, count)
    fixed = sequence, (kind, index), rate, pool, drops, (words[0], words[1]), (words[2], words[3])
    return _flow(fixed, packet)


def _counter_sample(data: bytes, start: int, end: int) -> CounterSample:
    """0:2."""
    _require(start, end, 12)
    sequence, source, count = _three(data, start)
    return _counters(sequence, _source(source), walk(data, start + 12, end, count), data)


def _expanded_counter_sample(data: bytes, start: int, end: int) -> CounterSample:
    """0:4."""
    _require(start, end, 16)
    sequence, kind, index, count = _four(data, start)
    return _counters(sequence, (kind, index), walk(data, start + 16, end, count), data)


def _discarded_packet(data: bytes, start: int, end: int) -> DiscardedPacket:
    """0:5 (sFlow Dropped Packet Notification Structures)."""
    _require(start, end, 32)
    sequence, kind, index, drops, input_index, output_index, reason, count = _eight(data, start)
    packet = describe(data, start + 32, end, count)
    return DiscardedPacket(
        sequence,
        (kind, index),
        drops,
        input_index,
        output_index,
        reason,
        packet.frame_length,
        packet.record_kind,
        packet.overrun,
    )


_READERS: dict[int, Callable[[bytes, int, int], Sample]] = {
    FLOW_SAMPLE: _flow_sample,
    COUNTER_SAMPLE: _counter_sample,
    EXPANDED_FLOW_SAMPLE: _expanded_flow_sample,
    EXPANDED_COUNTER_SAMPLE: _expanded_counter_sample,
    DISCARDED_PACKET: _discarded_packet,
}

_Pair = tuple[int, int]


def _flow(fixed: tuple[int, _Pair, int, int, int, _Pair, _Pair], packet: Description) -> FlowSample:
    return FlowSample(
        *fixed,
        packet.protocol,
        packet.frame_length,
        packet.header,
        packet.record_kind,
        packet.parsed,
        packet.overrun,
    )


def _counters(sequence: int, source_id: _Pair, records: Iterator[Record], data: bytes) -> CounterSample:
    bodies = []
    overrun = 0
    for record in records:
        bodies.append((record.kind, data[record.start : record.end]))
        overrun = record.overrun
    return CounterSample(sequence, source_id, tuple(bodies), overrun)


def _source(word: int) -> _Pair:
    """The compact form of a data source: its class in the top octet."""
    return word >> 24, word & 0xFFFFFF


def _interface(word: int) -> _Pair:
    """The compact form of an interface: its format in the top two bits."""
    return word >> 30, word & 0x3FFFFFFF


def _require(start: int, end: int, length: int) -> None:
    if end - start < length:
        raise MalformedError("short-sample", start)
