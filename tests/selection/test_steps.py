"""Whatever two safe tables: no step between them misforwards or exceeds the capacity."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family, Pool, Prefix
from arm.rib.prefixmap import PrefixMap, key, text
from arm.selection.steps import Room, Step, plan
from tests.selection.universe import UNIVERSES, Universe, tables, truths, universes

UNLIMITED = Room(())


@dataclass(frozen=True)
class Case:
    universe: Universe
    truth: list[int]
    old: dict[Prefix, int]
    new: dict[Prefix, int]
    room: Room

    @property
    def family(self) -> Family:
        return self.universe.family

    def steps(self, room: Room) -> list[Step[int]]:
        return plan(self.old, self.new, self.family, room)

    def changed(self) -> set[Prefix]:
        return {p for p in {**self.old, **self.new} if self.old.get(p) != self.new.get(p)}


def used(pool: Pool, family: Family, table: Mapping[Prefix, int]) -> int:
    return sum(pool.cost(family, key(prefix)[1]) for prefix in table)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Two tables that share some entries, and pools that hold either, with little to spare."""
    universe = draw(universes)
    truth = draw(truths(universe))
    old, new = draw(tables(universe, truth)), draw(tables(universe, truth))
    if draw(st.booleans()):  # most of the old one stays
        gone = draw(st.integers(0, 1 << len(old)))
        picks = [(prefix, 0) for n, prefix in enumerate(old) if not gone >> n & 1] + list(new.items())[:4]
        new = universe.safe(picks, truth, keep=old)
    pools, taken = [], {}
    for name in draw(st.sampled_from((["all"], ["all", "long"], []))):
        costs = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4)) if name == "long" else [1]
        by_length = tuple(costs[n % len(costs)] for n in range(universe.family.bits + 1))
        pool = Pool(name, 0, {universe.family: by_length})
        taken[name] = draw(st.integers(0, 3))
        least = max(used(pool, universe.family, table) for table in (old, new))
        pools.append(Pool(name, least + taken[name] + draw(st.integers(0, 3)), pool.costs))
    return Case(universe, truth, old, new, Room(pools, taken))


def apply(table: dict[Prefix, int], steps: Sequence[Step[int]]) -> Iterator[dict[Prefix, int]]:
    """The table after each step."""
    table = dict(table)
    for step in steps:
        if step.value is None:
            del table[step.prefix]
        else:
            assert table.get(step.prefix) != step.value, "a step that changes nothing"
            table[step.prefix] = step.value
        yield table


def another_order(steps: Sequence[Step[int]], pick: random.Random) -> list[Step[int]]:
    """The steps in any order that what they come after allows."""
    waiting, order = list(steps), []
    while waiting:
        ready = [
            n
            for n, step in enumerate(waiting)
            if not any(before.prefix in (step.prefix, *step.after) for before in waiting[:n])
        ]
        order.append(waiting.pop(pick.choice(ready)))
    return order


@settings(max_examples=300, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_every_table_between_is_safe_and_fits(case: Case, pick: random.Random) -> None:
    steps = case.steps(case.room)
    assert case.universe.misforwarded(case.old, case.truth) == []
    final = case.old
    for final in apply(case.old, steps):
        assert case.universe.misforwarded(final, case.truth) == []
        for pool in case.room.pools:
            assert used(pool, case.family, final) + case.room.taken[pool.name] <= pool.slots
    assert final == case.new
    for final in apply(case.old, another_order(steps, pick)):
        assert case.universe.misforwarded(final, case.truth) == []
    assert final == case.new


@settings(max_examples=100, deadline=None)
@given(cases())
def test_each_change_is_one_step_where_there_is_room(case: Case) -> None:
    steps = case.steps(UNLIMITED)
    assert len(steps) == len(case.changed())
    assert {step.prefix for step in steps} == case.changed()
    for step in case.steps(case.room):
        assert step.after <= {each for each in case.universe.prefixes if related(each, step.prefix)}


def related(one: Prefix, other: Prefix) -> bool:
    both = PrefixMap(Family.of(one), {one: None})
    return one in both.related(other)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_same_question_same_answer(case: Case) -> None:
    steps = case.steps(case.room)
    assert steps == case.steps(case.room)
    old, new = PrefixMap(case.family, case.old), PrefixMap(case.family, case.new)
    assert steps == plan(old, new, case.family, case.room)
    assert plan(old, dict(case.old), case.family, case.room) == []


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(1, 4))
def test_a_table_that_does_not_fit_ends_with_what_has_no_room(case: Case, missing: int) -> None:
    """Whoever makes the steps in their order, and waits where there is no room, is always safe."""
    need = max(len(case.old), len(case.new) - missing)
    pool = Pool("all", need, {case.family: (1,) * (case.family.bits + 1)})
    steps = case.steps(Room([pool]))
    final = case.old
    over = False
    for final in apply(case.old, steps):
        assert case.universe.misforwarded(final, case.truth) == []
        over = over or len(final) > need
    assert final == case.new
    assert over or len(case.new) <= need


def every_order(steps: Sequence[Step[int]]) -> Iterator[list[Step[int]]]:
    if not steps:
        yield []
    for n, step in enumerate(steps):
        if not any(before.prefix in (step.prefix, *step.after) for before in steps[:n]):
            for rest in every_order([*steps[:n], *steps[n + 1 :]]):
                yield [step, *rest]


@pytest.mark.parametrize("right", list(product((1,), (1, 2), (1, 2, 3), (1, 2, 3))))
def test_every_order_of_every_change_of_four_nested_entries(right: tuple[int, ...]) -> None:
    """Each has addresses of its own, which need one next hop, and is absent, a guard or right in either
    table. Nobody knows what became of a step that was refused or lost: what is to be withdrawn may be gone
    already, as long as what is left is safe."""
    universe = UNIVERSES[0]
    nested = [universe.prefix(depth, 0) for depth in range(4)]
    longest = [max(n for n in range(4) if x in universe.holds[nested[n]]) for x in universe.addresses]
    truth = [right[n] for n in longest]
    every = [
        {prefix: hop for prefix, hop in zip(nested, hops, strict=True) if hop is not None}
        for hops in product(*((None, 0, hop) for hop in right))
    ]
    safe = [table for table in every if not universe.misforwarded(table, truth)]
    for old, new in product(safe, safe):
        steps = plan(old, new, universe.family, UNLIMITED)
        goes = [prefix for prefix in old if prefix not in new]
        for gone in (each for n in range(len(goes) + 1) for each in combinations(goes, n)):
            left = {prefix: hop for prefix, hop in old.items() if prefix not in gone}
            for order in every_order(steps) if left in safe else ():
                table = dict(left)
                for step in order:
                    table.pop(step.prefix, None)
                    if step.value is not None:
                        table[step.prefix] = step.value
                    assert table in safe, (old, new, gone, order, step)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=5), st.integers(0, 3))
def test_no_detour_if_any_order_of_the_regions_fits(sizes: list[tuple[int, int]], spare: int) -> None:
    """Regions side by side, that add and withdraw so many entries under one that changes in place."""
    old, new = {}, {}
    for number, (adds, gives) in enumerate(sizes):
        top = 20 << 24 | number << 16
        old[text(Family.IPV4, top, 16)], new[text(Family.IPV4, top, 16)] = 1, 2
        old.update({text(Family.IPV4, top | n << 8, 24): 1 for n in range(gives)})
        new.update({text(Family.IPV4, top | n << 8, 24): 1 for n in range(10, 10 + adds)})
    slots = max(len(old), len(new)) + spare
    pool = Pool("all", slots, {Family.IPV4: (1,) * 33})
    steps = plan(old, new, Family.IPV4, Room([pool]))

    def fits(order: Sequence[tuple[int, int]]) -> bool:
        free = slots - len(old)
        for adds, gives in order:
            if adds > free:
                return False
            free += gives - adds
        return True

    detour = len(steps) > len({step.prefix for step in steps})
    assert detour is not any(fits(order) for order in permutations(sizes))


@pytest.mark.parametrize(("universe", "above"), list(product(UNIVERSES, (True, False))))
def test_what_an_unchanged_entry_separates_needs_room_one_by_one(universe: Universe, above: bool) -> None:
    """Below many unchanged entries a guard gives way to a longer one, with room for one more entry."""
    chains = universe.chains[::4]
    old = {prefix: 0 for chain in chains for prefix in chain[1:3]}
    new = {prefix: 0 for chain in chains for prefix in chain[:3:2]}
    top = universe.prefix(0, 0)
    if above:
        old[top], new[top] = 0, 1
    pool = Pool("all", len(old) + 1, {universe.family: (1,) * (universe.family.bits + 1)})
    steps = plan(old, new, universe.family, Room([pool]))
    prefixes = [step.prefix for step in steps]
    assert sorted(prefixes) == sorted(p for p in {**old, **new} if old.get(p) != new.get(p))
    assert max(len(table) for table in apply(old, steps)) == len(old) + 1


def test_a_detour_leaves_what_it_does_not_need() -> None:
    """The entry above is withdrawn for a moment, those beside are not."""
    old = {Prefix("20.0.0.0/8"): 1, Prefix("20.1.0.0/16"): 0, Prefix("20.2.0.0/16"): 2}
    new = {Prefix("20.0.0.0/8"): 1, Prefix("20.1.0.0/17"): 0, Prefix("20.1.128.0/17"): 0}
    room = Room([Pool("all", 4, {Family.IPV4: (1,) * 33})])
    steps = plan(old, {**new, Prefix("20.2.0.0/16"): 2}, Family.IPV4, room)
    assert [(step.prefix, step.value) for step in steps[:2]] == [("20.0.0.0/8", None), ("20.1.0.0/16", None)]
    assert "20.2.0.0/16" not in {step.prefix for step in steps}


def test_an_empty_table_is_filled_most_important_first() -> None:
    important = [Prefix(f"20.{n}.0.0/16") for n in (7, 3, 9, 1)]
    steps = plan({}, dict.fromkeys(important, 1), Family.IPV4, Room([Pool("all", 4, {})]))
    assert steps == [Step(prefix, 1, frozenset()) for prefix in important]


def test_no_detour_for_what_does_not_fit_in_the_end() -> None:
    """Nothing that works is withdrawn for the sake of what has no room."""
    old = {Prefix("20.0.0.0/8"): 1, Prefix("20.1.0.0/16"): 0}
    new = {Prefix("20.0.0.0/8"): 1, Prefix("20.1.0.0/17"): 0, Prefix("20.1.128.0/17"): 0}
    steps = plan(old, new, Family.IPV4, Room([Pool("all", 2, {Family.IPV4: (1,) * 33})]))
    assert [(step.prefix, step.value) for step in steps] == [
        ("20.1.0.0/17", 0),
        ("20.1.128.0/17", 0),
        ("20.1.0.0/16", None),
    ]


def test_room_in_one_pool_may_come_from_a_region_that_waits_for_another() -> None:
    """Neither region's turn is right for both pools: a second round gets the one that was too early."""
    early = {Prefix("20.1.0.0/16"): 0, Prefix("20.1.0.0/17"): 0}, {Prefix("20.1.0.0/18"): 1}
    late = {Prefix("20.2.0.0/18"): 0}, {Prefix("20.2.0.0/16"): 0}
    by_length = [(0,) * 16 + (1, 1, 0) + (0,) * 14, (0,) * 18 + (1,) + (0,) * 14]
    pools = [
        Pool(name, slots, {Family.IPV4: costs})
        for name, slots, costs in zip("sl", (3, 1), by_length, strict=True)
    ]
    steps = plan({**early[0], **late[0]}, {**early[1], **late[1]}, Family.IPV4, Room(pools))
    assert [step.prefix for step in steps] == [*late[1], *late[0], *early[1], *early[0]]
