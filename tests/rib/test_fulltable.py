"""The table as arrays: kept up to date it is what it would be if made anew, and what its routes say."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_network

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family
from arm.rib.fulltable import GONE, FullTable, RouteIndex, from_prefixes
from arm.rib.hoptable import MIXED, HopTable
from arm.rib.paint import NOBODY
from tests.rib.plain import KEY_BITS, Place, hop, owner, places, size, tables, telling

HOPS = 4
Batch = dict[Place, int]  # GONE: withdrawn


def columns(bits: int, rows: dict[Place, int]) -> HopTable:
    return HopTable.of(bits, ((*place, hop) for place, hop in rows.items()))


def loaded(bits: int, rows: dict[Place, int]) -> RouteIndex:
    index = RouteIndex(bits)
    index.load(columns(bits, rows))
    return index


def same(one: FullTable, other: FullTable) -> bool:
    """Column by column."""
    return all(
        np.array_equal(getattr(part, column.name), getattr(twin, column.name))
        for part, twin in ((one, other), (one.routes, other.routes), (one.runs, other.runs))
        for column in fields(part)
        if isinstance(getattr(part, column.name), np.ndarray)
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, dict[Place, int], list[Batch]]:
    """A table, and changes to it: also withdrawals of what is not there."""
    bits = draw(st.sampled_from(KEY_BITS))
    rows = draw(tables(bits, hops=HOPS))
    place = places(bits) | st.sampled_from(sorted(rows)) if rows else places(bits)
    change = st.integers(0, HOPS) | st.just(GONE)
    return bits, rows, draw(st.lists(st.dictionaries(place, change, max_size=5), max_size=5))


@pytest.mark.parametrize(("many", "few"), [(0, 1000), (0, 0), (3, 1000), (2000, 1000), (2000, 0)])
@settings(max_examples=40)
@given(history=histories(), meaning=st.lists(st.integers(0, HOPS), min_size=HOPS, max_size=HOPS))
def test_kept_up_to_date_it_is_as_if_made_anew(
    many: int, few: int, history: tuple[int, dict[Place, int], list[Batch]], meaning: list[int]
) -> None:
    bits, rows, batches = history
    rows, meaning = dict(rows), [0, *meaning]  # the default's next hop means itself
    means = np.array(meaning, np.int32)
    index = loaded(bits, rows)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("arm.rib.fulltable.MANY", many)
        patched.setattr("arm.rib.splice.FEW", few)
        for batch in batches:
            earlier, then = index.snapshot(), loaded(bits, rows).snapshot()
            index.update(columns(bits, batch))
            assert same(earlier, then), "what was handed out never changes"
            rows |= batch
            rows = {place: next_hop for place, next_hop in rows.items() if next_hop != GONE}
            assert len(index) == len(rows)
            assert same(index.snapshot(), loaded(bits, rows).snapshot())
            translated = {place: meaning[next_hop] for place, next_hop in rows.items()}
            shown = index.snapshot(means)
            assert same(shown, loaded(bits, translated).snapshot())
            index.update(columns(bits, {place: rows[place] for place in batch if place in rows}))
            assert index.snapshot(means.copy()) is shown, "what has not changed is not made anew"
            assert same(index.snapshot(np.zeros_like(means)), loaded(bits, dict.fromkeys(rows, 0)).snapshot())


worlds = st.sampled_from(KEY_BITS).flatmap(lambda bits: st.tuples(st.just(bits), tables(bits)))


@given(worlds)
def test_a_snapshot_says_what_the_routes_say(world: tuple[int, dict[Place, int]]) -> None:
    bits, rows = world
    table = loaded(bits, rows).snapshot()
    order, asked = sorted(rows), telling(bits, rows)
    owners = [owner(bits, rows, key) for key in asked]
    keys = np.array(asked, np.uint64)
    assert table.owner(keys).tolist() == [-1 if each is None else order.index(each) for each in owners]
    assert table.runs.hop(keys).tolist() == [hop(bits, rows, key) for key in asked]
    around = [owner(bits, (each for each in rows if each[1] < length), start) for start, length in order]
    assert table.parents.tolist() == [NOBODY if each is None else each[1] for each in around]


@given(worlds, st.data())
def test_gaps(world: tuple[int, dict[Place, int]], data: st.DataObject) -> None:
    bits, rows = world
    index = loaded(bits, rows)
    start, length = data.draw(places(bits))
    last = start + size(bits, length) - 1
    asked = [key for key in telling(bits, [*rows, (start, length)]) if start <= key <= last]
    pairs = st.tuples(st.sampled_from(asked), st.sampled_from(asked)).map(sorted)
    ranges = data.draw(st.lists(pairs, max_size=6))
    columns = np.array(ranges, np.uint64).reshape(-1, 2)

    def gap(key: int) -> bool:
        found = owner(bits, rows, key)
        return found is None or found[1] <= length

    found = index.gaps(start, last, length, columns[:, 0], columns[:, 1])
    assert found.tolist() == [any(gap(key) for key in asked if low <= key <= high) for low, high in ranges]


def test_blocks_with_longer_routes_than_keys_are_mixed() -> None:
    rows = [
        ("2a00::/32", 1),
        ("2a00:0:0:1::/64", 2),
        ("2a00:0:0:1::/65", 2),
        ("2a00:0:0:2::1/128", 3),
        ("2a00:0:0:3::/64", 3),
    ]
    numbers = [(ip_network(prefix), next_hop) for prefix, next_hop in rows]
    found = from_prefixes(
        Family.IPV6, ((int(each.network_address), each.prefixlen, next_hop) for each, next_hop in numbers)
    )
    base = 0x2A00 << 48
    assert found.rows() == [(base, 32, 1), (base + 1, 64, MIXED), (base + 2, 64, MIXED), (base + 3, 64, 3)]
