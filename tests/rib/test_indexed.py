"""A table with its index beside it, against an index made from the same routes at once."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Attributes, Family, Prefix, Route
from arm.rib.fulltable import GONE, RouteIndex
from arm.rib.hops import RAW_MIXED
from arm.rib.hoptable import HopTable, key_bits
from arm.rib.indexed import IndexedTable
from arm.rib.prefixmap import key, text
from tests.rib.plain import holds
from tests.rib.test_fulltable import same

ATTRIBUTES = Attributes()
LENGTHS = {Family.IPV4: (0, 1, 8, 30, 31, 32), Family.IPV6: (0, 1, 16, 62, 63, 64, 65, 66, 127, 128)}


def prefixes(family: Family) -> st.SearchStrategy[Prefix]:
    """On both sides of where keys end."""
    dropped = family.bits - key_bits(family)
    base = int(ip_address("20.0.0.0" if family is Family.IPV4 else "2a00::"))
    address = st.builds(
        lambda block, low: base + (block << dropped) + low % (1 << dropped),
        st.integers(0, 5),
        st.sampled_from([0, 1, (1 << dropped) - 1, 1 << max(dropped - 1, 0)]),
    )
    lengths = st.sampled_from(LENGTHS[family])
    return st.builds(
        lambda at, length: text(family, at >> (family.bits - length) << (family.bits - length), length),
        address,
        lengths,
    )


class World:
    """A table, its routes, and next hops that are not its routes' own."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.table = IndexedTable(family)
        self.routes: dict[Prefix, int] = {}
        self.other: dict[Prefix, int] = {}  # as fixed entries have

    def number(self, prefix: Prefix, route: Route | None) -> int:
        if prefix in self.other:
            return self.other[prefix]
        return GONE if route is None else int(route.next_hop)

    def play(self, what: str, prefix: Prefix, hop: int) -> None:
        if what == "announce":
            self.table.set(Route(prefix, str(hop), ATTRIBUTES))
            self.routes[prefix] = hop
        elif what == "withdraw":
            self.table.remove(prefix)
            self.routes.pop(prefix, None)
        else:
            if what == "fix":
                self.other[prefix] = hop
            else:
                self.other.pop(prefix, None)
            self.table.touch(prefix)

    def plain(self) -> RouteIndex:
        """Made from what is true now."""
        bits, dropped = key_bits(self.family), self.family.bits - key_bits(self.family)
        rows: dict[tuple[int, int], int] = {}
        longer: set[int] = set()
        for prefix, hop in (self.routes | self.other).items():
            start, length = key(prefix)
            if length > bits:
                longer.add(start >> dropped)
            elif prefix != self.family.default:
                rows[start >> dropped, length] = hop
        rows |= {(start, bits): RAW_MIXED for start in longer}
        index = RouteIndex(bits)
        index.load(HopTable.of(bits, ((*place, hop) for place, hop in rows.items())))
        return index

    def gap(self, prefix: Prefix, places: list[Prefix]) -> list[Prefix]:
        """By a look at both sides of every border in it."""
        bits, length = self.family.bits, key(prefix)[1]
        longer = [key(each) for each in self.routes if key(each)[1] > length and each != self.family.default]
        found = []
        for place in places:
            start, its_length = key(place)
            ends = {first + (1 << (bits - long)) for first, long in longer}
            asked = [at for at in {start, *ends} if holds(bits, (start, its_length), at)]
            if any(not any(holds(bits, each, at) for each in longer) for at in asked):
                found.append(place)
        return found


EVENTS = ["announce", "announce", "withdraw", "fix", "unfix", "settle"]


@st.composite
def histories(draw: st.DrawFn) -> tuple[Family, list[tuple[str, Prefix, int]]]:
    family = draw(st.sampled_from(Family))
    event = st.tuples(st.sampled_from(EVENTS), prefixes(family), st.integers(3, 6))
    return family, draw(st.lists(event, max_size=40))


@given(histories())
def test_settled_it_is_as_if_made_anew(history: tuple[Family, list[tuple[str, Prefix, int]]]) -> None:
    family, events = history
    world = World(family)
    waiting: set[Prefix] = set()
    for what, prefix, hop in (*events, ("settle", family.default, 0)):
        if what != "settle":
            world.play(what, prefix, hop)
            waiting |= {prefix} - {family.default}
            continue
        assert world.table.settle(world.number) == len(waiting)
        waiting.clear()
        assert same(world.table.index.snapshot(), world.plain().snapshot())
        assert world.table.crowd(family.default) == len(world.table)
    assert world.table.settle(world.number) == 0


@pytest.mark.parametrize("family", Family)
def test_its_memory_is_what_its_routes_take(family: Family) -> None:
    world, before = World(family), 0
    for count in (1, 2):
        start = (0x20 << family.bits - 8) + (count << family.bits - 16)
        places = [text(family, start + (each << family.bits - 32), 32) for each in range(5000)]
        for place in places:
            world.play("announce", place, 1)
        world.table.settle(world.number)
        took = world.table.index.octets, world.table.octets
        assert took[0] < took[1]
        assert 30 < (took[1] - before) / 5000 < 70
        before = took[1]


@given(histories(), st.integers(1, 3))
def test_settled_in_pieces_while_changes_come_it_is_the_same(
    history: tuple[Family, list[tuple[str, Prefix, int]]], piece: int
) -> None:
    family, events = history
    world = World(family)
    pieces: Iterator[None] = iter(())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("arm.rib.indexed._PIECE", piece)
        for what, prefix, hop in events:
            if what == "settle":
                assert world.table.index is not None, "somebody asks"
                pieces = world.table.settling(world.number)
            else:
                world.play(what, prefix, hop)
            next(pieces, None)
        list(world.table.settling(world.number))
        assert world.table.settle(world.number) <= piece
    assert same(world.table.index.snapshot(), world.plain().snapshot())


@given(histories(), st.integers(0, 40), st.integers(0, 40))
def test_the_first_index_may_be_made_beside_while_changes_come(
    history: tuple[Family, list[tuple[str, Prefix, int]]], asked: int, made: int
) -> None:
    family, events = history
    world = World(family)
    make = index = None
    for number, (what, prefix, hop) in enumerate(events):
        if number == asked:
            make = world.table.index_beside()
            index = make()
        if number == asked + made and index is not None:
            world.table.take_index(index)
        if what != "settle":
            world.play(what, prefix, hop)
        elif not world.table.indexed:
            world.table.settle(world.number)
    if index is not None and not world.table.indexed:
        world.table.take_index(index)
    world.table.settle(world.number)
    assert same(world.table.index.snapshot(), world.plain().snapshot())


def test_a_block_stays_mixed_whatever_comes_for_all_of_it() -> None:
    world, block = World(Family.IPV6), Prefix("2a00::/64")
    world.play("announce", Prefix("2a00::/65"), 3)
    world.table.settle(world.number)
    world.play("announce", block, 4)
    world.table.settle(world.number)
    assert world.table.index.snapshot().routes.hops.tolist() == [RAW_MIXED]
    world.play("withdraw", Prefix("2a00::/65"), 3)
    world.table.settle(world.number)
    assert world.table.index.snapshot().routes.hops.tolist() == [4]


@settings(max_examples=150)
@given(histories(), st.booleans(), st.data())
def test_no_gap_is_overlooked(
    history: tuple[Family, list[tuple[str, Prefix, int]]], settled: bool, data: st.DataObject
) -> None:
    """By looking each up or by the index, up to date or not."""
    family, events = history
    world = World(family)
    for what, prefix, hop in events:
        if what == "settle":
            world.table.settle(world.number)
        elif what in ("announce", "withdraw"):
            world.play(what, prefix, hop)
    world.table.settle(world.number)
    known = sorted(world.routes)
    for prefix in data.draw(st.sets(st.sampled_from(known), max_size=0 if settled else 4)) if known else ():
        world.play("withdraw", prefix, 0)
    seen = [prefix for _, prefix, _ in events] or [family.default]
    asked = data.draw(st.sampled_from(seen) | st.sampled_from([text(family, 0, 1), text(family, 0, 2)]))
    inside = [each for each in seen if each == asked or holds(family.bits, key(asked), key(each)[0])]
    places = sorted({asked, *(each for each in inside if key(each)[1] > key(asked)[1])})
    with pytest.MonkeyPatch.context() as patched:
        one_by_one = world.table.gaps(asked, places)
        patched.setattr("arm.rib.indexed._FEW", 0)
        by_index = world.table.gaps(asked, places)
    plain = world.gap(asked, places)
    assert set(plain) <= set(one_by_one) <= set(places)
    assert set(plain) <= set(by_index) <= set(places)
    if settled and not any(key(each)[1] > key_bits(family) for each in [*world.routes, *places]):
        assert by_index == plain, "nothing is unknown"
