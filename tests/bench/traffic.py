"""sFlow as two kinds of Internet edge switch send it: many customers, few uplinks, a full table.

How much the destinations receive follows Zipf.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from arm.model import Family, Prefix
from tests.bench.table import prefix_words

SAMPLES = 7  # in each datagram
_CUSTOMERS, _UPLINKS = range(1, 41), range(41, 49)  # ports
RATE = 16384
_HEADER = 128  # octets of each packet
_POPULATION = {Family.IPV4: 75_000, Family.IPV6: 25_000}  # addresses that anybody sends to
_IPV6_SHARE = 0.25
_TAGGED_SHARE = 0.2
_AGENTS = (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
_Writer = Callable[[int, int, int, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Population:
    """Addresses of one family, the most popular first, and how popular they are together."""

    addresses: list[bytes]
    weights: list[float]  # cumulative


def population(prefixes: list[Prefix], family: Family, chance: random.Random) -> Population:
    """Hosts in randomly chosen prefixes."""
    width = family.bits // 8
    addresses = []
    for prefix in chance.choices(prefixes, k=_POPULATION[family]):
        network, length = prefix_words(prefix)
        addresses.append((network | chance.getrandbits(family.bits - length)).to_bytes(width, "big"))
    return Population(addresses, list(accumulate(1 / rank for rank in range(1, len(addresses) + 1))))


def datagrams(count: int, tables: dict[Family, list[Prefix]], seed: int = 1) -> list[bytes]:
    """`count` datagrams of two agents in turn: compact and expanded samples."""
    chance = random.Random(seed)
    switches = [_Switch(agent, chance) for agent in _AGENTS]
    packets = _Packets({family: population(tables[family], family, chance) for family in Family}, chance)
    writers = (_compact, _expanded)
    return [switches[turn % 2].datagram(writers[turn % 2], packets) for turn in range(count)]


class _Switch:
    """Keeps the sequence numbers and pools of one agent."""

    def __init__(self, agent: bytes, chance: random.Random) -> None:
        self._agent = agent
        self._chance = chance
        self._sent = 0
        self._taken = [0] * (len(_CUSTOMERS) + len(_UPLINKS) + 1)

    def datagram(self, write: _Writer, packets: _Packets) -> bytes:
        self._sent += 1
        head = struct.pack("!II4s4I", 5, 1, self._agent, 0, self._sent, self._sent * 5, SAMPLES)
        return head + b"".join(self._sample(write, *packets.next()) for _ in range(SAMPLES))

    def _sample(self, write: _Writer, header: bytes, frame_length: int) -> bytes:
        entered, left = self._chance.choice(_CUSTOMERS), self._chance.choice(_UPLINKS)
        if self._chance.random() < 0.3:
            entered, left = left, entered
        self._taken[entered] += 1
        raw = struct.pack("!6I", 1, 16 + _HEADER, 1, frame_length, 4, _HEADER) + header
        return write(self._taken[entered], entered, left, raw)


def _compact(taken: int, entered: int, left: int, raw: bytes) -> bytes:
    """As EOS sends them."""
    records = raw + struct.pack("!6I", 1001, 16, 10, 0, 20, 0)
    fixed = struct.pack("!8I", taken, entered, RATE, taken * RATE & 0xFFFFFFFF, 0, entered, left, 2)
    return struct.pack("!II", 1, len(fixed) + len(records)) + fixed + records


def _expanded(taken: int, entered: int, left: int, raw: bytes) -> bytes:
    """As hsflowd sends them."""
    pool = taken * RATE & 0xFFFFFFFF
    fixed = struct.pack("!11I", taken, 0, entered, RATE, pool, 0, 0, entered, 0, left, 1)
    return struct.pack("!II", 3, len(fixed) + len(raw)) + fixed + raw


class _Packets:
    """An endless supply of first octets."""

    def __init__(self, hosts: dict[Family, Population], chance: random.Random) -> None:
        self._hosts = hosts
        self._chance = chance
        self._waiting: list[tuple[bytes, int]] = []

    def next(self) -> tuple[bytes, int]:
        """A sampled header and the length of its frame."""
        if not self._waiting:
            ipv6 = round(1000 * _IPV6_SHARE)
            self._waiting = self._some(Family.IPV4, 1000 - ipv6) + self._some(Family.IPV6, ipv6)
            self._chance.shuffle(self._waiting)
        return self._waiting.pop()

    def _some(self, family: Family, count: int) -> list[tuple[bytes, int]]:
        hosts = self._hosts[family]
        to = self._chance.choices(hosts.addresses, cum_weights=hosts.weights, k=count)
        source = self._chance.choices(hosts.addresses, cum_weights=hosts.weights, k=count)
        return [self._packet(*pair) for pair in zip(source, to, strict=True)]

    def _packet(self, source: bytes, destination: bytes) -> tuple[bytes, int]:
        chance = self._chance
        length = chance.choice((64, 128, 576, 1500, 1500, 1500))
        vlan = (
            struct.pack("!HH", 0x8100, chance.randrange(2, 4000)) if chance.random() < _TAGGED_SHARE else b""
        )
        if len(destination) == 4:
            ip = b"\x08\x00" + struct.pack("!BBHHHBBH", 0x45, 0, length, chance.getrandbits(16), 0, 60, 6, 0)
        else:
            ip = b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, max(length - 40, 20), 6, 60)
        tcp = struct.pack("!HHIIHHHH", 443, chance.randrange(1024, 65536), 1, 1, 0x5010, 1000, 0, 0)
        header = chance.randbytes(12) + vlan + ip + source + destination + tcp
        return header.ljust(_HEADER, b"\x5a"), length + 18
