"""What is saved, and when; and what the next run makes of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from arm.keeping import Keeper
from arm.model import Family, Prefix
from arm.rib.prefixmap import PrefixMap
from arm.state.file import NAME, load, save
from arm.state.saved import SavedEntry
from tests.familyworld import address, prefix
from tests.middle import Middle, entry
from tests.traffic.build import traffic

families = pytest.mark.parametrize("family", Family)
INTERVAL = 10.0


def play(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


async def saving() -> None:
    """Whatever is being saved is."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        await task


def chosen(middle: Middle, family: Family, where: Prefix) -> None:
    middle.speaker.want(family, PrefixMap(family, {where: entry(family, where, 1)}))


@families
def test_a_run_goes_on_from_what_it_saved(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries, how many routes there were, and traffic as it has aged."""
    where, old = prefix(family, 1), prefix(family, 2)
    clock = [1_000_000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])

    async def story() -> None:
        middle, keeper = Middle(), Keeper(tmp_path, INTERVAL)
        assert (keeper.found, keeper.routes(family), keeper.error) == (None, None, None)
        keeper.restore(middle.tables, 0.0)
        middle.learn(family, {where: 1, old: 2})
        middle.refresh(family)
        for second in range(3):
            middle.loops[family].measure(traffic({address(where): 600.0}), 1.0, 1.0, True, float(second))
        chosen(middle, family, where)
        await keeper.finish(middle.tables)

        clock[0] += 60.0  # the meters' window
        again, other = Keeper(tmp_path, INTERVAL), Middle()
        assert again.found is not None
        assert again.routes(family) == 2
        assert list(again.found.families[family].entries) == [SavedEntry.of(entry(family, where, 1))]
        again.restore(other.tables, 500.0)
        before, after = middle.loops[family].meter, other.loops[family].meter
        assert after.keys().tolist() == before.keys().tolist()
        assert after.octets().tolist() == pytest.approx((before.octets() * math.exp(-1.0)).tolist())
        assert after.observed == pytest.approx(before.observed * math.exp(-1.0))

    play(story)


@families
def test_a_save_comes_when_it_is_time(family: Family, tmp_path: Path) -> None:
    async def story() -> None:
        middle, keeper = Middle(), Keeper(tmp_path, INTERVAL)
        times = []
        path = tmp_path / NAME
        for now in range(100, 145):
            if now == 117:
                middle.learn(family, {prefix(family, 1): 1})
            if now == 129:
                middle.session(up=False)  # what is known is worth saving, too
            keeper.tick(middle.tables, float(now))
            await saving()
            if path.exists():
                times.append(now)
                path.unlink()
        assert times == [117, 127, 137], "nothing is saved before anything is known"
        keeper.interval = 2.0
        keeper.tick(middle.tables, 145.0)
        await saving()
        assert path.exists(), "another interval counts at once"

    play(story)


@families
def test_one_save_at_a_time(family: Family, tmp_path: Path) -> None:
    async def story() -> None:
        middle, keeper = Middle(), Keeper(tmp_path, INTERVAL)
        middle.learn(family, {prefix(family, 1): 1})
        keeper.tick(middle.tables, 0.0)
        keeper.tick(middle.tables, 10.0)
        keeper.tick(middle.tables, 20.0)
        assert len(asyncio.all_tasks()) == 2
        await saving()
        keeper.tick(middle.tables, 21.0)
        assert len(asyncio.all_tasks()) == 2, "the one that was due"
        await keeper.finish(middle.tables)
        assert len(asyncio.all_tasks()) == 1

    play(story)


@families
def test_what_is_not_known_yet_is_not_forgotten(family: Family, tmp_path: Path) -> None:
    """One family's table is known, the other's is still what the earlier run knew."""
    other = next(each for each in Family if each is not family)

    async def story() -> None:
        first, keeper = Middle(), Keeper(tmp_path, INTERVAL)
        for each in Family:
            first.learn(each, {prefix(each, number): 1 for number in range(1, 4)})
            chosen(first, each, prefix(each, 1))
        first.loops[other].measure(traffic({address(prefix(other, 1)): 9.0}), 1.0, 1.0, True, 0.0)
        await keeper.finish(first.tables)

        second, keeper = Middle(), Keeper(tmp_path, INTERVAL)
        keeper.restore(second.tables, 0.0)
        await keeper.finish(second.tables)
        assert keeper.found is not None
        before = (tmp_path / NAME).stat().st_mtime_ns
        second.learn(family, {prefix(family, 1): 1})
        await keeper.finish(second.tables)
        assert (tmp_path / NAME).stat().st_mtime_ns > before
        third = Keeper(tmp_path, INTERVAL)
        assert (third.routes(family), third.routes(other)) == (1, 3)
        assert third.found is not None
        for each in Family:  # neither has a choice yet
            entries = third.found.families[each].entries
            assert list(entries) == [SavedEntry.of(entry(each, prefix(each, 1), 1))]
        memory = third.found.families[other].memory
        assert memory is not None
        assert len(memory.keys) == 1
        second.speaker.want(family, PrefixMap(family))
        await keeper.finish(second.tables)
        fourth = Keeper(tmp_path, INTERVAL)
        assert fourth.found is not None
        assert not fourth.found.families[family].entries, "nothing was chosen"

    play(story)


@families
def test_an_empty_table_is_known_as_well(family: Family, tmp_path: Path) -> None:
    """A router may have none of IPv6."""

    async def story() -> None:
        middle, keeper = Middle(), Keeper(tmp_path, INTERVAL)
        middle.learn(family, {prefix(family, 1): 1})
        for each in Family:
            middle.end_of_rib(each)
        await keeper.finish(middle.tables)
        other = next(each for each in Family if each is not family)
        assert (keeper.routes(other), Keeper(tmp_path, INTERVAL).routes(other)) == (None, 0)

    play(story)


@families
def test_an_error_is_reported_once_and_when_it_is_over(family: Family, tmp_path: Path) -> None:
    async def story(logs: list[Any]) -> None:
        middle, directory = Middle(), tmp_path / "gone"
        keeper = Keeper(directory, INTERVAL)
        middle.learn(family, {prefix(family, 1): 1})
        told = []
        for number in range(6):
            if number == 3:
                directory.mkdir()
            logs.clear()
            keeper.tick(middle.tables, number * INTERVAL)
            await saving()
            told.append([each["log_level"] for each in logs])
            assert (keeper.error is not None) is (0 < number < 3)
        assert told == [[], ["error"], [], ["info"], [], []]

    with capture_logs() as logs:
        play(lambda: story(logs))


def test_a_file_that_cannot_be_used_is_set_aside_with_a_word(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"nonsense")
    with capture_logs() as logs:
        keeper = Keeper(tmp_path, INTERVAL)
    assert keeper.found is None
    assert [each["log_level"] for each in logs] == ["warning"]
    assert not (tmp_path / NAME).exists()


def test_a_clock_that_was_set_back_ages_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    family, middle = Family.IPV4, Middle()
    for second in range(2):
        middle.loops[family].measure(
            traffic({address(prefix(family, 1)): 9.0}), 1.0, 1.0, True, float(second)
        )
    meter = middle.loops[family].meter
    asyncio.run(_save_at(tmp_path, middle, 5000.0))
    monkeypatch.setattr("time.time", lambda: 4000.0)
    keeper, other = Keeper(tmp_path, INTERVAL), Middle()
    keeper.restore(other.tables, 0.0)
    assert other.loops[family].meter.octets().tolist() == meter.octets().tolist()


async def _save_at(directory: Path, middle: Middle, time: float) -> None:
    keeper = Keeper(directory, INTERVAL)
    middle.learn(Family.IPV4, {prefix(Family.IPV4, 1): 1})
    await keeper.finish(middle.tables)
    found, error = load(directory)
    assert found is not None
    assert error is None
    assert save(directory, replace(found, time=time)) is None
