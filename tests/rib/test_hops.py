"""Next hops as numbers."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from arm.rib.hops import RAW_DEFAULT, RAW_LOCAL, RAW_MIXED, NextHops
from arm.rib.hoptable import DEFAULT, MIXED

gateways = st.lists(st.sampled_from("abcd"), unique=True, max_size=3).map(sorted).map(tuple)


@given(st.lists(gateways, max_size=20))
def test_equal_gateways_have_equal_numbers_that_stay(seen: list[tuple[str, ...]]) -> None:
    hops = NextHops()
    numbers = [hops.number(each) for each in seen]
    assert [hops.number(each) for each in seen] == numbers
    for each, number in zip(seen, numbers, strict=True):
        assert hops.gateways(number) == each
        assert number == RAW_LOCAL if not each else number > RAW_LOCAL
    assert len(set(numbers)) == len(set(seen))
    assert len(hops) == 3 + len({each for each in seen if each})


@given(st.lists(gateways, max_size=12), gateways, st.frozensets(st.sampled_from("abcd")))
def test_a_number_means_the_default_where_packets_go_there(
    seen: list[tuple[str, ...]], default: tuple[str, ...], reachable: frozenset[str]
) -> None:
    hops = NextHops()
    numbers = [hops.number(each) for each in seen]
    meaning = hops.meaning(default, reachable.__contains__)
    assert len(meaning) == len(hops)
    assert [meaning[raw] for raw in (RAW_DEFAULT, RAW_MIXED, RAW_LOCAL)] == [DEFAULT, MIXED, RAW_LOCAL]
    for each, number in zip(seen, numbers, strict=True):
        if each:
            there = each == default or not reachable.issuperset(each)
            assert meaning[number] == (DEFAULT if there else number)


def test_what_is_thrown_away_never_goes_where_the_default_goes() -> None:
    assert NextHops().meaning((), lambda _: True)[RAW_LOCAL] not in (DEFAULT, MIXED)


def test_threads_that_ask_at_once_get_the_same_numbers() -> None:
    """The choice is made beside the event loop, and both meet next hops that are new."""
    wanted = [(f"10.{n >> 8}.{n & 255}.1",) for n in range(2000)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            for _ in range(10):
                hops = NextHops()
                numbers = [*threads.map(lambda _, hops=hops: list(map(hops.number, wanted)), range(4))]
                assert all(each == numbers[0] for each in numbers)
                assert [hops.gateways(number) for number in numbers[0]] == wanted
    finally:
        sys.setswitchinterval(interval)
