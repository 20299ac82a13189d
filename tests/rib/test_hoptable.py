"""Prefixes as columns against plain dictionaries."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from arm.model import Family
from arm.rib.hoptable import HopTable, Runs, among, bit_length, distinct, key_bits, last, network
from tests.rib.plain import KEY_BITS, Place, holds, places, size, tables, telling

widths = st.sampled_from(KEY_BITS)


def columns(rows: dict[Place, int], bits: int) -> HopTable:
    return HopTable.of(bits, ((*place, hop) for place, hop in rows.items()))


def keys(numbers: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(numbers, np.uint64)


def test_a_key_is_all_of_an_ipv4_address_and_half_of_an_ipv6_one() -> None:
    assert [key_bits(family) for family in Family] == [32, 64]


@given(widths.flatmap(lambda bits: st.tuples(st.just(bits), tables(bits), tables(bits))))
def test_a_table_is_sorted_and_finds_its_rows(case: tuple[int, dict[Place, int], dict[Place, int]]) -> None:
    bits, rows, asked = case
    table, other = columns(rows, bits), columns(asked, bits)
    assert table.rows() == [(*place, hop) for place, hop in sorted(rows.items())]
    assert len(table) == len(rows)
    assert table.ends().tolist() == [start + size(bits, length) - 1 for start, length in sorted(rows)]
    order = sorted(rows)
    found = table.find(other.starts, other.lengths).tolist()
    assert found == [order.index(place) if place in rows else -1 for place in sorted(asked)]
    before = table.place(other.starts, other.lengths).tolist()
    assert before == [sum(known < place for known in rows) for place in sorted(asked)]
    assert table.hop_of(other, -7).tolist() == [rows.get(place, -7) for place in sorted(asked)]
    shuffled = np.random.default_rng(1).permutation(len(table))
    again = HopTable.sort(bits, table.starts[shuffled], table.lengths[shuffled], table.hops[shuffled])
    assert again.rows() == table.rows()
    chosen = np.array([hop > 0 for hop in table.hops], np.bool_)
    taken = [(*place, hop) for place, hop in sorted(rows.items()) if hop > 0]
    assert table.take(chosen).rows() == table.take(np.flatnonzero(chosen)).rows() == taken


@given(widths.flatmap(lambda bits: st.tuples(st.just(bits), places(bits), st.lists(st.integers(0, 9)))))
def test_of_rows_with_the_same_prefix_the_last_counts(case: tuple[int, Place, list[int]]) -> None:
    bits, place, hops = case
    assert HopTable.of(bits, ((*place, hop) for hop in hops)).hops.tolist() == hops[-1:]


@given(
    widths.flatmap(
        lambda bits: st.tuples(
            st.just(bits), st.lists(st.tuples(st.integers(0, (1 << bits) - 1), st.integers(0, bits)))
        )
    )
)
@example((64, [((1 << 64) - 1, 0), ((1 << 64) - 1, 64), (0, 1)]))
def test_first_and_last_key(case: tuple[int, list[tuple[int, int]]]) -> None:
    bits, asked = case
    numbers = keys([key for key, _ in asked])
    lengths = np.array([length for _, length in asked], np.int8)
    starts = [key >> (bits - length) << (bits - length) for key, length in asked]
    assert network(numbers, lengths, bits).tolist() == starts
    ends = [start + size(bits, length) - 1 for start, (_, length) in zip(starts, asked, strict=True)]
    assert last(keys(starts), lengths, bits).tolist() == ends


@st.composite
def runs(draw: st.DrawFn) -> tuple[Runs, dict[int, int]]:
    """Also such with neighbours alike."""
    bits = draw(widths)
    borders = draw(st.dictionaries(places(bits).map(lambda place: place[0]), st.integers(0, 3), max_size=9))
    borders.setdefault(0, 1)
    starts = sorted(borders)
    return Runs(bits, keys(starts), np.array([borders[start] for start in starts], np.int32)), borders


@given(runs(), st.data())
def test_runs_equal_a_look_at_single_addresses(
    case: tuple[Runs, dict[int, int]], data: st.DataObject
) -> None:
    found, borders = case
    bits = found.bits

    def hop(key: int) -> int:
        return borders[max(border for border in borders if border <= key)]

    asked = telling(bits, ((border, bits) for border in borders))
    assert found.hop(keys(asked)).tolist() == [hop(key) for key in asked]
    ranges = [
        sorted(pair) for pair in data.draw(st.lists(st.tuples(*[st.sampled_from(asked)] * 2), max_size=9))
    ]
    uniform = found.uniform(keys([low for low, _ in ranges]), keys([high for _, high in ranges]))
    cut = [any(low < border <= high for border in borders) for low, high in ranges]
    assert uniform.tolist() == [-1 if c else hop(low) for (low, _), c in zip(ranges, cut, strict=True)]
    starts, lengths, hops = (column.tolist() for column in found.blocks(keys(asked)))
    for key, start, length, next_hop in zip(asked, starts, lengths, hops, strict=True):
        assert next_hop == hop(key)
        assert holds(bits, (start, length), key)
        assert start % size(bits, length) == 0
        within = not any(start < border < start + size(bits, length) for border in borders)
        assert within, "a block lies in one run"
        if length:
            wider = start & ~(size(bits, length - 1) - 1)
            more = any(wider < border < wider + size(bits, length - 1) for border in borders)
            assert more, "and none that is larger does"


numbers = st.lists(st.integers(0, 20) | st.integers(0, (1 << 64) - 1))


@given(numbers, numbers)
def test_distinct_and_among(values: list[int], known: list[int]) -> None:
    assert distinct(keys(values)).tolist() == sorted(set(values))
    assert among(keys(values), keys(sorted(known))).tolist() == [value in known for value in values]


@given(numbers | st.integers(0, 63).map(lambda bit: [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]))
def test_bit_length(values: list[int]) -> None:
    assert bit_length(keys(values)).tolist() == [value.bit_length() for value in values]
