"""How many entries fit, by what the hardware says; and what is not a number is not known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.fib.hardware import LASTING, STEADY, Hardware, Reading, Usage, by_family, number, smallest, usage_of
from arm.model import ArmError, Family, Prefix

V4, V6 = Family
counts = st.integers(0, 200_000)


def told(used: int | None, available: int | None) -> Reading:
    return Reading({V4: Usage(used, available)})


def look(hardware: Hardware, used: int | None, available: int | None, installed: int, now: float = 0) -> None:
    hardware.take(told(used, available), {V4: installed, V6: 0}, now)


NO_COUNTS = [-1, "-1", True, 7.0, "7.0", None, "", " 7", "\u0667", "unlimited", "9" * 5000, []]


@pytest.mark.parametrize(
    ("written", "meant"), [(7, 7), (0, 0), ("7", 7), ("007", 7), *((each, None) for each in NO_COUNTS)]
)
def test_only_a_count_is_a_number(written: object, meant: int | None) -> None:
    assert number(written) == meant


def test_a_table_without_use_and_room_is_none() -> None:
    assert usage_of(0, 0) == usage_of(None, 0) == Usage(None, None)
    assert usage_of(3, 0) == Usage(3, 0)
    assert usage_of(0, 3) == Usage(0, 3)
    assert usage_of(3, None) == Usage(3, None)


def test_the_smallest_of_what_is_not_all_known_is_not_known() -> None:
    assert smallest(3, 2, 5) == 2
    assert smallest(3, None) is None


def test_prefixes_by_family() -> None:
    ipv4, ipv6 = Prefix("20.0.0.0/16"), Prefix("2001:db8::/32")
    assert by_family([ipv4, ipv6]) == {V4: {ipv4}, V6: {ipv6}}
    assert by_family([]) == {}


# --- room ---------------------------------------------------------------------------------------------


def test_the_room_is_what_is_there_and_what_is_free_beside_it() -> None:
    hardware = Hardware("sonic")
    assert hardware.limits() == {}
    look(hardware, used=6_000, available=14_000, installed=5_000)
    assert hardware.limits() == {V4: 19_000}, "1,000 are not ARM's; of IPv6 nothing is known"
    (shortage,) = hardware.shortages({V4: 20_000, V6: 20_000})
    assert (shortage.configured, shortage.installed, shortage.available) == (20_000, 5_000, 14_000)
    assert list(hardware.shortages({V4: 19_000, V6: 20_000})) == []


@given(st.lists(st.tuples(counts, counts, counts), min_size=1))
def test_nothing_that_is_there_has_to_leave_and_never_more_than_the_table_has(
    steps: list[tuple[int, int, int]],
) -> None:
    """One reading after another, each with ARM's entries at that moment."""
    for used, available, installed in steps:
        hardware = Hardware("sonic")
        look(hardware, used, available, installed)
        for limit in hardware.limits().values():
            assert installed <= limit <= max(installed, used + available, 1)
    hardware = Hardware("sonic")
    for used, available, installed in steps:
        look(hardware, used, available, installed)
        assert all(limit >= 1 for limit in hardware.limits().values()), "0 switches a family off"


@given(counts, st.integers(1, 200_000), counts, st.sampled_from([(None, 7), (7, None), (None, None)]))
def test_what_is_not_known_changes_nothing(
    used: int, available: int, installed: int, unknown: tuple[int | None, int | None]
) -> None:
    hardware = Hardware("sonic")
    look(hardware, *unknown, installed=installed)
    assert hardware.limits() == {}
    look(hardware, used, available, installed)
    known = hardware.limits()
    assert known
    look(hardware, *unknown, installed=installed // 2)
    hardware.fail(ArmError("no answer", "none"))
    assert hardware.limits() == known


def test_figures_that_do_not_change_are_as_old_as_before() -> None:
    """CRM looks every 5 minutes; what ARM has installed since is not on top of what was free then."""
    hardware = Hardware("sonic")
    look(hardware, 1_000, 9_000, installed=0)
    look(hardware, 1_000, 9_000, installed=8_000, now=200)
    assert hardware.limits() == {V4: 9_000}
    look(hardware, 9_000, 1_000, installed=8_000, now=300)
    assert hardware.limits() == {V4: 9_000}


def test_the_room_does_not_follow_every_flicker() -> None:
    hardware = Hardware("sonic")
    look(hardware, 1_000, 9_000, installed=1_000)
    look(hardware, 999, int(9_000 * (1 + STEADY)), installed=999)
    assert hardware.limits() == {V4: 10_000}
    look(hardware, 1_000, 9_500, installed=1_000)
    assert hardware.limits() == {V4: 10_500}


def test_less_room_is_believed_when_it_lasts() -> None:
    hardware = Hardware("sonic")
    look(hardware, 10_000, 1_000, installed=10_000)
    look(hardware, 9_000, 2_000, installed=5_000, now=10)  # the hardware has yet to take out 4,000
    look(hardware, 5_000, 6_000, installed=5_000, now=10 + LASTING - 1)
    look(hardware, 5_000, 6_000, installed=5_000, now=99)
    assert hardware.limits() == {V4: 11_000}
    look(hardware, 5_000, 1_000, installed=5_000, now=100)
    look(hardware, 5_000, 2_000, installed=5_000, now=101)
    look(hardware, 5_000, 2_000, installed=9_000, now=99 + LASTING)
    assert hardware.limits() == {V4: 11_000}
    look(hardware, 5_000, 2_000, installed=9_000, now=100 + LASTING)
    assert hardware.limits() == {V4: 7_000}, "by the same figures again, which say nothing of what is new"


def test_none_free_is_believed_of_those_who_can_count() -> None:
    hardware = Hardware("sonic")
    look(hardware, 40, 0, installed=30)
    assert hardware.limits() == {}
    look(hardware, 41, 9, installed=30)
    look(hardware, 50, 0, installed=33, now=1)
    look(hardware, 50, 0, installed=33, now=1 + LASTING)
    assert hardware.limits() == {V4: 33}


# --- what is shown ------------------------------------------------------------------------------------


def test_what_is_shown_has_an_age_and_outlives_a_failure() -> None:
    assert Hardware().shown(V4, 0) is None
    hardware = Hardware("cumulus")
    shown = hardware.shown(V4, 5)
    assert shown is not None
    assert (shown.platform, shown.used, shown.available, shown.age) == ("cumulus", None, None, None)
    look(hardware, 4, 6, installed=0, now=10)
    hardware.fail(ArmError("no answer", "none"))
    shown = hardware.shown(V4, 25)
    assert shown is not None
    assert (shown.used, shown.available, shown.age) == (4, 6, 15)
    ipv6 = hardware.shown(V6, 25)
    assert ipv6 is not None
    assert (ipv6.used, ipv6.available) == (None, None)
    look(hardware, 4, 6, installed=0, now=30)
    assert hardware.error is None
