"""Nested prefixes flattened, against a look at single addresses."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from arm.rib.hoptable import HopTable
from arm.rib.paint import NOBODY, Ranges, everything, flatten, merge, paint, spread
from tests.rib.plain import KEY_BITS, Place, hop, owner, size, tables, telling

worlds = st.sampled_from(KEY_BITS).flatmap(lambda bits: st.tuples(st.just(bits), tables(bits)))


def columns(bits: int, rows: dict[Place, int]) -> HopTable:
    return HopTable.of(bits, ((*place, hop) for place, hop in rows.items()))


def at(starts: list[int], key: int) -> int:
    """Which interval a key is in."""
    return sum(start <= key for start in starts) - 1


@given(worlds)
@example((64, {}))
@example((64, {(0, 0): 1, ((1 << 64) - 1, 64): 2}))
def test_a_painting_tells_owners_next_hops_and_parents(world: tuple[int, dict[Place, int]]) -> None:
    bits, rows = world
    painting = paint(columns(bits, rows), everything(bits))
    starts = painting.starts.tolist()
    assert starts == sorted(set(starts))
    assert starts[0] == 0
    for key in telling(bits, rows):
        found, row = owner(bits, rows, key), at(starts, key)
        assert painting.owners[row] == (NOBODY if found is None else found[1])
        assert painting.hops[row] == hop(bits, rows, key)
    around = [
        owner(bits, (each for each in rows if each[1] < length), start) for start, length in sorted(rows)
    ]
    assert painting.parents.tolist() == [NOBODY if each is None else each[1] for each in around]


@given(worlds, st.data())
def test_parts_of_the_space_are_painted_like_all_of_it(
    world: tuple[int, dict[Place, int]], data: st.DataObject
) -> None:
    bits, rows = world
    chosen: list[Place] = []
    for place in data.draw(st.lists(st.sampled_from(sorted(rows)), unique=True)) if rows else []:
        if not any(overlap(bits, place, each) for each in chosen):
            chosen.append(place)
    chosen.sort()
    above = [owner(bits, (each for each in rows if each[1] < length), start) for start, length in chosen]
    inside = {
        place: next_hop
        for place, next_hop in rows.items()
        if any(place[1] >= each[1] and overlap(bits, place, each) for each in chosen)
    }
    ranges = Ranges(
        np.array([start for start, _ in chosen], np.uint64),
        np.array([start + size(bits, length) - 1 for start, length in chosen], np.uint64),
        np.array([NOBODY if each is None else each[1] for each in above], np.int8),
        np.array([0 if each is None else rows[each] for each in above], np.int32),
    )
    painting = paint(columns(bits, inside), ranges)
    starts = painting.starts.tolist()
    assert set(ranges.firsts.tolist()) <= set(starts)
    for key in telling(bits, rows):
        if any(overlap(bits, (key, bits), each) for each in chosen):
            found, row = owner(bits, rows, key), at(starts, key)
            assert found is not None
            assert (painting.owners[row], painting.hops[row]) == (found[1], rows[found])
    whole = paint(columns(bits, rows), everything(bits)).parents
    parents = dict(zip(sorted(rows), whole.tolist(), strict=True))
    assert painting.parents.tolist() == [parents[place] for place in sorted(inside)]


def overlap(bits: int, one: Place, other: Place) -> bool:
    return one[0] < other[0] + size(bits, other[1]) and other[0] < one[0] + size(bits, one[1])


@given(worlds)
def test_runs_change_where_what_is_done_changes(world: tuple[int, dict[Place, int]]) -> None:
    bits, rows = world
    runs = flatten(columns(bits, rows))
    asked = telling(bits, rows)
    assert runs.hop(np.array(asked, np.uint64)).tolist() == [hop(bits, rows, key) for key in asked]
    assert runs.starts[0] == 0
    assert (runs.hops[1:] != runs.hops[:-1]).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5))))
def test_spread(ranges: list[tuple[int, int]]) -> None:
    firsts = np.array([first for first, _ in ranges], np.intp)
    counts = np.array([count for _, count in ranges], np.intp)
    plain = [number for first, count in ranges for number in range(first, first + count)]
    assert spread(firsts, firsts + counts).tolist() == plain


@given(st.lists(st.integers(0, 2), min_size=1))
def test_merge(hops: list[int]) -> None:
    runs = merge(32, np.arange(len(hops), dtype=np.uint64), np.array(hops, np.int32))
    changes = [n for n in range(len(hops)) if n == 0 or hops[n] != hops[n - 1]]
    assert runs.starts.tolist() == changes
    assert runs.hops.tolist() == [hops[n] for n in changes]
