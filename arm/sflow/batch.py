"""Datagrams by the hundred become columns of samples.

The lock-step path reads what it understands, the scalar decoder everything else; a datagram takes one of the
two, and it does not show in the result which. Property tests hold the two together.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from arm.sflow import lockstep
from arm.sflow.samples import Samples
from arm.sflow.wire import Datagram, FlowSample, MalformedError, decode

_agent_kind = itemgetter(7)  # 1: IPv4, 2: IPv6
_ipv4_agent = itemgetter(slice(8, 12))
_doubles = struct.Struct("!2Q").unpack

# dtypes of the columns, in order
_TYPES = [
    np.uint64 if each.name.endswith(("_high", "_low")) else np.uint8 if each.name == "family" else np.uint32
    for each in fields(Samples)
]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a sequence of datagrams said. Arrays other than the samples' have one item per datagram.

    A datagram that is not `readable` has no agent, and its heads are 0. `scalar` holds what the scalar
    decoder read, by index of the datagram: all that have counters or discarded packets are among these.
    """

    samples: Samples
    agents: tuple[bytes, ...]  # 4 or 16 octets each
    readable: NDArray[np.bool_]
    agent: NDArray[np.uint32]  # index into `agents`
    sub_agent: NDArray[np.uint32]
    sequence: NDArray[np.uint32]
    uptime: NDArray[np.uint32]  # milliseconds
    faults: Counter[str]  # kinds of fault; the samples before one are good
    scalar: tuple[tuple[int, Datagram], ...]


def decode_batch(datagrams: Sequence[bytes]) -> Batch:
    """Read datagrams; a few hundred at a time are read fastest."""
    quick = lockstep.read(datagrams)
    readable = np.ones(len(datagrams), np.bool_)
    faults: Counter[str] = Counter()
    scalar: list[tuple[int, Datagram]] = []
    heads = (quick.sub_agent, quick.sequence, quick.uptime)
    for index in np.flatnonzero(quick.odd).tolist():
        head = (0, 0, 0)
        try:
            read = decode(datagrams[index])
        except MalformedError as fault:
            readable[index] = False
            faults[fault.kind] += 1
        else:
            scalar.append((index, read))
            head = (read.sub_agent, read.sequence, read.uptime)
            if read.fault is not None:
                faults[read.fault.kind] += 1
        for column, value in zip(heads, head, strict=True):
            column[index] = value
    agents, agent = _number_agents(datagrams, readable)
    samples = Samples(quick.datagram, agent[quick.datagram], *quick.columns)
    return Batch(_with(samples, scalar, agent), agents, readable, agent, *heads, faults, tuple(scalar))


def _number_agents(
    datagrams: Sequence[bytes], readable: NDArray[np.bool_]
) -> tuple[tuple[bytes, ...], NDArray[np.uint32]]:
    """The distinct agents, and which one sent each datagram. No loop: this is done for every datagram."""
    chosen: Sequence[bytes] = datagrams
    if not readable.all():
        chosen = [datagrams[index] for index in np.flatnonzero(readable).tolist()]
    addresses = list(map(_ipv4_agent, chosen))
    kinds = np.fromiter(map(_agent_kind, chosen), np.uint8, len(chosen))
    for index in np.flatnonzero(kinds == 2).tolist():
        addresses[index] = chosen[index][8:24]
    agents = tuple(dict.fromkeys(addresses))
    number = {address: index for index, address in enumerate(agents)}
    agent = np.zeros(len(datagrams), np.uint32)
    agent[readable] = np.fromiter(map(number.__getitem__, addresses), np.uint32, len(addresses))
    return agents, agent


def _with(samples: Samples, scalar: Sequence[tuple[int, Datagram]], agent: NDArray[np.uint32]) -> Samples:
    """The samples of both paths in the order of arrival."""
    rows = list(_rows(scalar))
    if not rows:
        return samples
    datagram = [index for index, read in scalar for _ in read.samples]
    columns = (datagram, agent[datagram], *zip(*rows, strict=True))
    together = Samples(
        *(
            np.concatenate((getattr(samples, each.name), np.array(column, kind)))
            for each, column, kind in zip(fields(Samples), columns, _TYPES, strict=True)
        )
    )
    return together.take(np.argsort(together.datagram, kind="stable"))


def _rows(scalar: Sequence[tuple[int, Datagram]]) -> Iterator[tuple[int, ...]]:
    """What the columns from `sequence` on say of each sample."""
    for _, read in scalar:
        for sample in read.samples:
            yield (
                sample.sequence,
                *sample.source_id,
                sample.sampling_rate,
                sample.pool,
                sample.drops,
                *sample.input,
                *sample.output,
                sample.frame_length,
                *_addresses(sample),
            )


def _addresses(sample: FlowSample) -> tuple[int, ...]:
    """Family, destination and source."""
    found = sample.addresses
    if found is None:
        return 0, 0, 0, 0, 0
    if len(found.destination) == 4:
        return 4, 0, int.from_bytes(found.destination, "big"), 0, int.from_bytes(found.source, "big")
    return 6, *_doubles(found.destination), *_doubles(found.source)
