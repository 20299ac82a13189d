"""Prefixes as plain numbers, asked one address at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import strategies as st

Place = tuple[int, int]  # first key, length
KEY_BITS = (32, 64)


def size(bits: int, length: int) -> int:
    """How many keys a prefix has."""
    return 1 << (bits - length)


def holds(bits: int, place: Place, key: int) -> bool:
    return place[0] <= key < place[0] + size(bits, place[1])


def owner(bits: int, places: Iterable[Place], key: int) -> Place | None:
    """The longest prefix that holds a key."""
    return max((each for each in places if holds(bits, each, key)), key=lambda each: each[1], default=None)


def hop(bits: int, table: Mapping[Place, int], key: int) -> int:
    """What a table does with a key; 0 where it has no prefix."""
    found = owner(bits, table, key)
    return 0 if found is None else table[found]


def telling(bits: int, places: Iterable[Place]) -> list[int]:
    """Keys on both sides of every border: what is true of these is true of all."""
    borders = {0, 1 << (bits - 1)}
    for start, length in places:
        borders |= {start, start + size(bits, length)}
    keys = {key + step for key in borders for step in (-1, 0, 1)}
    return sorted(key for key in keys if 0 <= key < 1 << bits)


def places(bits: int) -> st.SearchStrategy[Place]:
    """Prefixes that nest and touch: the whole space, its ends, single addresses."""
    ends = [0, (1 << bits) - 1, 1 << (bits - 1), 20 << (bits - 8)]
    address = st.builds(
        lambda end, low, high: end ^ low ^ high << (bits - 4),
        st.sampled_from(ends),
        st.integers(0, 7),
        st.integers(0, 1),
    )
    lengths = st.sampled_from([0, 1, 2, 4, 8, bits - 8, *range(bits - 3, bits + 1)])
    return st.builds(
        lambda key, length: (key >> (bits - length) << (bits - length), length), address, lengths
    )


def tables(bits: int, most: int = 12, hops: int = 3) -> st.SearchStrategy[dict[Place, int]]:
    """Next hops by prefix; 0 is the default's."""
    return st.dictionaries(places(bits), st.integers(0, hops), max_size=most)
