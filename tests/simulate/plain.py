"""What can be said about small universes by trying everything: the twins of the whole command."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from arm.rib.prefixmap import Key
from arm.simulate_files import Routes, Weights
from tests.simulate.build import Universe


def astray(where: Universe, table: Routes, fixed: Routes, entries: Routes) -> list[int]:
    """The blocks that go neither where the full table says nor to the default."""
    everything, installed = {**table, **fixed}, {**entries, **fixed}
    return [
        block
        for block in where.blocks()
        if where.hop(block, installed) not in (0, where.hop(block, everything))
    ]


def coverage(where: Universe, table: Routes, fixed: Routes, weights: Weights, entries: Routes) -> float:
    """The share of the weight that goes where the full table says."""
    everything, installed = {**table, **fixed}, {**entries, **fixed}
    right = sum(
        weight
        for block, weight in weights.items()
        if where.hop(block, installed) == where.hop(block, everything)
    )
    return right / sum(weights.values())


def optimum(
    where: Universe, table: Routes, fixed: Routes, weights: Weights, hops: int, most: int
) -> float | None:
    """The largest coverage of all tables with at most that many entries that misforward nothing; None if
    there is no such table. Exhaustive: for each prefix, no entry or one with any next hop, and all ways to
    share the rest of the entries among its halves."""
    everything = {**table, **fixed}
    impossible = float("-inf")

    def inside(key: Key, inherited: int, left: int, free: bool) -> float:
        start, length = key
        if key in fixed:
            inherited, free = fixed[key], False
        best = impossible
        if free and left:
            best = max(best_of(key, hop, left - 1, False) for hop in range(hops))
        if length == where.top + where.depth:
            wanted = where.hop(start, everything)
            if inherited == wanted:
                return max(best, weights.get(start, 0.0))
            return best if inherited else max(best, 0.0)
        other = (start + (1 << (where.family.bits - length - 1)), length + 1)
        for some in range(left + 1):
            halves = (
                best_of((start, length + 1), inherited, some, True),
                best_of(other, inherited, left - some, True),
            )
            best = max(best, sum(halves))
        return best

    best_of = cache(inside)
    found = best_of((where.base, where.top), 0, most, True)
    return None if found == impossible else found / sum(weights.values())


def kind(table: Mapping[Key, int], key: Key, hop: int) -> str:
    """Why an entry is there."""
    return "guard" if hop == 0 else "route" if table.get(key) == hop else "synthesised"
