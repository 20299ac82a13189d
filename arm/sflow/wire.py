"""sFlow version 5 datagrams (sflow_version_5.txt, sFlow.org), read as the specification writes them: XDR.

Numbers are 4 octets, big-endian; opaque data is padded to a multiple of 4. Samples and records carry their
length, so unknown ones are stepped over. Samples before a fault are good and are kept.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

VERSION = 5
FLOW_SAMPLE = 1  # 0:1
EXPANDED_FLOW_SAMPLE = 3  # 0:3
RAW_HEADER = 1  # flow record 0:1

_two = struct.Struct("!2I").unpack_from
_four = struct.Struct("!4I").unpack_from
_flow = struct.Struct("!8I").unpack_from
_expanded_flow = struct.Struct("!11I").unpack_from


class MalformedError(Exception):
    """Not sFlow version 5, or lying about its lengths. `kind` is a stable word for counters."""

    def __init__(self, kind: str, offset: int) -> None:
        super().__init__(f"{kind} at octet {offset}")
        self.kind = kind
        self.offset = offset


@dataclass(frozen=True, slots=True)
class FlowSample:
    """One sampled packet: structures 0:1 and 0:3 with the raw header record 0:1.

    `input` and `output` are (format, value): format 0 is an interface index, 1 a discard reason, 2 a number
    of interfaces. `frame_length` is what was on the wire, in octets; `header` its first octets.
    """

    sequence: int
    source_id: tuple[int, int]
    sampling_rate: int
    pool: int
    drops: int
    input: tuple[int, int]
    output: tuple[int, int]
    protocol: int
    frame_length: int
    header: bytes


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram. `fault` is set if reading stopped early; the samples before it are good."""

    agent: bytes
    sub_agent: int
    sequence: int
    uptime: int  # milliseconds
    samples: list[FlowSample]
    fault: MalformedError | None


def decode(data: bytes) -> Datagram:
    """Read one datagram. Raises MalformedError if not even its own header is good."""
    size = len(data)
    if size < 8:
        raise MalformedError("short", size)
    version, address_type = _two(data)
    if version != VERSION:
        raise MalformedError("version", 0)
    if address_type not in (1, 2):
        raise MalformedError("agent-address", 4)
    end = 12 if address_type == 1 else 24
    if size < end + 16:
        raise MalformedError("short", size)
    sub_agent, sequence, uptime, count = _four(data, end)
    samples: list[FlowSample] = []
    fault = None
    try:
        for sample in _samples(data, end + 16, count):
            samples.append(sample)  # noqa: PERF402  what came before a fault stays
    except MalformedError as malformed:
        fault = malformed
    return Datagram(data[8:end], sub_agent, sequence, uptime, samples, fault)


def _samples(data: bytes, offset: int, count: int) -> Iterator[FlowSample]:
    for _ in range(count):
        if offset + 8 > len(data):
            raise MalformedError("truncated-sample", offset)
        kind, length = _two(data, offset)
        start, end = offset + 8, offset + 8 + length
        if end > len(data):
            raise MalformedError("truncated-sample", offset)
        if kind == FLOW_SAMPLE:
            sample = _flow_sample(data, start, end)
        elif kind == EXPANDED_FLOW_SAMPLE:
            sample = _expanded_flow_sample(data, start, end)
        else:
            sample = None
        if sample is not None:
            yield sample
        offset = end


def _flow_sample(data: bytes, start: int, end: int) -> FlowSample | None:
    if start + 32 > end:
        raise MalformedError("short-sample", start)
    sequence, source, rate, pool, drops, input_word, output_word, records = _flow(data, start)
    raw = _raw_header(data, start + 32, end, records)
    if raw is None:
        return None
    source_id = (source >> 24, source & 0xFFFFFF)
    return FlowSample(
        sequence, source_id, rate, pool, drops, _interface(input_word), _interface(output_word), *raw
    )


def _expanded_flow_sample(data: bytes, start: int, end: int) -> FlowSample | None:
    if start + 44 > end:
        raise MalformedError("short-sample", start)
    sequence, kind, index, rate, pool, drops, *interfaces, records = _expanded_flow(data, start)
    raw = _raw_header(data, start + 44, end, records)
    if raw is None:
        return None
    input_format, input_value, output_format, output_value = interfaces
    return FlowSample(
        sequence,
        (kind, index),
        rate,
        pool,
        drops,
        (input_format, input_value),
        (output_format, output_value),
        *raw,
    )


def _interface(word: int) -> tuple[int, int]:
    """The compact form: the format in the top two bits."""
    return word >> 30, word & 0x3FFFFFFF


def _raw_header(data: bytes, offset: int, end: int, count: int) -> tuple[int, int, bytes] | None:
    """The first raw header record: (header protocol, frame length, header); None if there is none."""
    for _ in range(count):
        if offset + 8 > end:
            raise MalformedError("truncated-record", offset)
        kind, length = _two(data, offset)
        start = offset + 8
        if start + length > end:
            raise MalformedError("truncated-record", offset)
        if kind == RAW_HEADER:
            if length < 16:
                raise MalformedError("short-record", offset)
            protocol, frame_length, _, header_length = _four(data, start)
            if 16 + header_length > length:
                raise MalformedError("short-record", offset)
            return protocol, frame_length, data[start + 16 : start + 16 + header_length]
        offset = start + ((length + 3) & ~3)
    return None
