"""ExaBGP's lines, as ExaBGP 5.0.15 really wrote them (shortened to what matters)."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from weakref import ref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import AsPathSegment, Family
from arm.rib.messages import Answer, EndOfRib, Event, MessageError, Parser, SessionChange, Update


def line(kind: str, local: str = "127.0.0.1", **neighbor: Any) -> bytes:
    address = {"local": local, "peer": "127.0.0.1"}
    return json.dumps(
        {"exabgp": "5.0.0", "type": kind, "neighbor": {"address": address, **neighbor}}
    ).encode()


def update(message: dict[str, Any], direction: str = "receive", local: str = "127.0.0.1") -> bytes:
    return line("update", local, direction=direction, message=message)


RICH = {
    "origin": "igp",
    "as-path": {
        "0": {"element": "as-sequence", "value": [65011, 65010]},
        "1": {"element": "as-set", "value": [1, 2]},
        "2": {"element": "as-sequence", "value": [7]},
    },
    "med": 77,
    "local-preference": 100,
    "atomic-aggregate": True,
    "aggregator": "65010:10.0.0.1",
    "originator-id": "192.0.2.1",
    "cluster-list": ["192.0.2.9"],
    "community": [[64501, 100], [64501, 200]],
    "extended-community": [{"value": 839979638980615, "string": "target:64501:7"}],
    "large-community": [[64501, 1, 2]],
    "attribute-0x63-0xE0": "0x1234",
}


def test_answers() -> None:
    assert Parser().parse(b"done") == [Answer(True)]
    assert Parser().parse(b"error") == [Answer(False)]


def test_session_changes() -> None:
    parser = Parser()
    assert parser.parse(line("state", state="connected")) == []
    assert parser.parse(line("state", state="up")) == [SessionChange("127.0.0.1", True)]
    down = line("state", "127.0.0.2", state="down", reason="peer reset")
    assert parser.parse(down) == [SessionChange("127.0.0.2", False, "peer reset")]


def test_end_of_rib_of_either_direction() -> None:
    parser = Parser()
    message = {"eor": {"afi": "ipv6", "safi": "unicast"}}
    assert parser.parse(update(message)) == [EndOfRib("127.0.0.1", Family.IPV6, sent=False)]
    assert parser.parse(update(message, "send", "127.0.0.2")) == [
        EndOfRib("127.0.0.2", Family.IPV6, sent=True)
    ]


def test_every_attribute_is_kept_but_the_reflector_s() -> None:
    (event,) = Parser().parse(
        update({"update": {"attribute": RICH, "announce": {"ipv4 unicast": {"10.0.1.2": ["20.1.0.0/16"]}}}})
    )
    assert isinstance(event, Update)
    assert event.announced == (("10.0.1.2", ["20.1.0.0/16"]),)
    found = event.attributes
    assert found.as_path == (
        AsPathSegment("as-sequence", (65011, 65010)),
        AsPathSegment("as-set", (1, 2)),
        AsPathSegment("as-sequence", (7,)),
    )
    assert found.as_path_text == "65011 65010 {1 2} 7"
    assert (found.origin, found.med, found.local_preference) == ("igp", 77, 100)
    assert (found.atomic_aggregate, found.aggregator) == (True, "65010:10.0.0.1")
    assert found.communities == ((64501, 100), (64501, 200))
    assert found.large_communities == ((64501, 1, 2),)
    assert found.extended_communities == (839979638980615,)
    assert found.others == ((0x63, 0xE0, "1234"),)


def test_link_local_twin_of_an_ipv6_next_hop_is_dropped() -> None:
    hops = {"2001:db8:1::2": ["2a00:1::/32"], "fe80::1": ["2a00:1::/32"]}
    (event,) = Parser().parse(update({"update": {"attribute": RICH, "announce": {"ipv6 unicast": hops}}}))
    assert isinstance(event, Update)
    assert event.announced == (("2001:db8:1::2", ["2a00:1::/32"]),)


def test_a_link_local_next_hop_alone_is_kept() -> None:
    hops = {"fe80::1": ["2a00:1::/32"]}
    (event,) = Parser().parse(update({"update": {"attribute": RICH, "announce": {"ipv6 unicast": hops}}}))
    assert isinstance(event, Update)
    assert event.announced == (("fe80::1", ["2a00:1::/32"]),)


def test_one_update_may_concern_both_families() -> None:
    message = {
        "update": {
            "attribute": RICH,
            "announce": {"ipv6 unicast": {"2001:db8::1": ["2a00::/32"]}},
            "withdraw": {"ipv4 unicast": ["20.0.0.0/16", "20.1.0.0/16"]},
        }
    }
    four, six = Parser().parse(update(message))
    assert isinstance(four, Update)
    assert isinstance(six, Update)
    assert (four.family, four.withdrawn, four.announced) == (Family.IPV4, ("20.0.0.0/16", "20.1.0.0/16"), ())
    assert (six.family, six.withdrawn) == (Family.IPV6, ())


def told(attributes: dict[str, Any], **announce: dict[str, list[str]]) -> bytes:
    """An UPDATE exactly as ExaBGP 5.0.15 writes it, spaces included."""
    words = []
    for name, value in attributes.items():
        text = json.dumps(value)
        if name in ("community", "large-community"):
            text = "[ " + ", ".join(f"[ {', '.join(map(str, each))} ]" for each in value) + " ]"
        elif name == "extended-community":
            text = "[ " + ", ".join("{ " + json.dumps(each)[1:-1] + " }" for each in value) + " ]"
        words.append(f'"{name}": {text}')
    ((family, hops),) = announce.items()
    lists = (f'"{hop}": [ {", ".join(map(json.dumps, nlri))} ]' for hop, nlri in hops.items())
    head = (
        '{ "exabgp": "5.0.0", "time": 1795279661.1946814, "host" : "vm", "pid" : 17576, "ppid" : 17552, '
        '"counter": 10, "type": "update", '
        '"neighbor": { "address": { "local": "127.0.0.8", "peer": "127.0.0.1" }, '
        '"asn": { "local": 65000, "peer": 65000 }, "router-id": "192.0.2.8" , "direction": "receive", '
        '"message": { "update": { "attribute": { '
    )
    tail = f' }}, "announce": {{ "{family} unicast": {{ {", ".join(lists)} }} }} }} }} }} }}'
    return (head + ", ".join(words) + tail).encode()


class Careful(Parser):
    """Reads every line in full."""

    def parse(self, line: bytes) -> list[Event]:
        return super().parse(line.replace(b"{ ", b"{", 1))


texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['" }, "announce": { "ipv4', "\x01"]
)
AS_PATHS: list[dict[str, Any]] = [
    {"0": {"element": "as-sequence", "value": [1, 2]}},
    {"0": {"element": "as-sequence", "value": [4200000000]}},
    {"0": {"element": "as-sequence", "value": []}},
    {"0": {"element": "as-set", "value": [1, 2]}},
    {},
]
attribute_sets = st.fixed_dictionaries(
    {"origin": st.sampled_from(["igp", "egp", "incomplete"])},
    optional={
        "as-path": st.sampled_from([RICH["as-path"], *AS_PATHS]),
        "med": st.integers(0, 2**32 - 1),
        "local-preference": st.sampled_from([100, 200]),
        "atomic-aggregate": st.just(True),
        "aggregator": texts,
        "community": st.lists(
            st.tuples(st.integers(0, 65535), st.integers(0, 65535)), min_size=1, max_size=3
        ),
        "extended-community": st.lists(
            st.fixed_dictionaries({"value": st.integers(0, 2**64 - 1), "string": texts}),
            min_size=1,
            max_size=3,
        ),
        "large-community": st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 3), min_size=1, max_size=3),
        "attribute-0x63-0xE0": st.just("0x1234"),
    },
)


@given(attribute_sets, st.integers(1, 4), st.sampled_from(["10.0.1.2", "2001:db8:1::2"]))
def test_the_short_way_reads_what_the_long_way_does(fields: dict[str, Any], count: int, hop: str) -> None:
    family = Family.of(hop)
    prefixes = [f"20.{n}.0.0/16" if family is Family.IPV4 else f"2a00:{n}::/32" for n in range(count)]
    line = told(fields, **{family.label: {hop: prefixes}})
    assert json.loads(line)
    (short,), (long,) = Parser().parse(line), Careful().parse(line)
    assert isinstance(short, Update)
    assert isinstance(long, Update)
    assert (short.local_ip, short.family, short.sent) == ("127.0.0.8", family, False)
    assert short.announced == long.announced == ((hop, prefixes),)
    as_path = short.path(hop).as_path  # before all attributes are read
    assert short.attributes == long.attributes
    assert as_path == short.path(hop).as_path == short.attributes.as_path
    assert short.path(hop).attributes is short.attributes, "read once"
    assert short.path("192.0.2.77").next_hop == "192.0.2.77"


def test_a_full_table_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json, "loads", lambda _: pytest.fail("read in full"))
    (event,) = Parser().parse(told(RICH, ipv4={"10.0.1.2": ["20.1.0.0/16", "20.2.0.0/16"]}))
    assert isinstance(event, Update)
    assert event.announced == (("10.0.1.2", ["20.1.0.0/16", "20.2.0.0/16"]),)


def test_equal_paths_are_one_object() -> None:
    parser = Parser()
    lines = [told(RICH, ipv4={"10.0.1.2": [f"20.{n}.0.0/16"]}) for n in range(2)]
    first, second = (
        event.path("10.0.1.2") for line in lines for event in parser.parse(line) if isinstance(event, Update)
    )
    (other,) = parser.parse(told(RICH, ipv4={"10.0.1.3": ["20.1.0.0/16"]}))
    assert first is second
    assert isinstance(other, Update)
    assert other.path("10.0.1.3") is not first
    assert parser.paths == 2


def test_attributes_are_read_once_as_long_as_anybody_has_them() -> None:
    (event,) = Parser().parse(told(RICH, ipv4={"10.0.1.2": ["20.1.0.0/16"]}))
    assert isinstance(event, Update)
    path = event.path("10.0.1.2")
    held = path.attributes
    assert path.attributes is held
    assert held.as_path == path.as_path
    gone = ref(held)
    del held, event
    assert gone() is None, "the path itself does not keep them"
    assert path.attributes.as_path == path.as_path


def test_what_is_out_of_use_is_forgotten_in_time() -> None:
    parser = Parser()
    kept = []
    for med in range(300):
        (event,) = parser.parse(told({"med": med}, ipv4={"10.0.1.2": ["20.1.0.0/16"]}))
        assert isinstance(event, Update)
        if med % 10 == 0:
            kept.append(event.path("10.0.1.2"))
        del event
        assert len(kept) <= parser.paths <= 3 * len(kept) + 3
    assert [path.attributes.med for path in kept] == list(range(0, 300, 10))


def test_other_families_and_kinds_concern_nobody() -> None:
    parser = Parser()
    assert parser.parse(update({"update": {"withdraw": {"ipv4 multicast": ["20.0.0.0/16"]}}})) == []
    assert parser.parse(update({"eor": {"afi": "l2vpn", "safi": "evpn"}})) == []
    assert parser.parse(line("keepalive", direction="receive")) == []


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b"3", b'{"type": "update"}', b'{"type": "state", "neighbor": 1}']
)
def test_what_is_not_exabgp_s_is_an_error(junk: bytes) -> None:
    with pytest.raises(MessageError):
        Parser().parse(junk)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "neighbor", "message", "update", "eor", "announce", "address", "local", "x"]
                ),
                x,
            )
        ),
    )
)
def test_no_json_raises_anything_else(value: object) -> None:
    with contextlib.suppress(MessageError):
        Parser().parse(json.dumps(value).encode())
