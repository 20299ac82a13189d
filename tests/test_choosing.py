"""Choices over time: asked for in a thread, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.choosing import Choosing
from arm.config import Config, parse
from arm.lifecycle import Facts, Lifecycle, State
from arm.model import Entry, Family, Kind, Prefix
from arm.rib.prefixmap import PrefixMap
from arm.state.saved import SavedEntry, SavedFamily
from tests.announce.world import World
from tests.config.build import REQUIRED
from tests.familyworld import address, prefix
from tests.freeze.life import GOOD, vitals
from tests.middle import Middle, entry, next_hop
from tests.selection.universe import HOPS, UNIVERSES, Universe
from tests.traffic.build import traffic

families = pytest.mark.parametrize("family", Family)
NORMAL = Facts(10, learning=False, default_route=True, vitals=GOOD.vitals)


def configuration(directory: Path, entries: int = 10, **selection: Any) -> Config:
    return parse(
        {
            **REQUIRED,
            "state": {"directory": str(directory)},
            "capacity": {"ipv4": entries, "ipv6": entries, "reserve": 0.0},
            "selection": selection,
        }
    )


class Run(Middle):
    """A daemon's middle that chooses. Both families have the same facts."""

    def __init__(self, config: Config, saved: Mapping[Family, SavedFamily] | None = None, **how: Any) -> None:
        super().__init__(config.selection.strategy, **how)
        self.choices = 0
        self.lifecycles = {family: Lifecycle(60.0) for family in Family}
        self.choosing = Choosing(
            config, self.tables, self.routing, self.lifecycles, saved or {}, lambda: self.count()
        )
        self.clock = 0.0

    def count(self) -> None:
        self.choices += 1

    def measure(self, family: Family, sizes: Mapping[str, float]) -> None:
        """For two seconds: how long the first lasted nobody knows."""
        for _ in range(2):
            self.clock += 1.0
            self.loops[family].measure(traffic(sizes), 1.0, 1000.0, True, self.clock)

    def last(self, facts: Facts, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.now += 1.0
            for lifecycle in self.lifecycles.values():
                lifecycle.advance(facts, self.now)

    async def choose(self) -> None:
        self.choosing.begin()
        await self.choosing.finish()


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


@families
def test_what_an_earlier_run_left_is_where_this_one_begins(family: Family, tmp_path: Path) -> None:
    run = Run(configuration(tmp_path))
    known, moved, guard, unknown = (prefix(family, number) for number in range(1, 5))
    for where, hop in ((known, 1), (moved, 2), (guard, 0)):
        run.install(family, where, hop)
    run.install(family, unknown, 3)
    run.learn(family, {known: 1, moved: 1, guard: 2})
    run.refresh(family)
    run.choosing.adopt(family, run.kernel[family])
    standing, wanted = run.speaker.standing(family), run.speaker.wanted(family)
    assert {**standing} == {**wanted}
    assert standing is not wanted
    route = run.feed.table(family).get(known)
    assert route is not None
    assert standing[known] == Entry(known, route.next_hop, route.attributes)
    assert (standing[moved].next_hop, standing[moved].kind) == (next_hop(family, 2), Kind.SYNTHESISED)
    assert standing[guard] == Entry.guard(guard)
    run.refresh(family)
    for found in (standing, wanted):
        assert run.hops(family, found) == {known: 1, moved: 0, guard: 0, unknown: 0}
    run.install(family, prefix(family, 5), 1)
    run.choosing.adopt(family, run.kernel[family])
    assert prefix(family, 5) not in standing, "only once"


@families
@pytest.mark.parametrize(
    "facts", [replace(NORMAL, observe=True), replace(vitals(netlink=False), capacity=10)]
)
def test_a_choice_is_made_but_not_taken(family: Family, facts: Facts, tmp_path: Path) -> None:
    """When observing, and when frozen."""

    async def story() -> None:
        run, where, old = Run(configuration(tmp_path)), prefix(family, 1), prefix(family, 2)
        run.install(family, old, 1)
        run.learn(family, {where: 1, old: 1})
        run.measure(family, {address(where): 1000})
        run.refresh(family)
        run.last(NORMAL, 60)
        run.choosing.adopt(family, run.kernel[family])
        run.last(facts)
        await run.choose()
        assert run.choices == 1
        assert run.choosing.chosen[family].keys() == {where}
        assert [each for each, _ in run.choosing.active[family]] == [where]
        assert run.speaker.wanted(family).keys() == {old}
        run.last(NORMAL, 60)
        await run.choose()
        assert run.speaker.wanted(family).keys() == {where}

    play(story)


@families
@pytest.mark.parametrize("facts", [replace(NORMAL, capacity=0), replace(NORMAL, stop=True)])
def test_where_all_is_withdrawn_nothing_is_asked(family: Family, facts: Facts, tmp_path: Path) -> None:
    async def story() -> None:
        run, where = Run(configuration(tmp_path)), prefix(family, 1)
        run.learn(family, {where: 1})
        run.measure(family, {address(where): 1000})
        run.refresh(family)
        run.last(NORMAL, 60)
        await run.choose()
        assert run.speaker.wanted(family).keys() == {where}
        run.choosing.begin()
        run.last(facts)
        await run.choosing.finish()
        assert run.speaker.wanted(family).keys() == {where}, "the answer came too late"
        await run.choose()
        assert run.speaker.may_speak(family)
        assert not run.speaker.wanted(family)

    play(story)


universes = st.sampled_from([each for each in UNIVERSES if each.length])
picks = st.lists(st.tuples(st.integers(0, 62), st.integers(0, HOPS)), max_size=8)


def table(universe: Universe, drawn: list[tuple[int, int]]) -> dict[Prefix, int]:
    return {universe.prefixes[place % len(universe.prefixes)]: hop for place, hop in drawn}


@settings(max_examples=30, deadline=None)
@given(universes, picks, picks, st.integers(0, 2**32))
def test_the_kill_switch_withdraws_everything_and_misforwards_nothing(
    universe: Universe, routes: list[tuple[int, int]], standing: list[tuple[int, int]], seed: int
) -> None:
    family = universe.family
    run = Run(configuration(Path("/nonexistent")))
    run.learn(family, table(universe, routes))
    run.refresh(family)
    truth = universe.forward(table(universe, routes))
    stand = universe.safe(table(universe, standing).items(), truth)
    world = World(run.speaker, family, seed)
    for each in stand:
        world.bird[each] = world.kernel[each] = entry(family, each, stand[each]).next_hop
    world.stale = set(stand)
    run.stand(family, entries := [entry(family, each, hop) for each, hop in stand.items()], entries)
    world.session(up=True)
    world.settle()
    assert world.kernel.keys() == stand.keys()
    run.last(NORMAL, 60)
    run.last(replace(NORMAL, stop=True))
    assert run.lifecycles[family].state is State.STOPPED
    run.choosing.begin()
    for _ in range(400):
        world.step()
        installed = {each: stand[each] for each in world.kernel}
        assert not universe.misforwarded(installed, truth)
    world.settle()
    assert not world.kernel


@families
def test_entries_of_an_earlier_run_are_incumbents_of_the_first_choice(family: Family, tmp_path: Path) -> None:
    """With room for one, the lighter one keeps its place if an earlier run had it."""
    light, heavy = prefix(family, 1), prefix(family, 2)

    async def first_and_second(saved: list[tuple[Prefix, int]], dead: int = 9) -> list[set[Prefix]]:
        before = [SavedEntry.of(entry(family, where, hop)) for where, hop in saved]
        run = Run(configuration(tmp_path, 1, hysteresis=0.5), {family: SavedFamily(before)})
        run.learn(family, {light: 1, heavy: 2})
        run.measure(family, {address(light): 1000, address(heavy): 1300})
        run.routing.peers_lost(frozenset([next_hop(family, dead)]))
        run.refresh(family)
        run.last(NORMAL, 60)
        found = []
        for _ in range(2):
            await run.choose()
            found.append(set(run.speaker.wanted(family)))
            run.speaker.want(family, PrefixMap(family))
        return found

    async def story() -> None:
        assert await first_and_second([]) == [{heavy}] * 2
        assert await first_and_second([(light, 1)]) == [{light}, {heavy}], "once"
        assert await first_and_second([(light, 3)]) == [{heavy}] * 2, "it went elsewhere"
        assert await first_and_second([(light, 1)], 1) == [{heavy}] * 2, "its peer is gone"

    play(story)


events = st.lists(
    st.one_of(
        st.tuples(st.just("announce"), st.integers(0, 62), st.integers(0, HOPS)),
        st.tuples(st.just("withdraw"), st.integers(0, 62), st.just(0)),
        st.tuples(st.just("lose"), st.just(0), st.integers(1, HOPS)),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=100, deadline=None)
@given(
    universes,
    st.sampled_from(["safe", "optimal"]),
    st.lists(st.tuples(st.integers(0, 62), st.integers(1, HOPS)), min_size=3, max_size=8),
    st.lists(st.integers(0, 9), min_size=32, max_size=32),
    events,
    st.sampled_from([False, False, False, True]),
)
def test_an_answer_is_as_safe_as_if_it_had_been_asked_for_now(
    universe: Universe,
    strategy: str,
    drawn: list[tuple[int, int]],
    weights: list[int],
    changes: list[tuple[str, int, int]],
    fresh: bool,
) -> None:
    """Whatever happens between the question and the answer."""
    family, routes = universe.family, table(universe, drawn)

    async def story() -> None:
        run = Run(configuration(Path("/nonexistent"), strategy=strategy))
        run.learn(family, routes)
        run.refresh(family)
        hosts = (address(universe.prefix(universe.bits, each), 0) for each in universe.addresses)
        run.measure(family, {host: 1.0 + weight for host, weight in zip(hosts, weights, strict=False)})
        run.refresh(family)
        run.last(NORMAL, 60)
        run.choosing.adopt(family, {})
        run.choosing.begin()
        assert run.choosing.busy
        dead = set[int]()
        for what, place, hop in changes:
            where = universe.prefixes[place % len(universe.prefixes)]
            if what == "announce":
                run.announce(family, where, hop)
                routes[where] = hop
            elif what == "withdraw":
                run.withdraw(family, where)
                routes.pop(where, None)
            else:
                dead.add(hop)
                run.routing.peers_lost(frozenset(next_hop(family, each) for each in dead))
            await asyncio.sleep(0)
        late = run.choosing.busy and not run.speaker.wanted(family)  # the other family's may be awaited
        if fresh:
            run.learn(family, dict(routes))
        await run.choosing.finish()
        assert run.choices == 1
        wanted = run.hops(family, run.speaker.wanted(family))
        assert not {hop for hop in wanted.values() if hop in dead}
        truth = [0 if hop in dead else hop for hop in universe.forward(routes)]
        assert not universe.misforwarded(wanted, truth)
        assert not (fresh and late and wanted), "nothing of an answer about another table"

    play(story)
