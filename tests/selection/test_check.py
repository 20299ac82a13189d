"""The proof that a table never misforwards, against looking at every address."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Prefix
from arm.rib.fulltable import RouteIndex
from arm.rib.hops import RAW_LOCAL, RAW_MIXED, NextHops
from arm.rib.hoptable import HopTable, key_bits
from arm.rib.prefixmap import key
from arm.selection.check import misforwarded
from tests.selection.plain import Question, questions
from tests.selection.universe import HOPS


@settings(max_examples=200, deadline=None)
@given(questions(), st.data())
def test_equals_looking_at_every_address(question: Question, data: st.DataObject) -> None:
    """Whatever is installed, right or wrong."""
    universe = question.universe
    entries: dict[Prefix, int] = data.draw(
        st.dictionaries(st.sampled_from(universe.prefixes), st.integers(0, HOPS), max_size=8)
    )
    demand = question.demand
    wrong = misforwarded(question.numbers(entries), demand.table, demand.fixed)
    ranges = list(zip(wrong.firsts.tolist(), wrong.lasts.tolist(), strict=True))
    assert all(first <= last for first, last in ranges)
    assert all(last < first for (_, last), (first, _) in pairwise(ranges)), "in order"
    drop = question.family.bits - key_bits(question.family)
    found = []
    for address in universe.addresses:
        start, length = key(universe.chains[address][0])
        size = 1 << (question.family.bits - length)
        hit = [first <= start >> drop and (start + size - 1) >> drop <= last for first, last in ranges]
        assert sum(hit) <= 1
        if any(hit):
            found.append(address)
    assert found == question.misforwarded(entries)
    start, length = key(universe.chains[0][0])
    assert wrong.keys == len(found) << (key_bits(question.family) - length)
    assert bool(len(wrong)) is bool(found)


def test_routes_longer_than_a_key_in_a_fixed_entry_as_long_as_one_are_nobodys_fault() -> None:
    """IPv6: a connected /64 with host routes in it, which keys of 64 bits cannot tell apart."""
    inside, beside = 0x2A00 << 48, (0x2A00 << 48) + 1
    index = RouteIndex(64)
    index.update(HopTable.of(64, [(inside, 64, RAW_MIXED), (beside, 64, RAW_MIXED)]))
    table, nothing = index.snapshot(NextHops().meaning((), lambda _: True)), HopTable.of(64, ())
    fixed = HopTable.of(64, [(inside, 64, RAW_LOCAL)])
    assert not misforwarded(nothing, table, fixed)
    wrong = misforwarded(HopTable.of(64, [(beside, 64, 3)]), table, fixed)
    assert wrong.firsts.tolist() == [beside], "an entry of ARM's would be"
