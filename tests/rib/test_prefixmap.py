"""A map of prefixes against a plain scan with the standard library's networks."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import Family, Prefix
from arm.rib.prefixmap import PrefixMap, key, text


def network(prefix: Prefix) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(prefix)


def covers(outer: Prefix, inner: Prefix) -> bool:
    """Strictly less specific?"""
    a, b = network(outer), network(inner)
    return a.prefixlen < b.prefixlen and int(a[0]) <= int(b[0]) <= int(a[-1])


@st.composite
def prefixes(draw: st.DrawFn, family: Family) -> Prefix:
    """Crowded corners of the address space, lengths 0 and the full width, and IPv6 around /64."""
    length = draw(st.sampled_from((0, 1, 7, 8, 9, 12, 31, 32, 63, 64, 65, 126, 127, 128)))
    length = min(length, family.bits)
    ones = draw(st.integers(0, 3))
    address = 20 << (family.bits - 8) | (ones << (family.bits - length)) % (1 << family.bits)
    return text(family, address >> (family.bits - length) << (family.bits - length), length)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Family, list[tuple[Prefix, int | None]], Prefix]:
    """Values set, or removed where None, and a prefix to ask about."""
    family = draw(st.sampled_from(Family))
    changes = st.tuples(prefixes(family), st.none() | st.integers(0, 9))
    return family, draw(st.lists(changes, max_size=30)), draw(prefixes(family))


@given(histories())
def test_answers_are_those_of_a_plain_scan(
    history: tuple[Family, list[tuple[Prefix, int | None]], Prefix],
) -> None:
    family, changes, asked = history
    plain: dict[Prefix, int] = {}
    grown = PrefixMap[int](family)
    for prefix, value in changes:
        if value is not None:
            plain[prefix] = grown[prefix] = value
        else:
            assert plain.pop(prefix, None) == grown.pop(prefix, None)
    by_length = sorted(plain, key=lambda each: network(each).prefixlen)
    for found in (grown, PrefixMap(family, plain), PrefixMap(family, grown)):
        assert dict(found.items()) == {prefix: found[prefix] for prefix in found} == plain
        assert len(found) == len(plain)
        assert all(prefix in found for prefix in plain)
        covering = [(prefix, plain[prefix]) for prefix in reversed(by_length) if covers(prefix, asked)]
        assert list(found.covering(asked)) == covering
        assert list(found.covering(asked, longer_than=8)) == [
            (prefix, value) for prefix, value in covering if network(prefix).prefixlen > 8
        ]
        inside = found.inside(asked)
        assert sorted(inside) == sorted((p, value) for p, value in plain.items() if covers(asked, p))
        assert [key(prefix) for prefix, _ in inside] == sorted(key(prefix) for prefix, _ in inside)
        related = [
            prefix for prefix in plain if covers(prefix, asked) or covers(asked, prefix) or prefix == asked
        ]
        assert sorted(found.related(asked)) == sorted(related)


@given(st.sampled_from(Family).flatmap(lambda family: st.tuples(st.just(family), prefixes(family))))
def test_key_and_text_are_each_others_inverse(each: tuple[Family, Prefix]) -> None:
    family, prefix = each
    start, length = key(prefix)
    assert (start, length) == (int(network(prefix).network_address), network(prefix).prefixlen)
    assert text(family, start, length) == prefix == str(network(prefix))


def test_what_is_not_there_cannot_be_removed() -> None:
    found = PrefixMap(Family.IPV4, {Prefix("20.0.0.0/9"): 1})
    with pytest.raises(KeyError):
        del found[Prefix("20.0.0.0/8")]
    assert list(found.inside(Prefix("0.0.0.0/0"))) == [("20.0.0.0/9", 1)]
