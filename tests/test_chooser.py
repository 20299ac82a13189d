"""Choices of both families, held against what is promised of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.chooser import Answer, Chooser, Question, beside
from arm.model import Entry, Family, Kind, Pool, Prefix
from arm.rib.hoptable import DEFAULT, HopTable
from arm.rib.prefixmap import PrefixMap
from arm.selection.policy import Policy, Rule
from tests.familyworld import Around, address, prefix
from tests.rib.plain import KEY_BITS, Place, owner, size, tables

PATHS = [(1,), (1, 1), (1, 2), (2,), (2, 1), (2, 2), (3, 1)]
BLOCKS = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3)]
Routes = dict[tuple[int, ...], int]  # neighbour by path; 1 is the default's

strategies = pytest.mark.parametrize("strategy", ["safe", "optimal", "top"])
routes = st.dictionaries(st.sampled_from(PATHS), st.integers(1, 3), max_size=7)
sizes = st.dictionaries(st.sampled_from(BLOCKS), st.integers(1, 1000), max_size=9)


@dataclass(slots=True)
class Asking:
    """Both families, each with some routes and traffic."""

    arounds: Mapping[Family, Around]
    pools: list[Pool]

    def question(
        self, family: Family, current: Mapping[Prefix, Entry], keeps_all: bool = False, fresh: bool = False
    ) -> Question:
        loop, table = self.arounds[family].loop, self.arounds[family].table
        standing, rows = loop.standing(current.values())
        entries = list(current.values())
        return Question(loop, table, loop.demand(standing), entries, standing, rows, keeps_all, fresh)

    def ask(
        self,
        chooser: Chooser,
        current: Mapping[Family, Mapping[Prefix, Entry]] | None = None,
        keeps_all: tuple[Family, ...] = (),
    ) -> dict[Family, Answer]:
        current = current or {family: {} for family in Family}
        questions = {
            family: self.question(family, entries, family in keeps_all) for family, entries in current.items()
        }
        return chooser.choose(questions, [0] * len(self.pools), {})

    def used(self, entries: Mapping[Family, Mapping[Prefix, Entry]]) -> list[int]:
        """Slots of each pool."""
        return [
            sum(
                pool.cost(family, int(where.partition("/")[2]))
                for family, each in entries.items()
                for where in each
            )
            for pool in self.pools
        ]


def world(family: Family, table: Routes, octets: Mapping[tuple[int, int], int]) -> Around:
    around = Around(family)
    for path, number in table.items():
        around.announce(prefix(family, *path), number)
    around.refresh()
    around.measure({address(prefix(family, *path)): size for path, size in octets.items()}, 0.0)
    around.measure({}, 1.0)
    return around


def pools(first: int, second: int) -> list[Pool]:
    """One that both share, in which IPv6 is dear, and one for IPv6's short prefixes."""
    return [
        Pool("shared", first, {Family.IPV4: (1,) * 33, Family.IPV6: (2,) * 129}),
        Pool("short", second, {Family.IPV6: (1,) * 33 + (0,) * 96}),
    ]


askings = st.builds(
    lambda worlds, room: Asking(
        {family: world(family, *each) for family, each in zip(Family, worlds, strict=True)}, pools(*room)
    ),
    st.tuples(*[st.tuples(routes, sizes)] * 2),
    st.tuples(st.integers(0, 12), st.integers(0, 4)),
)


def astray(around: Around, entries: Mapping[Prefix, Entry]) -> set[Prefix]:
    """The blocks that go neither where the table says nor to the default."""
    found = set()
    installed = PrefixMap(around.family, dict(entries))
    for path in [*BLOCKS, (1, 9), (2, 9), (3, 9), (4, 4)]:
        block = prefix(around.family, *path)
        over = block if block in installed else next((each for each, _ in installed.covering(block)), None)
        hop = DEFAULT if over is None else around.loop.entry_hop(installed[over])
        if hop not in (DEFAULT, *around.does(block)):
            found.add(block)
    return found


@strategies
@settings(max_examples=20, deadline=None)
@given(asking=askings)
def test_what_comes_out(strategy: str, asking: Asking) -> None:
    chooser = Chooser(strategy, asking.pools, 0.5, 0.1)
    answers = asking.ask(chooser)
    for family, answer in answers.items():
        around = asking.arounds[family]
        assert not answer.wrong
        if strategy != "top":
            assert not astray(around, answer.entries)
        for where, entry in answer.entries.items():
            assert entry.prefix == where
            real = around.table.get(where)
            follows = real is not None and (entry.next_hop, entry.attributes) == (
                real.next_hop,
                real.attributes,
            )
            assert follows == (entry.kind is Kind.ROUTE)
            assert (entry.kind is Kind.GUARD) == (entry == Entry.guard(where))
            assert strategy == "optimal" or real is not None
            assert strategy != "safe" or entry.kind is not Kind.SYNTHESISED
    used = asking.used({family: answer.entries for family, answer in answers.items()})
    assert all(most <= int(pool.slots * 0.9) for most, pool in zip(used, asking.pools, strict=True))
    again = asking.ask(chooser, {family: answer.entries for family, answer in answers.items()})
    for family, answer in again.items():
        for where, entry in answer.entries.items():
            before = answers[family].entries.get(where)
            assert before is entry or before != entry, "what is equal is the same"


@strategies
@settings(max_examples=20, deadline=None)
@given(asking=askings, later=st.tuples(*[st.tuples(routes, sizes)] * 2))
def test_what_stays_is_what_would_be_made_anew(
    strategy: str, asking: Asking, later: tuple[tuple[Routes, dict[tuple[int, int], int]], ...]
) -> None:
    """Other routes and other traffic, and what was chosen before them."""
    chooser = Chooser(strategy, asking.pools, 0.5, 0.0)
    before = {family: answer.entries for family, answer in asking.ask(chooser).items()}
    for around, (table, octets) in zip(asking.arounds.values(), later, strict=True):
        for path in PATHS:
            around.table.remove(prefix(around.family, *path))
        for path, number in table.items():
            around.announce(prefix(around.family, *path), number)
        around.refresh()
        around.measure({address(prefix(around.family, *path)): size for path, size in octets.items()}, 2.0)
    found = []
    for fresh in (False, True):
        questions = {
            family: asking.question(family, entries, fresh=fresh) for family, entries in before.items()
        }
        answers = Chooser(strategy, asking.pools, 0.5, 0.0).choose(questions, [0] * len(asking.pools), {})
        found.append({family: list(answer.entries.items()) for family, answer in answers.items()})
    assert found[0] == found[1]


@strategies
@settings(max_examples=25, deadline=None)
@given(
    asking=askings,
    data=st.data(),
    keeps_all=st.sampled_from([(Family.IPV4,), (Family.IPV6,), tuple(Family)]),
)
def test_nothing_is_evicted_where_all_must_stay(
    strategy: str, asking: Asking, data: st.DataObject, keeps_all: tuple[Family, ...]
) -> None:
    """As while warming: the first samples are no reason to take away what an earlier run has left."""
    current: dict[Family, dict[Prefix, Entry]] = {}
    for family, around in asking.arounds.items():
        left = data.draw(st.dictionaries(st.sampled_from(PATHS), st.integers(1, 3), max_size=5))
        current[family] = {
            where: around.loop.entry(where, around.hop(number), around.table)
            for where, number in ((prefix(family, *path), number) for path, number in left.items())
            if strategy != "top" or around.table.get(where) is not None  # its entries are routes
        }
    answers = asking.ask(Chooser(strategy, asking.pools, 0.5, 0.0), current, keeps_all)
    for family, answer in answers.items():
        around, numbers = asking.arounds[family], asking.arounds[family].loop.entry_hop
        if family in keeps_all:
            for where, entry in current[family].items():
                assert where in answer.entries
                assert strategy == "top" or numbers(answer.entries[where]) == numbers(entry)
        wrong = astray(around, answer.entries)
        if strategy != "top":
            assert bool(answer.wrong) >= bool(wrong), "what would misforward is known"
            if family not in keeps_all or not astray(around, current[family]):
                assert not wrong
    entries = {family: answer.entries for family, answer in answers.items()}
    anyway = asking.used(entries | {family: current[family] for family in keeps_all})
    for taken, least, pool in zip(asking.used(entries), anyway, asking.pools, strict=True):
        assert taken <= max(pool.slots, least), "what is added fits"


@pytest.mark.parametrize("family", Family)
def test_a_table_that_would_misforward_is_found_out(family: Family) -> None:
    around = world(family, {(1,): 2, (1, 1): 3}, {(1, 1): 100})
    wide = prefix(family, 1)
    asking = Asking({family: around}, pools(9, 9))
    entry = around.loop.entry(wide, around.hop(2), around.table)
    for strategy, found in (("safe", True), ("optimal", True), ("top", False)):
        chooser = Chooser(strategy, asking.pools, 0.5, 0.0)
        answer = asking.ask(chooser, {family: {wide: entry}}, (family,))[family]
        assert bool(answer.wrong) == found
        assert answer.entries[wide] is entry


@pytest.mark.parametrize("family", Family)
def test_what_others_hold_and_what_the_hardware_refuses_is_no_room(family: Family) -> None:
    around = world(family, {(1,): 2, (2,): 3}, {(1, 1): 100, (2, 1): 50})
    room = [Pool("one", 10, {each: (1,) * (each.bits + 1) for each in Family})]
    asking = Asking({family: around}, room)
    question = {family: asking.question(family, {})}
    chooser = Chooser("safe", room, 0.0, 0.0)

    def count(taken: int, ceiling: int | None) -> list[Prefix]:
        return list(chooser.choose(question, [taken], {family: ceiling})[family].entries)

    one, both = [prefix(family, 1)], [prefix(family, 1), prefix(family, 2)]
    assert count(0, None) == both
    assert count(8, None) == both
    assert count(9, None) == one
    assert count(10, None) == count(11, None) == []
    assert count(0, 1) == one
    assert count(0, 0) == []
    assert count(9, 5) == one


@strategies
@pytest.mark.parametrize("family", Family)
def test_pins_and_denials_bind_every_strategy(strategy: str, family: Family) -> None:
    quiet, loud, other = (prefix(family, number) for number in (1, 2, 3))
    around = Around(family, policy=Policy([Rule(prefix=quiet)], [Rule(prefix=loud)]))
    for where, number in ((quiet, 2), (loud, 3), (other, 2)):
        around.announce(where, number)
    around.refresh()
    around.measure({address(loud): 1000, address(other): 10}, 0.0)
    around.measure({}, 1.0)
    asking = Asking({family: around}, pools(20, 20))
    answer = asking.ask(Chooser(strategy, asking.pools, 0.0, 0.0), {family: {}})[family]
    does = {place: around.loop.entry_hop(entry) for place, entry in answer.entries.items()}
    assert does[quiet] == does[other] == around.hop(2)
    assert does.get(loud, DEFAULT) == DEFAULT


@pytest.mark.parametrize("family", Family)
def test_what_carries_most_comes_first(family: Family) -> None:
    around = world(family, {(1,): 2, (2,): 3, (3, 1): 2, (2, 1): 1}, {(1, 1): 10, (2, 2): 99, (3, 1): 50})
    asking = Asking({family: around}, pools(20, 20))
    answer = asking.ask(Chooser("safe", asking.pools, 0.0, 0.0), {family: {}})[family]
    carrying = [where for where in answer.entries if answer.entries[where].kind is Kind.ROUTE]
    assert carrying == [prefix(family, *path) for path in ((2,), (3, 1), (1,))]
    assert [where for where, _ in answer.active] == carrying
    assert [rate for _, rate in answer.active] == pytest.approx([99, 50, 10], rel=0.02)


@pytest.mark.parametrize("family", Family)
def test_a_route_that_changed_since_the_question_is_what_it_was(family: Family) -> None:
    """That is what has been proven, and what repairs go on from; the strategy `top` goes by what is."""
    around = world(family, {(1,): 2, (2,): 3}, {(1, 1): 10, (2, 2): 99})
    asking = Asking({family: around}, pools(20, 20))
    question = {family: asking.question(family, {})}
    around.table.remove(prefix(family, 2))
    around.announce(prefix(family, 1), 3)
    answer = Chooser("safe", asking.pools, 0.0, 0.0).choose(question, [0, 0], {})[family]
    found = {where: (around.loop.entry_hop(entry), entry.kind) for where, entry in answer.entries.items()}
    assert found == {
        prefix(family, 1): (around.hop(2), Kind.SYNTHESISED),
        prefix(family, 2): (around.hop(3), Kind.SYNTHESISED),
    }
    answer = Chooser("top", asking.pools, 0.0, 0.0).choose(question, [0, 0], {})[family]
    (entry,) = answer.entries.values()
    assert (entry.prefix, around.loop.entry_hop(entry)) == (prefix(family, 1), around.hop(3))
    assert entry.kind is Kind.ROUTE


@given(
    st.sampled_from(KEY_BITS).flatmap(
        lambda bits: st.tuples(st.just(bits), tables(bits), tables(bits), st.integers(0, 12))
    )
)
def test_beside(case: tuple[int, dict[Place, int], dict[Place, int], int]) -> None:
    bits, old, new, room = case
    one, other = (HopTable.of(bits, ((*place, hop) for place, hop in rows.items())) for rows in (old, new))
    left = np.array([room, 3 * room], np.int64)
    costs = np.stack((np.ones(len(new), np.int64), other.lengths.astype(np.int64) % 3 + 1))
    found = {(start, length): hop for start, length, hop in beside(one, other, costs, left).rows()}
    assert old.items() <= found.items()
    added = found.keys() - old
    assert all(found[place] == new[place] for place in added)
    spent = np.array([len(added), sum(length % 3 + 1 for _, length in added)])
    assert (left == np.array([room, 3 * room]) - spent).all()
    assert (left >= 0).all()

    def touches(one: Place, other: Place) -> bool:
        return one[0] < other[0] + size(bits, other[1]) and other[0] < one[0] + size(bits, one[1])

    assert not any(touches(one, other) for one in added for other in old)
    for place in new.keys() - added:
        top = place
        while (wider := owner(bits, (each for each in new if each[1] < top[1]), top[0])) is not None:
            top = wider
        tree = [each for each in new if touches(each, top)]
        assert not added & set(tree), "trees come whole"
        needed = np.array([len(tree), sum(length % 3 + 1 for _, length in tree)])
        assert any(touches(top, each) for each in old) or (needed > left).any(), "and if there is room"
