"""What is fuzzed, and how inputs are made.

The test run uses `inputs`, a seeded loop of its own: atheris has wheels for x86-64 only, of 35 MB, and a lab
may well be on an ARM machine. Where it is installed, `python -m tests.fuzz.decoder CORPUS -max_total_time=60`
searches by coverage for as long as one likes. ARM_TEST_DATA adds the recorded datagrams to the loop.
"""

from __future__ import annotations

import os
import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from arm.sflow.counters import CounterStore, read
from arm.sflow.wire import Datagram, MalformedError, decode
from tests.sflow.build import (
    counter_sample,
    datagram,
    discarded_packet,
    ethernet,
    expanded_counter_sample,
    expanded_flow_sample,
    flow_sample,
    frame,
    ipv4,
    ipv6,
    mpls,
    pppoe,
    raw_header,
    record,
    sampled_ethernet,
    sampled_ipv4,
    sampled_ipv6,
)

# Words that lengths, counts and kinds go wrong with.
_WORDS = (
    0,
    1,
    2,
    3,
    4,
    5,
    11,
    12,
    13,
    16,
    32,
    1001,
    1005,
    2003,
    0x7FFFFFFF,
    0x80000000,
    2**32 - 4,
    2**32 - 1,
)


def seeds() -> list[bytes]:
    """One datagram for every structure, and the recorded ones if they are there."""
    packets = [
        ethernet(ipv4("20.1.2.3"), vlans=(1, 2)),
        ethernet(ipv6("2a00::5", protocol=0, payload=bytes([44, 0, *bytes(6), 17, *bytes(7)]))),
        frame(b"\x88\x47", mpls(ipv4("20.1.2.3"), (16, 17))),
        frame(b"\x88\x64", pppoe(ipv6("2a00::5"), 0x57)),
        frame(b"\x00\x44\xaa\xaa\x03\x00\x00\x00\x08\x00", ipv4("20.1.2.3")),
    ]
    raw = [raw_header(packet, 1500) for packet in packets]
    raw += [raw_header(ipv4("20.1.2.3"), 99, protocol=11), raw_header(mpls(ipv6("2a00::5")), 99, protocol=13)]
    counters = [record(kind, bytes(144)) for kind in (1, 2, 2003, 2004, 2005, 2006, 4413 << 12 | 3)]
    counters.append(record(1005, struct.pack("!I8s", 5, b"swp1s")))
    built = [
        datagram(*(flow_sample(each, source=1) for each in raw)),
        datagram(*(expanded_flow_sample(each, source=1) for each in raw), agent="2001:db8::1"),
        datagram(flow_sample(sampled_ethernet(9), sampled_ipv4("20.1.2.3"), raw[0], source=1)),
        datagram(flow_sample(sampled_ipv6("2a00::5"), source=1), discarded_packet(raw[0], source=1)),
        datagram(counter_sample(*counters, source=1), expanded_counter_sample(*counters, source=(0, 1))),
    ]
    folder = os.environ.get("ARM_TEST_DATA")
    recorded = sorted((Path(folder) / "sflow" / "raw").iterdir()) if folder else []
    return built + [path.read_bytes() for path in recorded]


def inputs(chance: random.Random) -> Iterator[bytes]:
    """Damaged datagrams, without end."""
    good = seeds()
    while True:
        damaged = bytearray(chance.choice(good))
        for _ in range(chance.choice((1, 1, 2, 4, 8))):
            _damage(damaged, chance, good)
        yield bytes(damaged)


def _damage(data: bytearray, chance: random.Random, good: list[bytes]) -> None:
    """One change: mostly to whole words, since that is what the format is made of."""
    where = chance.randrange(len(data) + 1)
    word = where & ~3
    match chance.randrange(8):
        case 0 | 1:
            data[word : word + 4] = struct.pack("!I", chance.choice(_WORDS))
        case 2:
            value = int.from_bytes(data[word : word + 4], "big") + chance.randrange(-8, 9)
            data[word : word + 4] = struct.pack("!I", value & 0xFFFFFFFF)
        case 3:
            data[where : where + 1] = bytes([chance.randrange(256)])
        case 4:
            del data[where:]
        case 5:
            del data[word : word + 4 * chance.randrange(1, 8)]
        case 6:
            data[word:word] = data[word : word + 4 * chance.randrange(1, 32)]
        case _:
            other = chance.choice(good)
            data[word:] = other[chance.randrange(len(other)) & ~3 :]


def check(data: bytes) -> Datagram | None:
    """Everything that reads a datagram. What it says must fit into the octets it came in."""
    try:
        decoded = decode(data)
    except MalformedError:
        return None
    _sensible(decoded, len(data))
    store = CounterStore(limit=2)
    for each in decoded.counters:
        assert sum(len(body) + 8 for _, body in each.records) <= len(data)
        read(each)
        store.add(decoded.agent, each, 0)
    for sample in decoded.samples:
        found = sample.addresses
        assert found is None or len(found.source) == len(found.destination) in (4, 16)
        assert sample.packet.vlans is None or len(sample.packet.vlans) * 4 <= len(sample.header)
    return decoded


def _sensible(decoded: Datagram, size: int) -> None:
    known = len(decoded.samples) + len(decoded.counters) + len(decoded.discards)
    assert known <= len(decoded.kinds) <= size // 8
    assert sum(len(sample.header) for sample in decoded.samples) <= size
    assert 0 <= decoded.trailing <= size
    assert decoded.fault is None or 0 <= decoded.fault.offset <= size


if __name__ == "__main__":
    import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
