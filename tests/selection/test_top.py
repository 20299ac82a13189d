"""Strategy `top` against a plain twin, and the family loop around it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.family import FamilyLoop
from arm.model import Attributes, Entry, Family, Prefix, Route
from arm.rib.table import RouteTable
from arm.selection import top
from tests.traffic.build import traffic


def plain(
    rates: list[float], incumbent: list[bool], room: int, minimum: float, hysteresis: float
) -> list[int]:
    candidates = [index for index, rate in enumerate(rates) if rate >= minimum]
    score = {i: rates[i] * (1.0 + hysteresis) if incumbent[i] else rates[i] for i in candidates}
    return sorted(candidates, key=lambda i: (-score[i], not incumbent[i], i))[:room]


@given(
    st.lists(st.tuples(st.floats(0, 1e12) | st.sampled_from((0.0, 1.0, 2.0)), st.booleans()), max_size=40),
    st.integers(0, 45),
    st.sampled_from((0.0, 1.0, 1e6)),
    st.sampled_from((0.0, 0.2, 1.0)),
)
def test_equals_the_plain_twin(
    prefixes: list[tuple[float, bool]], room: int, minimum: float, hysteresis: float
) -> None:
    rates, incumbent = [rate for rate, _ in prefixes], [each for _, each in prefixes]
    found = top.choose(np.array(rates, float), np.array(incumbent, bool), room, minimum, hysteresis)
    assert found.tolist() == plain(rates, incumbent, room, minimum, hysteresis)


def test_an_incumbent_leaves_only_for_one_that_carries_enough_more() -> None:
    stays = top.choose(np.array([100.0, 119.0]), np.array([True, False]), 1, 0.0, 0.2)
    leaves = top.choose(np.array([100.0, 121.0]), np.array([True, False]), 1, 0.0, 0.2)
    assert (stays.tolist(), leaves.tolist()) == ([0], [1])


# --- the family loop: both families through one code path --------------------------------------------------

CASES = [
    (
        Family.IPV4,
        "20.0.0.0/8",
        "20.1.0.0/16",
        "30.0.0.0/8",
        ("20.9.9.9", "20.1.9.9", "30.0.0.1", "40.0.0.1"),
    ),
    (Family.IPV6, "2a00::/16", "2a00:1::/32", "2b00::/16", ("2a00:9::9", "2a00:1::9", "2b00::1", "2c00::1")),
]


def setup(family: Family, *routes: tuple[str, str]) -> tuple[FamilyLoop, RouteTable]:
    table = RouteTable(family)
    for prefix, next_hop in routes:
        table.set(Route(Prefix(prefix), next_hop, Attributes()))
    loop = FamilyLoop(family, window=60.0, hysteresis=0.2, minimum_rate=0.0)
    loop.measure(traffic({}), table, 1.0, 0.0)  # time begins
    return loop, table


@pytest.mark.parametrize(("family", "wide", "narrow", "other", "addresses"), CASES)
def test_traffic_counts_for_its_longest_match_and_is_scored_against_the_kernel(
    family: Family, wide: str, narrow: str, other: str, addresses: tuple[str, ...]
) -> None:
    loop, table = setup(family, (wide, "a"), (narrow, "b"), (other, "a"))
    loop.kernel(Prefix(wide), present=True)
    in_wide, in_narrow, in_other, unrouted = addresses
    sizes = traffic({in_wide: 400, in_narrow: 300, in_other: 200, unrouted: 100})
    loop.measure(sizes, table, 1.0, 1.0)
    assert dict(zip(loop.meter.prefixes(), loop.meter.weights().tolist(), strict=True)) == {
        wide: 400,
        narrow: 300,
        other: 200,
    }
    assert loop.coverage.share == pytest.approx(0.7), "both addresses under the installed prefix match it"
    assert loop.coverage.astray == pytest.approx(0.3), "but one should have gone to b"
    assert loop.bits_per_second == 8000.0


@pytest.mark.parametrize(("family", "wide", "narrow", "other", "addresses"), CASES)
def test_choice(family: Family, wide: str, narrow: str, other: str, addresses: tuple[str, ...]) -> None:
    loop, table = setup(family, (wide, "a"), (narrow, "b"), (other, "a"))
    loop.measure(traffic(dict(zip(addresses, (400, 300, 200, 100), strict=True))), table, 1.0, 1.0)
    chosen = loop.choose(table.get, {}, lambda _: False, 2, may_withdraw=True)
    assert list(chosen) == [wide, narrow]
    assert chosen[Prefix(narrow)].next_hop == "b"
    table.remove(Prefix(wide))
    again = loop.choose(table.get, chosen, lambda _: False, 2, may_withdraw=True)
    assert list(again) == [narrow, other], "what has no route any more makes room"
    assert again[Prefix(narrow)] is chosen[Prefix(narrow)]


@pytest.mark.parametrize(("family", "wide", "narrow", "other", "addresses"), CASES)
def test_nothing_is_evicted_where_nothing_may_be_withdrawn(
    family: Family, wide: str, narrow: str, other: str, addresses: tuple[str, ...]
) -> None:
    loop, table = setup(family, (wide, "a"), (narrow, "b"), (other, "a"))
    loop.measure(traffic({addresses[0]: 400, addresses[1]: 300}), table, 1.0, 1.0)
    current = {Prefix(other): Entry(Prefix(other), "old", Attributes())}
    chosen = loop.choose(table.get, current, lambda _: False, 2, may_withdraw=False)
    assert list(chosen) == [other, wide]
    assert chosen[Prefix(other)].next_hop == "a"


@pytest.mark.parametrize(("family", "wide", "narrow", "other", "addresses"), CASES)
def test_what_takes_no_route_is_not_measured(
    family: Family, wide: str, narrow: str, other: str, addresses: tuple[str, ...]
) -> None:
    loop, table = setup(family, (wide, "a"))
    loop.connected([Prefix(narrow), Prefix("10.0.0.0/8"), Prefix("fe80::/10")])
    group = "224.0.0.251" if family is Family.IPV4 else "ff02::fb"
    loop.measure(traffic({addresses[0]: 100, addresses[1]: 900, group: 700}), table, 1.0, 1.0)
    assert loop.meter.weights().tolist() == [100]
    assert loop.bits_per_second == 800.0, "neither connected nor multicast"


@pytest.mark.parametrize(("family", "wide", "narrow", "other", "addresses"), CASES)
def test_an_earlier_run_s_entries_are_incumbents(
    family: Family, wide: str, narrow: str, other: str, addresses: tuple[str, ...]
) -> None:
    loop, table = setup(family, (wide, "a"))
    loop.adopt([Prefix(wide), Prefix(narrow)], table, 0.0)
    loop.measure(traffic({}), table, 1.0, 1.0)
    assert list(loop.choose(table.get, {}, lambda _: True, 5, may_withdraw=False)) == [wide]


@pytest.mark.parametrize(("family", "wide", "narrow", "other", "addresses"), CASES)
def test_what_an_earlier_run_left_is_not_evicted_by_the_first_samples(
    family: Family, wide: str, narrow: str, other: str, addresses: tuple[str, ...]
) -> None:
    loop, table = setup(family, (wide, "a"), (narrow, "b"), (other, "a"))
    left = [Prefix(narrow), Prefix(other)]
    loop.adopt(left, table, 0.0)
    loop.measure(traffic({addresses[0]: 400}), table, 1.0, 1.0)
    assert set(loop.choose(table.get, {}, left.__contains__, 2, may_withdraw=False)) == set(left)
    assert wide in loop.choose(table.get, {}, left.__contains__, 2, may_withdraw=True)


def test_time_without_a_table_is_no_time_without_traffic() -> None:
    loop, table = FamilyLoop(Family.IPV4, 60.0, 0.2, 0.0), RouteTable(Family.IPV4)
    for second in range(100):
        loop.measure(traffic({"20.0.0.1": 1000}), table, 1.0, float(second))
    table.set(Route(Prefix("20.0.0.0/8"), "a", Attributes()))
    for second in range(100, 111):
        loop.measure(traffic({"20.0.0.1": 1000}), table, 1.0, float(second))
    assert loop.meter.rates().tolist() == pytest.approx([8000], rel=0.11)
