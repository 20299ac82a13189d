"""Commands against ExaBGP's own parser: what it would send has exactly the attributes asked for."""

from __future__ import annotations

import json
import subprocess
import sys

from arm.announce.commands import PREFIXES_PER_COMMAND, announce, attribute_words, end_of_rib, withdraw
from arm.model import AsPathSegment, Attributes, Entry, Family, Prefix
from arm.rib.messages import Parser, Update

SELECTOR = "neighbor 127.0.0.1 local-ip 127.0.0.2"
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
    changes = configuration.scope.pop_routes()
    wire = changes[0].attributes.pack(Negotiated)
    read = Attributes.unpack(wire, Direction.IN, Negotiated)
    prefixes = [change.nlri.cidr.prefix() for change in changes]
    print(json.dumps({"nlri": prefixes, "json": "{" + read.json() + "}"}))
"""


def through_exabgp(commands: list[str]) -> list[tuple[list[str], Attributes]]:
    text = "".join(command.removeprefix(SELECTOR + " ") + "\n" for command in commands)
    done = subprocess.run(
        [sys.executable, "-c", _EXABGP], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    results = []
    for line in done.stdout.splitlines():
        result = json.loads(line)
        message = {
            "update": {"attribute": json.loads(result["json"]), "announce": {"ipv4 unicast": {"x": []}}}
        }
        neighbor = {"address": {"local": "x"}, "direction": "receive", "message": message}
        (event,) = Parser().parse(json.dumps({"type": "update", "neighbor": neighbor}).encode())
        assert isinstance(event, Update)
        results.append((result["nlri"], event.attributes))
    return results


def entries(attributes: Attributes, *prefixes: str, next_hop: str = "10.0.0.1") -> list[Entry]:
    return [Entry(Prefix(prefix), next_hop, attributes) for prefix in prefixes]


def test_exabgp_reads_back_every_attribute_and_the_mark() -> None:
    lines = [line for line, _ in announce(SELECTOR, 65000, entries(RICH, "20.0.0.0/16", "20.1.0.0/16"))]
    ((prefixes, found),) = through_exabgp(lines)
    assert prefixes == ["20.0.0.0/16", "20.1.0.0/16"]
    assert found.large_communities == ((64501, 1, 2), (65000, 6343, 1))
    for name in Attributes.__slots__:
        if name not in ("large_communities", "__weakref__"):
            assert getattr(found, name) == getattr(RICH, name), name


def test_sets_and_empty_paths() -> None:
    lines = [
        line
        for attributes in (SETS, Attributes())
        for line, _ in announce(SELECTOR, 65000, entries(attributes, "20.0.0.0/16"))
    ]
    (_, sets), (_, empty) = through_exabgp(lines)
    assert sets.as_path == SETS.as_path
    assert empty.as_path == ()


def test_equal_attributes_go_together_in_pieces_of_bounded_size() -> None:
    many = entries(RICH, *(f"20.{n >> 8}.{n & 255}.0/24" for n in range(PREFIXES_PER_COMMAND + 1)))
    other = entries(RICH, "20.0.0.0/8", next_hop="10.0.0.2")
    six = entries(RICH, "2a00::/32", next_hop="2001:db8::1")
    sizes = [len(part) for _, part in announce(SELECTOR, 65000, [*many, *other, *six])]
    assert sizes == [PREFIXES_PER_COMMAND, 1, 1, 1]


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
    assert attribute_words(Attributes(), (65000, 6343, 1)) == "origin igp large-community [ 65000:6343:1 ]"
