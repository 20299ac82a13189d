"""What Cumulus and devlink print, as recorded; anything else is unknown, never a guess."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.fib.cumulus import resource_usage
from arm.fib.devlink import fib_usage
from arm.fib.hardware import Usage
from arm.model import Family

RECORDED = Path(__file__).parent / "recorded"
V4, V6 = Family
Read = Callable[[str], dict[Family, Usage]]


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


@pytest.mark.parametrize(
    ("file", "ipv4", "ipv6"),
    [
        ("tomahawk.txt", Usage(4, 65_524), Usage(8, 8_184)),  # the total of 65,536 is both families'
        ("tomahawk.json", Usage(4, 65_524), Usage(8, 8_184)),
        ("spectrum2.txt", Usage(0, 82_720), Usage(22, 74_424)),
        ("spectrum-3.0.txt", Usage(33, 32_722), Usage(13, 15_347)),
        ("nvue-5.11.txt", Usage(22, 65_514), Usage(21, 45_035)),
        ("nvue-5.17.txt", Usage(0, 82_693), Usage(20, 74_404)),
    ],
)
def test_cumulus(file: str, ipv4: Usage, ipv6: Usage) -> None:
    assert resource_usage(recorded(f"cumulus/{file}")) == {V4: ipv4, V6: ipv6}


@pytest.mark.parametrize(
    ("file", "usage"),
    [
        ("netdevsim.json", {V4: Usage(3, None), V6: Usage(1, None)}),  # "unlimited"
        ("netdevsim-pending.json", {V4: Usage(3, None), V6: Usage(1, None)}),
        ("netdevsim-limited.json", {V4: Usage(3, 37), V6: Usage(1, 29)}),
        ("mlxsw.json", {}),
    ],
)
def test_devlink(file: str, usage: dict[Family, Usage]) -> None:
    assert fib_usage(recorded(f"devlink/{file}")) == usage


WRONG = ["", "{}", "[]", "{", "null", "7", "IPv4 route entries: many, 0% of maximum value 65536"]
WRONG += ['{"route_0_entry": 7}', '{"a": {"name": "IPv4 route entries", "count": "4", "max": null}}']
WRONG += ["IPv4 route entries:   4", "IPv4-route-entries   4   0%", recorded("cumulus/vx.txt")]
WRONG += [
    '{"resources": []}',
    '{"resources": {"a": {}}}',
    '{"resources": {"a": [{"name": "IPv4"}, 1, null]}}',
]
WRONG += ['{"resources": {"a": [{"name": "IPv4", "resources": [{"name": "fib", "size": "7 GB"}]}]}}']


@pytest.mark.parametrize("read", [resource_usage, fib_usage])
@pytest.mark.parametrize("text", WRONG)
def test_what_makes_no_sense_is_unknown(read: Read, text: str) -> None:
    assert all(usage == Usage(None, None) for usage in read(text).values())


documents = st.recursive(
    st.none() | st.integers() | st.sampled_from(["fib", "IPv4", "IPv4 route entries", "4"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["resources", "name", "size", "max"]), inner)
    ),
    max_leaves=12,
)


@given(documents)
def test_no_document_does_harm(document: Any) -> None:
    text = json.dumps(document)
    assert set(resource_usage(text)) | set(fib_usage(text)) <= set(Family)


@given(st.text())
def test_no_text_does_harm(text: str) -> None:
    assert resource_usage(text) == fib_usage(text) == {}


@given(st.data())
def test_a_cut_text_says_what_is_still_there(data: st.DataObject) -> None:
    text = recorded("cumulus/spectrum2.txt")
    whole, cut = resource_usage(text), text[: data.draw(st.integers(0, len(text)))]
    lines = cut.count("\n")
    cut = "".join(text.splitlines(keepends=True)[:lines])
    found = resource_usage(cut)
    assert found.keys() == {family for family, line in ((V4, 5), (V6, 6)) if lines >= line}
    assert all(found[family].used == whole[family].used for family in found)
