"""Commands against ExaBGP's own parser: what it would send has exactly the attributes asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce.commands import (
    FULL,
    PREFIXES_PER_COMMAND,
    SETS_PER_COMMAND,
    announce,
    attribute_words,
    end_of_rib,
    withdraw,
)
from arm.model import AsPathSegment, Attributes, Entry, Family, Prefix
from arm.rib.messages import Parser, Update

SELECTOR = "neighbor 127.0.0.1 local-ip 127.0.0.2"
MARK = (65000, 6343, 1)
RICH = Attributes(
    origin="egp",
    as_path=(AsPathSegment("as-sequence", (65011, 4200000001)), AsPathSegment("as-set", (1, 2))),
    med=77,
    local_preference=120,
    atomic_aggregate=True,
    aggregator="65010:10.0.0.1",
    communities=((64501, 100), (65535, 65281)),
    large_communities=((64501, 1, 2),),
    extended_communities=(0x0002FBF500000007, 0x43000000000000FF),
    others=((0x63, 0xE0, "1234"),),
)
SETS = Attributes(as_path=tuple(AsPathSegment(k, (1, 2)) for k in ("as-set", "as-sequence", "as-set")))

# Runs inside ExaBGP: parse the command as its API does, pack the attributes, unpack them, print its JSON.
_EXABGP = """
import sys, json
from exabgp.environment import getenv
from exabgp.logger import log
log.init(getenv())
from exabgp.bgp.message.update.attribute import Attributes
from exabgp.bgp.message.direction import Direction
from exabgp.configuration.configuration import Configuration
class Negotiated:
    local_as = peer_as = 65000
    asn4 = True
    aigp = False
    families = addpath = None
    cached_attributes = cached_wire = None
for line in sys.stdin:
    configuration = Configuration([])
    action, words = line.strip().split(" ", 1)
    assert configuration.partial("static", words, action), str(configuration.tokeniser.error)
    configuration.scope.to_context()
    found = []
    for change in configuration.scope.pop_routes():
        read = Attributes.unpack(change.attributes.pack(Negotiated), Direction.IN, Negotiated)
        found.append([change.nlri.cidr.prefix(), str(change.nlri.nexthop), "{" + read.json() + "}"])
    print(json.dumps(found))
"""


def through_exabgp(commands: list[str]) -> list[list[Entry]]:
    """What ExaBGP announces, by command."""
    text = "".join(command.removeprefix(SELECTOR + " ") + "\n" for command in commands)
    done = subprocess.run(
        [sys.executable, "-c", _EXABGP], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = map(json.loads, done.stdout.splitlines())
    return [[Entry(prefix, hop, read(attributes)) for prefix, hop, attributes in line] for line in lines]


def read(attributes: str) -> Attributes:
    """ExaBGP's JSON as ARM reads it from the wire."""
    message = {"update": {"attribute": json.loads(attributes), "announce": {"ipv4 unicast": {"x": []}}}}
    neighbor = {"address": {"local": "x"}, "direction": "receive", "message": message}
    (event,) = Parser().parse(json.dumps({"type": "update", "neighbor": neighbor}).encode())
    assert isinstance(event, Update)
    return event.attributes


def arrives(attributes: Attributes) -> Attributes:
    """What is to be there, of `attributes` given: ARM's mark, and the local preference that iBGP needs."""
    large = tuple(dict.fromkeys([*attributes.large_communities, MARK]))
    preference = 100 if attributes.local_preference is None else attributes.local_preference
    return replace(attributes, large_communities=large, local_preference=preference)


def entries(attributes: Attributes, *prefixes: str, next_hop: str = "10.0.0.1") -> list[Entry]:
    return [Entry(Prefix(prefix), next_hop, attributes) for prefix in prefixes]


def test_exabgp_reads_back_every_attribute_and_the_mark() -> None:
    ((line, _),) = announce(SELECTOR, 65000, entries(RICH, "20.0.0.0/16", "20.1.0.0/16"))
    (found,) = through_exabgp([line])
    assert found == entries(arrives(RICH), "20.0.0.0/16", "20.1.0.0/16")


def test_several_sets_of_attributes_share_a_command() -> None:
    sets = [RICH, SETS, Attributes(), Attributes(large_communities=((1, 2, 3), MARK))]
    told = [entries(each, f"20.{n}.0.0/16", "21.0.0.0/8")[0] for n, each in enumerate(sets)]
    told += entries(RICH, "2a00::/32", "2a01::/32", next_hop="2001:db8::1")
    ((line, members),) = announce(SELECTOR, 65000, told)
    assert members == [*([each] for each in told[:4]), told[4:]]
    assert through_exabgp([line]) == [[replace(each, attributes=arrives(each.attributes)) for each in told]]


numbers = st.integers(1, 2**32 - 1)
short, long = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)
segments = st.builds(
    AsPathSegment, st.sampled_from(["as-sequence", "as-set"]), st.lists(numbers, min_size=1).map(tuple)
)
wild = st.builds(
    Attributes,
    origin=st.sampled_from(["igp", "egp", "incomplete"]),
    as_path=st.lists(segments, max_size=3).map(tuple),
    med=st.none() | long,
    local_preference=st.none() | st.just(100) | long,
    atomic_aggregate=st.booleans(),
    aggregator=st.none() | st.builds("{}:10.0.0.{}".format, numbers, st.integers(0, 255)),
    communities=st.lists(st.tuples(short, short), unique=True).map(lambda found: tuple(sorted(found))),
    large_communities=st.lists(st.tuples(long, long, long), unique=True).map(tuple),
    extended_communities=st.lists(st.integers(0, 2**48 - 1), unique=True).map(tuple),  # route targets
)


@settings(max_examples=4, deadline=None)
@given(st.lists(wild, min_size=20, max_size=60))
def test_all_that_bgp_can_carry_arrives(sets: list[Attributes]) -> None:
    told = [Entry(Prefix(f"20.{n}.0.0/16"), "10.0.0.1", each) for n, each in enumerate(sets)]
    found = chain.from_iterable(through_exabgp([line for line, _ in announce(SELECTOR, 65000, told)]))
    for entry, arrived in zip(told, found, strict=True):
        expected = arrives(entry.attributes)
        assert arrived.prefix == entry.prefix
        for name in Attributes.__slots__:
            if name in ("large_communities", "extended_communities"):  # ExaBGP prints them sorted
                assert sorted(getattr(arrived.attributes, name)) == sorted(getattr(expected, name))
            elif name != "__weakref__":
                assert getattr(arrived.attributes, name) == getattr(expected, name), name


def test_equal_attributes_go_together_in_pieces_of_bounded_size() -> None:
    many = entries(RICH, *(f"20.{n >> 8}.{n & 255}.0/24" for n in range(PREFIXES_PER_COMMAND + 1)))
    other = entries(RICH, "20.0.0.0/8", next_hop="10.0.0.2")
    six = entries(RICH, "2a00::/32", next_hop="2001:db8::1")
    sizes = [[*map(len, sets)] for _, sets in announce(SELECTOR, 65000, [*many, *other, *six])]
    assert sizes == [[PREFIXES_PER_COMMAND], [1, 1, 1]]


def test_a_command_carries_only_so_many_sets_and_so_much_text() -> None:
    different = [Attributes(med=n) for n in range(SETS_PER_COMMAND + 1)]
    told = [entries(each, f"20.{n}.0.0/16")[0] for n, each in enumerate(different)]
    assert [len(sets) for _, sets in announce(SELECTOR, 65000, told)] == [SETS_PER_COMMAND, 1]
    big = [replace(each, communities=tuple((each.med or 0, n) for n in range(300))) for each in different]
    told = [entries(each, f"20.{n}.0.0/16")[0] for n, each in enumerate(big)]
    lines = [line for line, _ in announce(SELECTOR, 65000, told)]
    assert max(map(len, lines)) < FULL + 4000
    assert sum(line.count("nlri") for line in lines) == len(told)


def test_withdrawals_and_end_of_rib() -> None:
    lines = [
        line
        for line, _ in withdraw(SELECTOR, [Prefix("20.0.0.0/8"), Prefix("2a00::/32"), Prefix("20.1.0.0/16")])
    ]
    assert lines == [
        f"{SELECTOR} withdraw attributes nlri 20.0.0.0/8 20.1.0.0/16",
        f"{SELECTOR} withdraw attributes nlri 2a00::/32",
    ]
    assert end_of_rib(SELECTOR, Family.IPV6) == f"{SELECTOR} announce eor ipv6 unicast"


def test_words_without_anything_optional() -> None:
    mark = "attribute [ 0x20 0xc0 0x0000fde8000018c700000001 ]"
    assert (
        attribute_words(Attributes(), MARK) == attribute_words(Attributes(local_preference=100), MARK) == mark
    )
