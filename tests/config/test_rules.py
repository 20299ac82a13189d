"""What the options of [selection] become: rules in the table's form, times as Unix seconds, words as None."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.config import Config, ConfigError, parse
from arm.model import Family
from arm.rib.prefixmap import text

SESSIONS: dict[str, Any] = {
    "reflector": {"as": 65000, "id": "192.0.2.254"},
    "target": {"as": 65000, "id": "192.0.2.254"},
}


def configuration(**selection: object) -> Config:
    return parse(SESSIONS | {"selection": selection})


def test_a_rule_of_each_kind() -> None:
    until = datetime(2026, 12, 31, tzinfo=UTC)
    rules = [
        {"prefix": "203.0.113.0/24", "until": until, "note": "why"},
        {"as": 64500},
        {"community": "65000:666"},
        {"community": "65000:0:4294967295"},
    ]
    nothing: dict[str, object] = dict.fromkeys(("prefix", "asn", "community", "until")) | {"note": ""}
    assert [dict(rule) for rule in configuration(pins=rules).selection.pins] == [
        nothing | {"prefix": "203.0.113.0/24", "until": until.timestamp(), "note": "why"},
        nothing | {"asn": 64500},
        nothing | {"community": (65000, 666)},
        nothing | {"community": (65000, 0, 4294967295)},
    ]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("0.0.0.0/1", "0.0.0.0/1"),
        ("::ffff:1.2.0.0/112", "::ffff:1.2.0.0/112"),  # as the BGP table has it, not as Python does
        ("203.0.113.7/32", "203.0.113.7/32"),
    ],
)
def test_prefixes_are_in_the_form_of_the_table(written: str, canonical: str) -> None:
    (rule,) = configuration(denials=[{"prefix": written}]).selection.denials
    assert rule.prefix == canonical


@given(st.integers(1, 128), st.integers(0, 2**128 - 1))
def test_any_prefix_of_the_table_can_be_named(length: int, address: int) -> None:
    for family in Family:
        bits = min(length, family.bits)
        start = address % 2**family.bits >> (family.bits - bits) << (family.bits - bits)
        prefix = text(family, start, bits)
        (rule,) = configuration(pins=[{"prefix": prefix}]).selection.pins
        assert rule.prefix == prefix


@given(st.lists(st.integers(0, 2**33), min_size=1, max_size=4))
def test_a_community_is_two_numbers_of_16_bits_or_three_of_32(numbers: list[int]) -> None:
    limit = {2: 2**16, 3: 2**32}.get(len(numbers), 0)
    written = [{"community": ":".join(map(str, numbers))}]
    if max(numbers) < limit:
        assert configuration(pins=written).selection.pins[0].community == tuple(numbers)
    else:
        with pytest.raises(ConfigError):
            configuration(pins=written)


def test_words_that_stand_for_nothing() -> None:
    selection = configuration(window="auto", record="").selection
    assert (selection.window, selection.record) == (None, None)
    selection = configuration(window=60, record="/var/lib/arm/traffic").selection
    assert (selection.window, selection.record) == (60.0, Path("/var/lib/arm/traffic"))


def test_factors_by_canonical_next_hop() -> None:
    factors = configuration(factors={"192.0.2.1": 3, "2001:DB8::0:1": 0.5}).selection.factors
    assert factors == {"192.0.2.1": 3.0, "2001:db8::1": 0.5}


def test_auto_is_as_long_as_any_interval() -> None:
    assert configuration(interval=60).selection.window is None
    with pytest.raises(ConfigError):
        configuration(interval=60, window=59.0)


def test_an_expired_rule_is_no_fault() -> None:
    """A configuration must not become faulty by waiting."""
    (rule,) = configuration(pins=[{"as": 64500, "until": datetime(1999, 1, 1, tzinfo=UTC)}]).selection.pins
    assert rule.until is not None
    assert rule.until < datetime.now(UTC).timestamp()
