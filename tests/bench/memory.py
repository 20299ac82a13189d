"""What ARM has in memory with both full tables and 50,000 active blocks a family, step by step.

`python -m tests.bench.memory` needs ARM_TEST_DATA with the tables. Neither BIRD nor ExaBGP: their lines are
made here, as ExaBGP writes them, and go through parser and feed. The rest is the loop as in the daemon.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator

import numpy as np

import arm.app  # noqa: F401  # what the daemon has loaded
from arm.allocator import return_large_pieces
from arm.family import FamilyLoop, Valuation
from arm.model import Attributes, Family
from arm.rib.feed import Feed
from arm.rib.hoptable import HopTable, key_bits
from arm.rib.messages import Parser, SessionChange, Update
from arm.selection.policy import Policy
from arm.sflow.destinations import Destinations
from tests.bench.learning_arm import resident
from tests.bench.learning_stream import NoTableError, groups

ACTIVE = 50_000  # blocks with traffic, in each family
_HEAD = (
    '{ "exabgp": "5.0.0", "time": 1795279661.1946814, "host" : "vm", "pid" : 17576, "ppid" : 17552, '
    '"counter": 10, "type": "update", '
    '"neighbor": { "address": { "local": "127.0.0.8", "peer": "127.0.0.1" }, '
    '"asn": { "local": 65000, "peer": 65000 }, "router-id": "192.0.2.8" , "direction": "receive", '
)


def lines(family: Family) -> Iterator[bytes]:
    """The table as ExaBGP tells it."""
    for attributes, next_hop, prefixes in groups(family):
        told = f'{{ "update": {{ "attribute": {{ {_told(attributes)} }}, '
        nlri = ", ".join(f'"{prefix}"' for prefix in prefixes)
        told += f'"announce": {{ "{family.label} unicast": {{ "{next_hop}": [ {nlri} ] }} }} }}'
        yield f'{_HEAD}"message": {told} }} }} }}'.encode()


def _told(attributes: Attributes) -> str:
    path = {
        str(at): {"element": segment.kind, "value": list(segment.numbers)}
        for at, segment in enumerate(attributes.as_path)
    }
    found = [f'"origin": "{attributes.origin}"', f'"as-path": {json.dumps(path)}']
    if attributes.med is not None:
        found.append(f'"med": {attributes.med}')
    found.append('"local-preference": 100')
    if attributes.communities:
        pairs = ", ".join(f"[ {a}, {b} ]" for a, b in attributes.communities)
        found.append(f'"community": [ {pairs} ]')
    if attributes.large_communities:
        triples = ", ".join(f"[ {a}, {b} , {c} ]" for a, b, c in attributes.large_communities)
        found.append(f'"large-community": [ {triples} ]')
    return ", ".join(found)


class Steps:
    """Prints what each step adds."""

    def __init__(self) -> None:
        self._before = 0.0

    def done(self, what: str, count: int = 0) -> None:
        """`count`: of routes, to show octets for each."""
        gc.collect()
        now, most = resident(os.getpid())
        each = f", {(now - self._before) * 1e6 / count:.0f} octets each" if count else ""
        print(f"| {what} | {now - self._before:+.0f} MB{each} | {now:.0f} MB | {most:.0f} MB |", flush=True)
        self._before = now


def main() -> int:
    return_large_pieces()
    print("| what | | then | at the most |\n|---|---:|---:|---:|")
    steps = Steps()
    steps.done("the program")
    parser, feed = Parser(), Feed()
    feed.session(SessionChange("127.0.0.8", True))
    loops = {family: FamilyLoop(family, Valuation(300.0), Policy()) for family in Family}
    try:
        for family, loop in loops.items():
            loop.settle(feed.tables(family)[-1], 0.0)
            for line in lines(family):
                (event,) = parser.parse(line)
                assert isinstance(event, Update)
                feed.update(event)
            steps.done(f"{family.title}: {feed.routes(family):,} routes", feed.routes(family))
            arriving = feed.tables(family)[-1]
            arriving.take_index(arriving.index_beside()())
            feed.end_of_rib(family)
            steps.done(f"{family.title}: in order", feed.routes(family))
    except NoTableError as error:
        print(f"nothing measured: {error}", file=sys.stderr)
        return 1
    print(f"| of these, {parser.paths:,} paths | | | |")
    for family, loop in loops.items():
        loop.refresh(feed.table(family), None, 0.0)
        steps.done(f"{family.title}: in use", feed.routes(family))
    for family, loop in loops.items():
        _send(loop)
        demand = loop.demand(HopTable.of(key_bits(family), ()))
        steps.done(f"{family.title}: {len(demand.keys):,} active blocks, and what to choose from")
    for _ in range(3):  # as every tick does
        for family, loop in loops.items():
            loop.refresh(feed.table(family), None, 0.0)
    steps.done("three ticks later")
    return 0


def _send(loop: FamilyLoop) -> None:
    """Traffic to so many places of the table."""
    rng = np.random.default_rng(7)
    starts = loop.full.routes.starts
    keys = np.unique(rng.choice(starts, ACTIVE, replace=False))
    count, ones = len(keys), np.ones(len(keys))
    wide = loop.family.bits == 128
    nothing = np.zeros(count, np.uint64)
    loop.measure(
        Destinations(
            np.full(count, loop.family.number, np.uint8),
            keys if wide else nothing,
            nothing if wide else keys,
            ones * 1500,
            ones,
            np.ones(count, np.int64),
            ones,
        ),
        1.0,
        float(count),
        True,
        1.0,
    )


if __name__ == "__main__":
    sys.exit(main())
