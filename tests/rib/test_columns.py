"""Columns of places against a plain dictionary of (first address, length)."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.rib.columns import Columns
from tests.rib.plain import Place, holds, places

BITS = (32, 63, 128)  # the last one has no 64-bit numbers
SIZE = 4  # so that blocks split often


def number(bits: int, place: Place) -> int:
    start, length = place
    return (start >> (bits - length) << 1 | 1) << (bits - length)


def around(bits: int, known: dict[Place, int], place: Place) -> Place | None:
    """The longest at or above a place."""
    found = [each for each in known if each[1] <= place[1] and holds(bits, each, place[0])]
    return max(found, key=lambda each: each[1], default=None)


def within(bits: int, known: dict[Place, int], place: Place) -> list[tuple[int, int]]:
    """What is at or inside of a place, ascending."""
    found = [each for each in known if each[1] >= place[1] and holds(bits, place, each[0])]
    return sorted((number(bits, each), known[each]) for each in found)


def look(columns: Columns[int], known: dict[Place, int], place: Place) -> None:
    bits = columns.bits
    at, longest = number(bits, place), around(bits, known, place)
    assert columns.get(at) == known.get(place)
    assert columns.nearest(at) == (None if longest is None else (number(bits, longest), known[longest]))
    assert columns.inside(at) == within(bits, known, place)
    assert columns.count(at) == len(within(bits, known, place))


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[bool, Place, int]]]:
    bits = draw(st.sampled_from(BITS))
    event = st.tuples(st.booleans() | st.just(True), places(bits), st.integers(0, 3))
    return bits, draw(st.lists(event, max_size=60))


@given(histories())
def test_columns_equal_a_dictionary(history: tuple[int, list[tuple[bool, Place, int]]]) -> None:
    bits, events = history
    columns, known = Columns[int](bits, SIZE), dict[Place, int]()
    for add, place, value in events:
        if add:
            columns.put(number(bits, place), value)
            known[place] = value
        else:
            columns.remove(number(bits, place))
            known.pop(place, None)
        look(columns, known, place)
        assert len(columns) == len(known)
    for _, place, _ in events:
        look(columns, known, place)
    assert [*columns] == sorted(number(bits, place) for place in known)
    for _, place, _ in events:
        columns.remove(number(bits, place))
        known.pop(place, None)
        look(columns, known, place)
    assert not len(columns)
    assert not [*columns]


@pytest.mark.parametrize("bits", BITS)
def test_blocks_come_and_go(bits: int) -> None:
    """More of them than a history makes, emptied from the front, from the end and anyhow."""
    chance = Random(bits)
    drawn = {(chance.getrandbits(8) << (bits - 8), 8 + n % 3) for n in range(900)}
    first = {(0, 3): -3, (0, 0): -1}
    for backwards in (False, True, None):
        columns, known = Columns[int](bits, SIZE), {}
        order = sorted(drawn | first.keys())
        chance.shuffle(order)
        for value, place in enumerate(order):
            columns.put(number(bits, place), value)
            known[place] = value
        assert [*columns] == sorted(number(bits, place) for place in known)
        if backwards is not None:
            order.sort(reverse=backwards)
        for step, place in enumerate(order):
            columns.remove(number(bits, place))
            del known[place]
            if step % 40 == 0:
                for asked in ((0, 0), (0, 1), (1 << (bits - 1), 1), place, chance.choice(order)):
                    look(columns, known, asked)
        columns.put(number(bits, (0, 1)), 7)
        look(columns, {(0, 1): 7}, (0, 5))


def test_asking_for_all_gives_what_there_was() -> None:
    columns, expected = Columns[int](32, SIZE), [number(32, (n << 24, 8)) for n in range(40)]
    for place in expected:
        columns.put(place, 1)
    asked = iter(columns)
    assert next(asked) == expected[0]
    for place in expected[1::2]:
        columns.remove(place)
    columns.put(number(32, (0, 1)), 1)
    assert [*asked] == expected[1:]
