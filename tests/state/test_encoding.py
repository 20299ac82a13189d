"""What is read is what was written, or it is an error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family, Kind, Prefix
from arm.state.encoding import LIMIT, decode, encode
from arm.state.saved import Saved, SavedEntry, SavedFamily
from tests.state.build import body, many, plain, saves, sealed, some

ENCODED = encode(some())
NOTICED = r"^it|^a newer"


@given(saves)
def test_what_is_read_is_what_was_written(saved: Saved) -> None:
    assert plain(decode(encode(saved))) == plain(saved)


@settings(max_examples=150)
@given(saves, st.data())
def test_a_bit_that_flipped_is_noticed(saved: Saved, data: st.DataObject) -> None:
    content = bytearray(encode(saved))
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match=NOTICED):
        decode(bytes(content))


def test_each_octet_that_changed_is_noticed() -> None:
    for at in range(len(ENCODED)):
        content = bytearray(ENCODED)
        content[at] ^= 0xFF
        with pytest.raises(ValueError, match=NOTICED):
            decode(bytes(content))


def test_each_beginning_is_noticed() -> None:
    for length in range(len(ENCODED)):
        with pytest.raises(ValueError, match=NOTICED):
            decode(ENCODED[:length])
    with pytest.raises(ValueError, match="bytes"):
        decode(ENCODED + b"\0")


@given(st.binary(max_size=200))
def test_anything_else_is_no_state(content: bytes) -> None:
    with pytest.raises(ValueError, match="no state of ARM"):
        decode(content)


# --- with a right checksum --------------------------------------------------------------------------------

GOOD: dict[str, Any] = {"time": 5, "families": {"ipv4": {"routes": 7}}, "sections": []}


def whole(*sections: tuple[str, bytes], **changes: Any) -> bytes:
    """A state with these sections; `changes` to its header."""
    listed = [[name, len(content)] for name, content in sections]
    header = json.dumps(GOOD | {"sections": listed} | changes).encode()
    return sealed(body(header, *(content for _, content in sections)))


def test_the_good_one_is_good() -> None:
    found = decode(whole(("ipv4.entries", b"20.0.0.0/16 192.0.2.1 1\n"), ("other", b"x")))
    entry = SavedEntry(Prefix("20.0.0.0/16"), "192.0.2.1", Kind.ROUTE)
    assert plain(found) == plain(
        Saved(5.0, {Family.IPV4: SavedFamily([entry], None, 7)}, {"other": b"x"}),
    )


MEASURED = {"ipv4": {"observed": 1.0, "rate": 2.0}}


def columns(*rows: tuple[float, ...], dtype: str = "<f8") -> bytes:
    """The columns of these rows: keys and five others."""
    keys, *others = zip(*rows, strict=True)
    return np.array(keys, "<u8").tobytes() + b"".join(np.array(each, dtype).tobytes() for each in others)


FORGED = {
    sealed(b""): "no header",
    sealed(b"\xff\xff\xff\xff{}"): "its sections",
    sealed(body(b"{")): "not JSON",
    sealed(body(b"[" * 100_000)): "not JSON",
    sealed(body(b"\xff")): "not JSON",
    sealed(body(b"[]")): "not a JSON object",
    sealed(body(b"{}"), version=2): "a newer ARM wrote it: version 2, this one knows 1",
    sealed(body(b"{}"), version=0): "checksum",
    sealed(body(b"{}"), magic=b"ARM State"): "no state",
    whole(time=-1): "time is not a number from 0",
    whole(time=True): "time is not a number",
    whole(time=float("nan")): "time is not a number",
    whole(time=10**400): "time is not a number",
    whole(time=None): "time is not a number",
    whole(families=[]): "no families",
    whole(families={"ipv5": {}}): "unknown family",
    whole(families={"ipv4": 1}): "not a JSON object",
    whole(families={"ipv4": {"routes": -1}}): "routes",
    whole(families={"ipv4": {"routes": "1"}}): "routes",
    whole(sections=1): "sections",
    whole(sections=[["a"]]): "sections",
    whole(sections=[["a", 1]]): "sections",
    whole(sections=[["a", -1]]): "sections",
    whole(sections=[[1, 0]]): "sections",
    whole(("a", b"x"), ("a", b"y")): "sections",
    whole(("a", b"x"), sections=[]): "sections",
    whole(("ipv4.entries", b"20.0.0.0/16 192.0.2.1\n")): "prefix, next hop and kind",
    whole(("ipv4.entries", b"20.0.0.0/16 192.0.2.1 4\n")): "prefix, next hop and kind",
    whole(("ipv4.entries", b"\xff\xfe\n")): "prefix, next hop and kind",
    whole(("ipv4.entries", b"20.1.0.0/8 192.0.2.1 1\n")): "is no IPv4 prefix",
    whole(("ipv4.entries", b"20.0.0.0/33 192.0.2.1 1\n")): "is no IPv4 prefix",
    whole(("ipv4.entries", b"20.0.0.0/016 192.0.2.1 1\n")): "is no IPv4 prefix",
    whole(("ipv4.entries", b"20.0.0.0 192.0.2.1 1\n")): "is no IPv4 prefix",
    whole(("ipv4.entries", b"2001:db8::/32 192.0.2.1 1\n")): "is no IPv4 address",
    whole(("ipv4.entries", b"20.0.0.0/16 192.0.2 1\n")): "is no IPv4 address",
    whole(("ipv4.entries", b"20.0.0.0/16 \0 1\n")): "is no IPv4 address",
    whole(("ipv4.entries", b"20.0.0.0/16 192.0.2.1 1\n" * 2)): "two entries",
    whole(("ipv4.memory", b"")): "observed is not a number",
    whole(("ipv4.memory", b"1"), families=MEASURED): "not complete",
    whole(("ipv4.memory", columns((2, *[1.0] * 5), (1, *[1.0] * 5))), families=MEASURED): "not in order",
    whole(("ipv4.memory", columns((1, *[1.0] * 5), (1, *[1.0] * 5))), families=MEASURED): "not in order",
    whole(("ipv4.memory", columns((1 << 32, *[1.0] * 5))), families=MEASURED): "not in order",
    whole(("ipv4.memory", columns((1, *[1.0] * 4, -1.0))), families=MEASURED): "not numbers from 0",
    whole(("ipv4.memory", columns((1, float("nan"), *[1.0] * 4))), families=MEASURED): "not numbers from 0",
    whole(("ipv4.memory", columns((1, *[1.0] * 3, float("inf"), 1.0))), families=MEASURED): "not numbers",
}


@pytest.mark.parametrize("content", FORGED, ids=lambda content: FORGED[content])
def test_what_cannot_be_true_is_not_believed(content: bytes) -> None:
    with pytest.raises(ValueError, match=FORGED[content]):
        decode(content)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 100) | st.floats() | st.sampled_from(["ipv4", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ipv4", "routes"]), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["time", "families", "sections"]), json_values), st.binary(max_size=9))
def test_no_header_does_harm(changes: dict[str, Any], rest: bytes) -> None:
    """Nothing but a state or a ValueError."""
    content = sealed(body(json.dumps(GOOD | changes).encode(), rest))
    try:
        found = decode(content)
    except ValueError:
        return
    assert plain(decode(encode(found))) == plain(found)


# --- size -------------------------------------------------------------------------------------------------


def test_when_there_is_no_room_the_heaviest_blocks_stay() -> None:
    saved = Saved(1.0, {Family.IPV4: SavedFamily((), many(1000)), Family.IPV6: SavedFamily((), many(500))})
    size = len(encode(saved))
    content = encode(saved, size - 600 * 48)
    assert size - 601 * 48 - 10 <= len(content) <= size - 600 * 48
    found = decode(content).families
    least, count = np.inf, 0
    for family, before in ((Family.IPV4, many(1000)), (Family.IPV6, many(500))):
        memory = found[family].memory
        assert memory is not None
        assert memory.octets.tolist() == before.octets[memory.keys.astype(int)].tolist()
        least, count = min(least, memory.standing.min()), count + len(memory.keys)
    assert count == 900
    everything = np.concatenate((many(1000).standing, many(500).standing))
    assert np.count_nonzero(everything > least) < 900


@given(saves, st.integers(0, 600))
def test_no_limit_is_exceeded(saved: Saved, limit: int) -> None:
    try:
        content = encode(saved, limit)
    except ValueError:
        empty = {family: replace(each, memory=None) for family, each in saved.families.items()}
        assert len(encode(replace(saved, families=empty))) + 200 > limit, "it is only blocks that can go"
        return
    assert len(content) <= limit
    found = decode(content)
    assert {family: each.entries for family, each in found.families.items()} == {
        family: each.entries for family, each in saved.families.items()
    }


def test_a_meter_at_its_limit_fits() -> None:
    memory = many(400_000)
    assert len(encode(Saved(1.0, {family: SavedFamily((), memory) for family in Family}))) < LIMIT


# --- what must not be written -----------------------------------------------------------------------------


def test_a_section_may_not_be_called_like_a_familys() -> None:
    with pytest.raises(ValueError, match="has the name of a family"):
        encode(Saved(1.0, {}, {"ipv4.entries": b""}))


def test_what_is_no_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        encode(Saved(float("nan")))


@pytest.mark.parametrize(("now", "age"), [(105.0, 5.0), (100.0, 0.0), (5.0, 0.0), (1e12, 1e12 - 100.0)])
def test_a_clock_that_was_set_back_makes_nothing_young(now: float, age: float) -> None:
    assert Saved(100.0).age(now) == age
