"""The hardware's tables: every length in exactly one, and what an entry takes there."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.config import Config, ConfigError, parse, pools
from arm.model import Family

SESSIONS: dict[str, Any] = {
    "reflector": {"as": 65000, "id": "192.0.2.254"},
    "target": {"as": 65000, "id": "192.0.2.254"},
}


def configuration(**capacity: object) -> Config:
    return parse(SESSIONS | {"capacity": capacity})


def pool(name: str, *holds: str) -> dict[str, object]:
    return {"name": name, "slots": 1000, "holds": list(holds)}


def test_without_tables_each_family_has_its_own_limit() -> None:
    ipv4, ipv6 = pools(configuration(ipv4=300, ipv6=0).capacity)
    assert (ipv4.name, ipv4.slots, ipv4.costs) == ("ipv4", 300, {Family.IPV4: (1,) * 33})
    assert (ipv6.name, ipv6.slots, ipv6.costs) == ("ipv6", 0, {Family.IPV6: (1,) * 129})


def test_tables_come_after_the_limits() -> None:
    config = configuration(
        pools=[pool("lpm", "ipv4", "ipv6 0-64: 2 slots"), pool("long", "ipv6 65-128: 4 slots")]
    )
    ipv4, ipv6, lpm, long = pools(config.capacity)
    assert [each.name for each in (ipv4, ipv6, lpm, long)] == ["ipv4", "ipv6", "lpm", "long"]
    assert [each.slots for each in (ipv4, ipv6, lpm, long)] == [20000, 20000, 1000, 1000]
    assert lpm.costs == {Family.IPV4: (1,) * 33, Family.IPV6: (2,) * 65 + (0,) * 64}
    assert long.costs == {Family.IPV6: (0,) * 65 + (4,) * 64}


@pytest.mark.parametrize(
    ("text", "first", "last", "slots"),
    [
        ("ipv4", 0, 32, 1),
        ("ipv4: 3 slots", 0, 32, 3),
        ("ipv4 1-32", 1, 32, 1),
        ("ipv4  0 - 32 :1 slot", 0, 32, 1),
    ],
)
def test_forms_of_a_holding(text: str, first: int, last: int, slots: int) -> None:
    *_, table = pools(configuration(ipv6=0, pools=[pool("lpm", text)]).capacity)
    costs = table.costs[Family.IPV4]
    assert [length for length, cost in enumerate(costs) if cost] == list(range(first, last + 1))
    assert set(costs[first : last + 1]) == {slots}


def test_a_family_that_is_off_needs_no_table() -> None:
    tables = [pool("lpm", "ipv4", "ipv6 64")]
    assert len(pools(configuration(ipv6=0, pools=tables).capacity)) == 3
    with pytest.raises(ConfigError):
        configuration(pools=tables)


# One pool's piece of a family: pool, family, two lengths in any order.
pieces = st.tuples(st.integers(0, 2), st.sampled_from(Family), st.integers(0, 128), st.integers(0, 128))


@given(st.integers(0, 2), st.integers(0, 32), st.booleans(), st.lists(pieces, max_size=3))
def test_sound_if_and_only_if_each_length_is_held_once(
    number: int, cut: int, complete: bool, further: list[tuple[int, Family, int, int]]
) -> None:
    """Against counting; what the faults name are the very lengths that are held twice or not at all."""
    listed = [(number, Family.IPV4, 0, cut), (1, Family.IPV6, 0, 128), *further]
    if complete:
        listed.append((0, Family.IPV4, cut + 1, 32))
    ordered = [(number, family, min(a, b), max(a, b)) for number, family, a, b in listed]
    holds = [each for each in ordered if each[3] <= each[1].bits]
    tables = [
        pool(f"p{number}", *(f"{family.label} {a}-{b}: 2 slots" for n, family, a, b in holds if n == number))
        for number in sorted({each[0] for each in holds})
    ]
    wrong = {
        (family.title, length)
        for family in Family
        for length in range(1, family.bits + 1)
        if sum(each[1] is family and each[2] <= length <= each[3] for each in holds) != 1
    }
    named: set[tuple[str, int]] = set()
    try:
        configured = pools(configuration(pools=tables).capacity)[2:]
    except ConfigError as error:
        for fault in error.faults:
            match = re.match(r"(IPv[46]) /(\d+)(?: to /(\d+))? (?:is|are) in ", fault.problem)
            assert match, fault
            title, a, b = match.groups()
            named |= {(title, length) for length in range(int(a), int(b or a) + 1)}
    else:
        for family in Family:
            for length in range(1, family.bits + 1):
                assert sum(each.cost(family, length) for each in configured) == 2
    assert named == wrong
