"""Many datagrams at once: the layouts that real agents send, read with numpy in lock-step.

One step reads the same field of all datagrams, or of all samples, so that thousands share Python's cost per
operation. Whatever is not understood to the last octet marks its whole datagram as odd, and the scalar
decoder (`wire.py`), which says what is right, reads that one: both paths always agree.

Understood are samples 0:1 and 0:3 whose raw header record lies inside them, behind any records but the three
other descriptions of a packet, with Ethernet under a few VLAN tags or none, or IP itself, and a whole IP
header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arm.sflow.packet import ETHERNET, IPV4, IPV6
from arm.sflow.records import RAW_HEADER, SAMPLED_ETHERNET, SAMPLED_IPV6
from arm.sflow.wire import EXPANDED_FLOW_SAMPLE, FLOW_SAMPLE, VERSION

U8, U32, U64 = np.uint8, np.uint32, np.uint64
Flags = NDArray[np.bool_]
Offsets = NDArray[np.int64]  # octets from the start of the arena
Words = NDArray[np.uint32]

_MARGIN = 128  # octets behind the last datagram: fields are fetched first and judged afterwards
_RECORDS = 6  # raw headers are looked for among the first so many records
_VLANS = 4
_ETHERTYPE_IPV4, _ETHERTYPE_IPV6 = 0x0800, 0x86DD
_NEVER_ROUTED = (0x0806, 0x88CC, 0x8809)  # ARP, LLDP and LACP: every switch samples some
_LONGEST_802_3 = 1500
_SNAP = 0xAAAA0300  # LLC of an ethertype that follows, first four octets


@dataclass(frozen=True, slots=True)
class Understood:
    """What was read. `odd` tells the datagrams that were not understood: they have no rows, and their
    heads mean nothing.

    `datagram` has one row per sample, in the order of arrival, and so has each of `columns`, which are
    those of `Samples` from `sequence` on.
    """

    odd: Flags
    sub_agent: Words  # one per datagram, like the next two
    sequence: Words
    uptime: Words
    datagram: NDArray[np.uint32]
    columns: tuple[NDArray[Any], ...]


def read(datagrams: Sequence[bytes]) -> Understood:
    """All datagrams whose layout is understood."""
    arena = _Arena(datagrams)
    head = _heads(arena)
    where, datagram = _samples(arena, head.first, head.count, head.odd)
    sample = _flow_samples(arena, where)
    header = _raw_headers(arena, sample)
    packet = _packets(arena, header)
    head.odd[datagram[sample.odd | header.odd | packet.odd]] = True
    columns: tuple[NDArray[Any], ...] = (*sample.columns, header.frame_length, *packet.columns)
    if head.odd.any():
        kept = ~head.odd[datagram]
        datagram, columns = datagram[kept], tuple(column[kept] for column in columns)
    return Understood(head.odd, head.sub_agent, head.sequence, head.uptime, datagram, columns)


class _Arena:
    """The datagrams end to end, readable at any octet without a copy of the whole."""

    def __init__(self, datagrams: Sequence[bytes]) -> None:
        self.sizes = np.fromiter(map(len, datagrams), np.int64, len(datagrams))
        self.ends = np.cumsum(self.sizes)
        self.starts = self.ends - self.sizes
        self._octets = b"".join((*datagrams, bytes(_MARGIN)))

    def fetch(self, at: Offsets, octets: int) -> NDArray[np.void]:
        """So many octets from each offset on. Indexing opaque items is numpy's fastest way to do this."""
        window: NDArray[np.void] = np.ndarray(
            len(self._octets) - octets + 1, f"V{octets}", self._octets, strides=(1,)
        )
        return window[at]

    def words(self, at: Offsets, count: int) -> Words:
        """So many 32-bit numbers from each offset on: one row each."""
        return self.fetch(at, 4 * count).view(">u4").reshape(-1, count).astype(U32)

    def halves(self, at: Offsets) -> NDArray[np.uint16]:
        """The 16-bit number at each offset."""
        return self.fetch(at, 2).view(">u2").astype(np.uint16)

    def octets(self, at: Offsets) -> NDArray[np.uint8]:
        """The octet at each offset."""
        return self.fetch(at, 1).view(U8)

    def doubles(self, at: Offsets, count: int) -> NDArray[np.uint64]:
        """So many 64-bit numbers from each offset on: one row each."""
        return self.fetch(at, 8 * count).view(">u8").reshape(-1, count).astype(U64)


@dataclass(frozen=True, slots=True)
class _Heads:
    odd: Flags
    sub_agent: Words
    sequence: Words
    uptime: Words
    first: Offsets  # where the samples begin
    count: NDArray[np.int64]  # how many there should be


def _heads(arena: _Arena) -> _Heads:
    """The fixed part of every datagram."""
    words = arena.words(arena.starts, 10)
    ipv6 = words[:, 1] == 2
    known = (words[:, 0] == VERSION) & (ipv6 | (words[:, 1] == 1))
    length = np.where(ipv6, 40, 28)
    sub_agent, sequence, uptime, count = np.where(ipv6, words[:, 6:10].T, words[:, 3:7].T)
    # Refusing impossible counts here bounds the memory that a lying datagram can ask for.
    odd = ~(known & (arena.sizes >= length + 8 * count.astype(np.int64)))
    count[odd] = 0
    return _Heads(odd, sub_agent, sequence, uptime, arena.starts + length, count.astype(np.int64))


def _samples(
    arena: _Arena, first: Offsets, count: NDArray[np.int64], odd: Flags
) -> tuple[Offsets, NDArray[np.uint32]]:
    """Where each sample begins, and the datagram it belongs to; other kinds of sample are odd."""
    row = np.cumsum(count) - count  # of a datagram's first sample
    where = np.zeros(int(count.sum()), np.int64)
    at = first.copy()
    live = np.flatnonzero(count)
    for step in range(int(count.max(initial=0))):
        live = live[count[live] > step]
        here = at[live]
        kind, length = arena.words(here, 2).T
        end = here + 8 + length
        good = ((kind == FLOW_SAMPLE) | (kind == EXPANDED_FLOW_SAMPLE)) & (end <= arena.ends[live])
        if not good.all():
            odd[live[~good]] = True
            live, here, end = live[good], here[good], end[good]
        where[row[live] + step] = here
        at[live] = end
    odd |= at != arena.ends  # something trails
    datagram = np.repeat(np.arange(len(count), dtype=U32), count)
    if odd.any():
        kept = ~odd[datagram]
        where, datagram = where[kept], datagram[kept]
    return where, datagram


@dataclass(frozen=True, slots=True)
class _FlowSamples:
    odd: Flags
    columns: tuple[Words, ...]  # of `Samples`, from `sequence` to `output_value`
    record: Offsets  # where the records begin
    records: Words  # how many there are
    end: Offsets


def _flow_samples(arena: _Arena, where: Offsets) -> _FlowSamples:
    """The fields of both forms. Compact words hold two fields each: class or format above, number below."""
    words = arena.words(where, 13)
    expanded = words[:, 0] == EXPANDED_FLOW_SAMPLE

    def either(compact: Words, column: int) -> Words:
        return np.where(expanded, words[:, column], compact)

    source, into, out = words[:, 3], words[:, 7], words[:, 8]
    number, index = U32(0xFFFFFF), U32(0x3FFFFFFF)
    columns = (
        words[:, 2],
        either(source >> U32(24), 3),
        either(source & number, 4),
        either(words[:, 4], 5),
        either(words[:, 5], 6),
        either(words[:, 6], 7),
        either(into >> U32(30), 8),
        either(into & index, 9),
        either(out >> U32(30), 10),
        either(out & index, 11),
    )
    record = where + np.where(expanded, 52, 40)
    end = where + 8 + words[:, 1]
    return _FlowSamples(record > end, columns, record, either(words[:, 9], 12), end)


@dataclass(frozen=True, slots=True)
class _RawHeaders:
    odd: Flags
    protocol: Words
    frame_length: Words
    start: Offsets  # of the packet's first octets
    end: Offsets


def _raw_headers(arena: _Arena, sample: _FlowSamples) -> _RawHeaders:
    """The first raw header record of every sample."""
    at = sample.record.copy()
    odd = np.ones(len(at), np.bool_)
    pending = np.flatnonzero(~sample.odd)
    for step in range(_RECORDS):
        here = at[pending]
        kind, length = arena.words(here, 2).T
        inside = (sample.records[pending] > step) & (here + 8 + length <= sample.end[pending])
        found = inside & (kind == RAW_HEADER)
        odd[pending[found]] = False
        # The other descriptions of a packet may be too short, which is for the scalar decoder to say.
        on = inside & ~found & ((kind < SAMPLED_ETHERNET) | (kind > SAMPLED_IPV6))
        if not on.any():
            break
        pending = pending[on]
        at[pending] = here[on] + 8 + ((length[on].astype(np.int64) + 3) & ~3)
    words = arena.words(at, 6)
    length, size = words[:, 1].astype(np.int64), words[:, 5].astype(np.int64)
    return _RawHeaders(odd | (size + 16 > length), words[:, 2], words[:, 3], at + 24, at + 24 + size)


@dataclass(frozen=True, slots=True)
class _Packets:
    odd: Flags
    columns: tuple[NDArray[Any], ...]  # of `Samples`, from `family` on


def _packets(arena: _Arena, header: _RawHeaders) -> _Packets:
    """The outermost IP header's addresses."""
    ethertype, at, odd = _ethertypes(arena, header)
    first = arena.octets(at)
    ipv4 = (ethertype == _ETHERTYPE_IPV4) & (at + 20 <= header.end) & (first >= 0x45) & (first <= 0x4F)
    ipv6 = (ethertype == _ETHERTYPE_IPV6) & (at + 40 <= header.end) & (first >> 4 == 6)
    odd |= ~(ipv4 | ipv6 | _never_routed(arena, ethertype, at))
    high, low, source_high, source_low = np.zeros((4, len(at)), U64)
    rows = np.flatnonzero(ipv4)
    source_low[rows], low[rows] = arena.words(at[rows] + 12, 2).T
    rows = np.flatnonzero(ipv6)
    source_high[rows], source_low[rows], high[rows], low[rows] = arena.doubles(at[rows] + 8, 4).T
    return _Packets(odd, (ipv4 * U8(4) + ipv6 * U8(6), high, low, source_high, source_low))


def _ethertypes(arena: _Arena, header: _RawHeaders) -> tuple[NDArray[np.uint16], Offsets, Flags]:
    """The ethertype behind any VLAN tags, where its payload begins, and whose Ethernet is not understood."""
    ethernet = header.protocol == ETHERNET
    at = header.start + 14 * ethernet
    ethertype = arena.halves(at - 2)
    if not ethernet.all():
        ethertype[header.protocol == IPV4] = _ETHERTYPE_IPV4
        ethertype[header.protocol == IPV6] = _ETHERTYPE_IPV6
    odd = header.odd | ~(ethernet | (header.protocol == IPV4) | (header.protocol == IPV6)) | (at > header.end)
    tagged = np.flatnonzero(_is_vlan(ethertype) & ~odd)
    for _ in range(_VLANS):
        if not len(tagged):
            break
        at[tagged] += 4
        inside = at[tagged] <= header.end[tagged]
        odd[tagged[~inside]] = True
        tagged = tagged[inside]
        ethertype[tagged] = arena.halves(at[tagged] - 2)
        tagged = tagged[_is_vlan(ethertype[tagged])]
    return ethertype, at, odd


def _is_vlan(ethertype: NDArray[np.uint16]) -> Flags:
    """802.1Q, 802.1ad and what came before it."""
    tagged: Flags = (ethertype == 0x8100) | (ethertype == 0x88A8) | (ethertype == 0x9100)
    return tagged


def _never_routed(arena: _Arena, ethertype: NDArray[np.uint16], at: Offsets) -> Flags:
    """What surely has no IP header: known by its ethertype, or 802.3 without one."""
    rest = np.flatnonzero((ethertype != _ETHERTYPE_IPV4) & (ethertype != _ETHERTYPE_IPV6))
    short = ethertype[rest] <= _LONGEST_802_3
    never = short & (arena.words(at[rest], 1)[:, 0] != _SNAP)
    for each in _NEVER_ROUTED:
        never |= ethertype[rest] == each
    flags = np.zeros(len(ethertype), np.bool_)
    flags[rest[never]] = True
    return flags
