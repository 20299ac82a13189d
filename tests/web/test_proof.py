"""The count of misforwarded addresses, against a look at every single one of a small universe."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import Family
from arm.picture_proof import LOOK, Proof, common, example
from arm.rib.fulltable import FullTable, RouteIndex
from arm.rib.hoptable import DEFAULT, HopTable
from arm.selection.check import Wrong

UNIVERSE = 32  # addresses, at the end of the space
FIRST = (1 << 32) - UNIVERSE
Rows = dict[tuple[int, int], int]

prefixes = st.tuples(st.integers(0, UNIVERSE - 1), st.integers(27, 32)).map(
    lambda place: ((FIRST + place[0]) >> (32 - place[1]) << (32 - place[1]), place[1])
)
tables = st.dictionaries(prefixes, st.integers(0, 3), max_size=8)
NOTHING = HopTable.of(32, ())


def table(rows: Rows) -> FullTable:
    index = RouteIndex(32)
    index.load(HopTable.of(32, ((*place, hop) for place, hop in rows.items())))
    return index.snapshot(np.arange(4, dtype=np.int32))


def hop(rows: Rows, address: int) -> int:
    """The longest match, found one by one."""
    here = (((address >> (32 - length)) << (32 - length), length) for length in range(33))
    return max(((place[1], rows[place]) for place in here if place in rows), default=(0, DEFAULT))[1]


def wrong_addresses(installed: Rows, full: Rows) -> set[int]:
    return {
        address
        for address in range(FIRST, FIRST + UNIVERSE)
        if hop(installed, address) not in (DEFAULT, hop(full, address))
    }


def addresses(wrong: Wrong) -> set[int]:
    pairs = list(zip(wrong.firsts.tolist(), wrong.lasts.tolist(), strict=True))
    assert all(last < first for (_, last), (first, _) in pairwise(pairs)), "ascending"
    return {address for first, last in pairs for address in range(first, last + 1)}


@given(st.lists(st.tuples(tables, tables), min_size=1, max_size=4))
def test_every_wrong_address_counts_and_lasts_from_look_to_look(pictures: list[tuple[Rows, Rows]]) -> None:
    proof, before = Proof(), set[int]()
    for step, (installed, full) in enumerate(pictures):
        proven = proof.look(table(installed), table(full), NOTHING, step * LOOK)
        now = wrong_addresses(installed, full)
        assert proven.addresses == len(now)
        assert addresses(proven.lasting) == before & now
        before = now


RIGHT: Rows = {(FIRST, 28): 1, (FIRST, 30): 2}
ASTRAY: Rows = {(FIRST, 28): 1}  # hides the /30


def test_a_look_is_not_repeated_within_a_moment() -> None:
    proof = Proof()
    assert proof.look(table(RIGHT), table(RIGHT), NOTHING, 10.0).addresses == 0
    assert proof.look(table(ASTRAY), table(RIGHT), NOTHING, 10.0 + LOOK - 0.1).addresses == 0
    assert proof.look(table(ASTRAY), table(RIGHT), NOTHING, 10.0 + LOOK).addresses == 4


def test_what_is_unchanged_at_the_next_look_lasts_without_being_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proof = Proof()
    assert not len(proof.look(table(ASTRAY), table(RIGHT), NOTHING, 0.0).lasting)
    monkeypatch.setattr("arm.picture_proof.misforwarded", lambda *_: pytest.fail("compared again"))
    assert addresses(proof.look(table(ASTRAY), table(RIGHT), NOTHING, LOOK).lasting) == set(
        range(FIRST, FIRST + 4)
    )
    monkeypatch.undo()
    assert proof.look(table(RIGHT), table(RIGHT), NOTHING, 2 * LOOK).addresses == 0, "a change is noticed"


def test_old_tables_are_no_new_look() -> None:
    """While a choice takes long the tables stay as they are, and what is on its way seems to stand still."""
    proof, installed, full = Proof(), table(ASTRAY), table(RIGHT)
    for now in (0.0, LOOK, 2 * LOOK):
        assert not len(proof.look(installed, full, NOTHING, now).lasting)
    assert len(proof.look(replace(installed), table(RIGHT), NOTHING, 3 * LOOK).lasting) == 1


ranges = st.lists(st.integers(0, 40), unique=True, max_size=12).map(sorted)


def made(numbers: list[int]) -> Wrong:
    ends = np.array(numbers[: len(numbers) // 2 * 2], np.uint64).reshape(-1, 2)
    return Wrong(ends[:, 0], ends[:, 1])


@given(ranges, ranges)
def test_what_two_lists_of_ranges_have_in_common(one: list[int], other: list[int]) -> None:
    assert addresses(common(made(one), made(other))) == addresses(made(one)) & addresses(made(other))


@pytest.mark.parametrize(
    ("family", "ranges", "expected"),
    [
        (Family.IPV4, [(0x0A000001, 0x0A000001), (0x14000000, 0x140000FF)], "20.0.0.0/24"),
        (Family.IPV4, [(0x0A000003, 0x0A000006)], "10.0.0.3/32"),
        (Family.IPV4, [(0, (1 << 32) - 1)], "0.0.0.0/0"),
        (Family.IPV6, [(0x20010DB800000000, 0x20010DB80000FFFF)], "2001:db8::/48"),
        (Family.IPV6, [((1 << 64) - 1, (1 << 64) - 1)], "ffff:ffff:ffff:ffff::/64"),
    ],
)
def test_the_example_lies_in_the_largest_range(
    family: Family, ranges: list[tuple[int, int]], expected: str
) -> None:
    firsts, lasts = (np.array(column, np.uint64) for column in zip(*ranges, strict=True))
    assert example(family, Wrong(firsts, lasts)) == expected
