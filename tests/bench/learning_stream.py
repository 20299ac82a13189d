"""The full table of ARM_TEST_DATA as the UPDATEs of one BGP peer, and that peer.

The data have prefixes and origins. The rest is made the way the Internet has it: a few hundred ways to
reach an origin, one route in eight taking another (`lab.attributes`), and a next hop by that way.
Origins that are no AS numbers are folded onto as many ASes as are missing, so that there are about as
many distinct attribute sets as a peer's table has: 0.2 M for IPv4, 0.07 M for IPv6.
"""

from __future__ import annotations

import gzip
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from arm.model import Attributes, Family
from lab.attributes import make_upstreams
from lab.plan import TRANSIT1, TRANSIT2

_SNAPSHOT = "ris-2026-05-11"
_REAL = 400_000  # numbers below are AS numbers
_MISSING = 33_000
_UPSTREAMS = 600
_MOVED = 0.125  # share of the routes that go another way than their origin's others
_LONGEST = 4096  # octets of an UPDATE
_IGP = {"igp": 0, "egp": 1, "incomplete": 2}
NEXT_HOPS = {
    Family.IPV4: [f"10.0.{n}.2" for n in range(1, 9)],
    Family.IPV6: [f"2001:db8:{n}::2" for n in range(1, 9)],
}
ASN = 64999  # the peer's


class NoTableError(Exception):
    """There is no full table here."""


def folder() -> Path:
    """Where the tables are; NoTableError if nowhere."""
    where = os.environ.get("ARM_TEST_DATA")
    if where is None:
        raise NoTableError("ARM_TEST_DATA is not set: it must name a folder with tables/")
    for family in Family:
        if not (path := Path(where) / "tables" / f"{_SNAPSHOT}-{family.label}.tsv.gz").exists():
            raise NoTableError(f"{path} is not there")
    return Path(where) / "tables"


def updates(family: Family) -> Iterator[bytes]:
    """UPDATE messages with every route of the family, packed as full as they get."""
    for attributes, next_hop, prefixes in groups(family):
        yield from _messages(family, attributes, next_hop, [_nlri(family, prefix) for prefix in prefixes])


def groups(family: Family) -> Iterator[tuple[Attributes, str, list[str]]]:
    """Every route of the family: attributes, next hop, and the prefixes that have both."""
    rng = np.random.default_rng(family.number)
    upstreams = make_upstreams(_UPSTREAMS, 0.0, rng)
    known: dict[tuple[int, int], list[str]] = {}
    with gzip.open(folder() / f"{_SNAPSHOT}-{family.label}.tsv.gz", "rt") as lines:
        for line in lines:
            prefix, _, word = line.partition("\t")
            origin = int(word) if word.strip().isdigit() else 0
            if not 0 < origin < _REAL:
                origin = _REAL + origin % _MISSING
            usual = origin * 2654435761 % (1 << 32) % (_UPSTREAMS - 1)
            via = 1 + (int(rng.integers(_UPSTREAMS - 1)) if rng.random() < _MOVED else usual)
            known.setdefault((via, origin), []).append(prefix)
    for (via, origin), prefixes in known.items():
        neighbour = TRANSIT1 if via % 3 else TRANSIT2
        yield upstreams[via].attributes(neighbour, origin), NEXT_HOPS[family][via % 8], prefixes


def _nlri(family: Family, prefix: str) -> bytes:
    address, _, length = prefix.partition("/")
    return bytes([int(length)]) + socket.inet_pton(family.af, address)[: (int(length) + 7) // 8]


def _messages(family: Family, attributes: Attributes, hop: str, prefixes: list[bytes]) -> Iterator[bytes]:
    common, next_hop = _attributes(attributes), socket.inet_pton(family.af, hop)
    room = _LONGEST - len(common) - 64
    while prefixes:
        size = count = 0
        while count < len(prefixes) and size + len(prefixes[count]) <= room:
            size += len(prefixes[count])
            count += 1
        nlri, prefixes = b"".join(prefixes[:count]), prefixes[count:]
        if family is Family.IPV4:
            yield _update(common + _attribute(0x40, 3, next_hop), nlri)
        else:
            reach = struct.pack("!HBB", 2, 1, 16) + next_hop + b"\0" + nlri
            yield _update(_attribute(0x80, 14, reach) + common, b"")


def change(family: Family, prefix: str, hop: str | None, attributes: Attributes) -> bytes:
    """The UPDATE of one route, announced with this next hop, or withdrawn."""
    nlri = _nlri(family, prefix)
    if hop is not None:
        return b"".join(_messages(family, attributes, hop, [nlri]))
    if family is Family.IPV4:
        return message(2, struct.pack("!H", len(nlri)) + nlri + struct.pack("!H", 0))
    return _update(_attribute(0x80, 15, struct.pack("!HB", 2, 1) + nlri), b"")


def _attributes(attributes: Attributes) -> bytes:
    path = b"".join(
        struct.pack("!BB", 2 if each.kind == "as-sequence" else 1, len(each.numbers))
        + struct.pack(f"!{len(each.numbers)}I", *each.numbers)
        for each in attributes.as_path
    )
    found = _attribute(0x40, 1, bytes([_IGP[attributes.origin]])) + _attribute(0x40, 2, path)
    if attributes.med is not None:
        found += _attribute(0x80, 4, struct.pack("!I", attributes.med))
    found += _numbers(8, "!HH", attributes.communities)
    found += _numbers(16, "!Q", ((each,) for each in attributes.extended_communities))
    return found + _numbers(32, "!III", attributes.large_communities)


def _numbers(code: int, form: str, rows: Iterable[tuple[int, ...]]) -> bytes:
    value = b"".join(struct.pack(form, *row) for row in rows)
    return _attribute(0xC0, code, value) if value else b""


def _attribute(flags: int, code: int, value: bytes) -> bytes:
    return struct.pack("!BBH", flags | 0x10, code, len(value)) + value


def _update(attributes: bytes, nlri: bytes) -> bytes:
    return message(2, struct.pack("!HH", 0, len(attributes)) + attributes + nlri)


def message(kind: int, body: bytes) -> bytes:
    """A BGP message (RFC 4271, section 4.1)."""
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(body), kind) + body


def end_of_rib(family: Family) -> bytes:
    """RFC 4724, section 2."""
    return _update(b"" if family is Family.IPV4 else _attribute(0x80, 15, struct.pack("!HB", 2, 1)), b"")


class Peer:
    """A neighbour that connects, and says everything. It needs no keepalives and hears none."""

    def __init__(self, own: str, other: str, port: int) -> None:
        self._socket = socket.create_connection((other, port), 10.0, source_address=(own, 0))
        capabilities = b"".join(b"\x02\x06\x01\x04" + struct.pack("!HBB", afi, 0, 1) for afi in (1, 2))
        capabilities += b"\x02\x06\x41\x04" + struct.pack("!I", ASN)
        head = struct.pack("!BHH4sB", 4, ASN, 0, socket.inet_aton("192.0.2.99"), len(capabilities))
        self._socket.sendall(message(1, head + capabilities))
        self._receive(1)
        self._socket.sendall(message(4, b""))
        self._receive(4)

    def send(self, stream: bytes) -> None:
        self._socket.settimeout(None)
        self._socket.sendall(stream)

    def close(self) -> None:
        self._socket.close()

    def _receive(self, kind: int) -> None:
        head = self._exactly(19)
        self._exactly(int.from_bytes(head[16:18], "big") - 19)
        if head[18] != kind:
            raise ConnectionError(f"BGP message {head[18]} came instead of {kind}")

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self._socket.recv(count - len(found))
            if not piece:
                raise ConnectionError("the BGP session has ended")
            found += piece
        return found


def main() -> None:
    """Write the stream of both families to a file."""
    with Path(sys.argv[1]).open("wb") as out:
        for family in Family:
            count = 0
            for each in updates(family):
                out.write(each)
                count += 1
            out.write(end_of_rib(family))
            print(f"{family.label}: {count:,} UPDATEs", flush=True)


if __name__ == "__main__":
    main()
