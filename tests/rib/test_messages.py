"""ExaBGP's lines, as ExaBGP 5.0.15 really wrote them (shortened to what matters)."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import AsPathSegment, Family
from arm.rib.messages import Answer, EndOfRib, MessageError, Parser, SessionChange, Update


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


def test_equal_attributes_are_one_object_while_in_use() -> None:
    parser = Parser()
    announce = {"ipv4 unicast": {"10.0.1.2": ["20.1.0.0/16"]}}
    (first,) = parser.parse(update({"update": {"attribute": RICH, "announce": announce}}))
    (second,) = parser.parse(update({"update": {"attribute": dict(RICH), "announce": announce}}))
    assert isinstance(first, Update)
    assert isinstance(second, Update)
    assert first.attributes is second.attributes
    assert parser.attribute_sets == 1
    del first, second
    assert parser.attribute_sets == 0


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
