"""Each reason to freeze: when it is raised, and how it heals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from arm.freeze.reasons import FEW, HOLD, REMEDIES, Limits
from arm.freeze.samples import FEWEST
from arm.freeze.timers import FIRST_BACK_OFF
from arm.lifecycle import Facts, Lifecycle, State
from tests.freeze.life import GOOD, WINDOW, Life, active, prefixes, vitals

PATIENCE = int(Limits().patience)


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("sflow-silent", vitals(silent=16.0)),
        ("reflector-down", vitals(reflector=False)),
        ("netlink-lost", vitals(netlink=False)),
        ("shrunken-table", vitals(routes=4_999)),
    ],
)
def test_a_fault_freezes_at_once_and_heals_a_moment_after_it(name: str, facts: Facts) -> None:
    life = active()
    assert life.look(facts) is State.FROZEN
    (reason,) = life.cycle.reasons
    assert (reason.name, reason.since, reason.remedy) == (name, life.now, REMEDIES[name])
    assert reason.text
    life.last(facts, 30)
    assert life.cycle.reasons[0].since == life.now - 30
    assert life.last(GOOD, int(HOLD) - 1) is State.FROZEN, "it may come again"
    life.look()
    assert life.cycle.state in (State.ACTIVE, State.WARMING)
    assert life.names == []


def test_hardware_that_refuses_freezes_for_a_back_off() -> None:
    life = active()
    assert life.look(vitals(refused=1)) is State.FROZEN
    assert life.names == ["hardware-full"]
    assert life.last(GOOD, int(FIRST_BACK_OFF) - 1) is State.FROZEN, "though what it refused is taken back"
    life.last(GOOD, int(HOLD) + 1)
    assert life.cycle.state in (State.ACTIVE, State.WARMING)
    assert life.names == []


def test_a_fault_that_comes_and_goes_is_one() -> None:
    life = active()
    life.look(vitals(netlink=False))
    began = life.now
    for _ in range(20):
        life.last(GOOD, 3)
        assert life.look(vitals(netlink=False)) is State.FROZEN
    assert life.cycle.reasons[0].since == began


def test_several_reasons_are_all_told_and_the_last_one_decides() -> None:
    life = active()
    life.last(vitals(netlink=False, reflector=False), 3)
    assert life.names == ["reflector-down", "netlink-lost"]
    life.last(vitals(netlink=False), 10)
    assert life.names == ["netlink-lost"]
    assert life.cycle.state is State.FROZEN
    assert life.until(State.ACTIVE) == HOLD


def test_a_family_without_capacity_has_no_reasons() -> None:
    life = active()
    assert life.look(replace(vitals(netlink=False), capacity=0)) is State.OFF
    assert life.names == []


# --- samples ----------------------------------------------------------------------------------------------


def test_datagrams_without_samples_are_silence_too() -> None:
    life = active()
    assert life.last(vitals(sample_rate=0.0), 15) is not State.FROZEN or "sflow-silent" not in life.names
    life.look(vitals(sample_rate=0.0))
    assert "sflow-silent" in life.names


@pytest.mark.parametrize("silence", [16, 1000, 5000])
def test_silence_is_never_normal_and_then_as_much_is_measured_again(silence: int) -> None:
    life = active(window=WINDOW)
    for second in range(silence):
        state = life.look(vitals(sample_rate=0.0, silent=float(second)))
        assert state is State.FROZEN or second <= 15
    assert state is State.FROZEN
    assert life.until(State.WARMING) == HOLD
    assert life.until(State.ACTIVE) == pytest.approx(min(silence, WINDOW), abs=HOLD + 1)


def test_seldom_samples_are_late_by_chance() -> None:
    """One every 20 seconds: that none comes for 21 is nothing, for a window it is."""
    life = Life(window=300.0)
    for second in range(1000):
        life.look(vitals(sample_rate=1.0 if second % 20 == 0 else 0.0))
        assert life.cycle.state is not State.FROZEN or second < 60
    assert life.cycle.state is State.ACTIVE
    assert 150 <= life.until(State.FROZEN, vitals(sample_rate=0.0)) <= 300


def test_few_samples_where_many_were_usual() -> None:
    life = active(window=300.0)
    assert life.last(vitals(sample_rate=120.0), 60) is State.ACTIVE, "more than a tenth"
    took = life.until(State.FROZEN, vitals(sample_rate=50.0))
    assert 5 <= took <= 30
    assert life.names == ["sflow-collapsed"]
    assert life.until(State.WARMING) <= HOLD + 5
    assert life.until(State.ACTIVE) == pytest.approx(took, abs=2 * HOLD + 15), "measured again"


@pytest.mark.parametrize("few", [1.0, 10.0, 50.0])
def test_few_samples_become_usual(few: float) -> None:
    life = active(window=300.0)
    life.until(State.FROZEN, vitals(sample_rate=few))
    assert life.cycle.reasons[0].left == PATIENCE
    assert life.until(State.ACTIVE, vitals(sample_rate=few)) <= PATIENCE
    assert life.last(vitals(sample_rate=few), 1000) is State.ACTIVE
    assert life.last(GOOD, 1000) is State.ACTIVE, "many are never too many"


def test_few_samples_vary_by_chance() -> None:
    life = Life()
    life.last(vitals(sample_rate=FEWEST * 0.9), 200)
    assert life.last(vitals(sample_rate=0.01), 100) is State.ACTIVE


def test_what_became_usual_is_what_the_next_drop_is_measured_by() -> None:
    """A window so long that the average would not have followed."""
    life = active(window=3000.0)
    life.last(GOOD, 6000)
    life.until(State.FROZEN, vitals(sample_rate=50.0))
    life.last(vitals(sample_rate=50.0), PATIENCE + 30)
    assert life.names == []
    assert life.until(State.FROZEN, vitals(sample_rate=2.0)) <= 30


def test_the_first_interval_is_nothing_to_go_by() -> None:
    """Nobody knows how long it was."""
    life = Life()
    life.look(vitals(sample_rate=1e9))
    assert life.last(vitals(sample_rate=1e5), 20) is State.WARMING


# --- tables -----------------------------------------------------------------------------------------------


def test_a_small_table_is_judged_by_an_earlier_run() -> None:
    life = Life(routes=1_000_000)
    learning = replace(vitals(routes=None), learning=True)
    assert life.last(learning, 10) is State.LEARNING
    assert life.look(vitals(routes=400_000)) is State.FROZEN
    assert life.cycle.reasons[0].text == "the BGP table fell from 1000000 to 400000 routes"


def test_a_table_that_stays_small_is_accepted() -> None:
    life = active()
    small = vitals(routes=100)
    life.look(small)
    assert life.cycle.reasons[0].left == PATIENCE
    assert life.until(State.ACTIVE, small) == PATIENCE
    assert life.last(small, 100) is State.ACTIVE
    assert life.last(vitals(routes=40), 1) is State.FROZEN, "but it is what the next is measured by"
    assert life.last(vitals(routes=51), int(HOLD)) is State.ACTIVE


def test_a_table_that_bleeds_to_death_within_a_moment_has_shrunk() -> None:
    life = active()
    for lost in range(0, 6000, 100):
        state = life.look(vitals(routes=10_000 - lost))
    assert state is State.FROZEN
    assert life.names == ["shrunken-table"]


def test_a_table_that_fades_has_not() -> None:
    life, routes = active(), 10_000.0
    while routes > FEW:
        routes *= 0.999
        assert life.look(vitals(routes=int(routes))) is State.ACTIVE


def test_small_tables_vary() -> None:
    life = Life()
    life.last(vitals(routes=FEW - 1), 100)
    assert life.last(vitals(routes=0), 1) is State.ACTIVE


def test_shrinking_is_known_before_a_table_comes_into_use() -> None:
    life = active()
    assert life.cycle.shrinks(4_999)
    assert not life.cycle.shrinks(5_000)
    assert not Lifecycle(WINDOW).shrinks(0)


# --- choices ----------------------------------------------------------------------------------------------


def test_a_choice_that_failed_its_proof_freezes_until_one_passes() -> None:
    life, some = active(), prefixes(10)
    assert not life.cycle.judge(some, some, proven=False)
    assert life.last(GOOD, 10_000) is State.FROZEN
    assert life.names == ["check-failed"]
    assert not life.cycle.judge(some, some, proven=True), "it is frozen still"
    assert life.until(State.ACTIVE) == HOLD
    assert life.cycle.judge(some, some, proven=True)


def test_a_small_choice_freezes_until_one_is_large_enough() -> None:
    life, large = active(), prefixes(200)
    assert life.cycle.judge(large, prefixes(100), proven=True)
    assert not life.cycle.judge(large, prefixes(99), proven=True)
    assert life.look() is State.FROZEN
    assert life.cycle.reasons[0].text == "99 entries were chosen in place of 200"
    for _ in range(10):
        life.last(GOOD, 10)
        assert not life.cycle.judge(large, prefixes(99), proven=True)
    life.cycle.judge(large, prefixes(150), proven=True)
    assert life.until(State.ACTIVE) == HOLD


def test_a_choice_that_stays_small_is_accepted() -> None:
    life, large, small = active(), prefixes(200), prefixes(20)
    life.cycle.judge(large, small, proven=True)
    life.look()
    for _ in range(PATIENCE // 10):
        assert life.cycle.state is State.FROZEN
        assert not life.cycle.judge(large, small, proven=True)
        life.last(GOOD, 10)
    assert life.last(GOOD, 20) is State.ACTIVE
    assert life.cycle.judge(large, small, proven=True)
    assert life.cycle.judge(small, small, proven=True)
    life.last(GOOD, int(HOLD))
    assert not life.cycle.judge(large, small, proven=True), "and the next is judged anew"


def test_less_capacity_is_no_reason() -> None:
    life = active()
    life.look(replace(GOOD, capacity=150))
    assert life.cycle.judge(prefixes(1000), prefixes(150), proven=True)
    assert not life.cycle.judge(prefixes(1000), prefixes(74), proven=True)


def test_small_choices_vary() -> None:
    assert active().cycle.judge(prefixes(FEW - 1), set(), proven=True)


# --- options ----------------------------------------------------------------------------------------------


def test_a_drop_of_one_freezes_never() -> None:
    life = active(Limits(traffic_drop=1.0, table_drop=1.0, choice_drop=1.0))
    assert life.cycle.judge(prefixes(500), set(), proven=True)
    assert life.last(vitals(sample_rate=0.0001, routes=0), 500) is State.ACTIVE


def test_options_change_live() -> None:
    life = active()
    life.cycle.configure(600.0, Limits(sflow_silence=100.0))
    assert life.last(vitals(silent=90.0), 10) is State.ACTIVE
    assert life.look(vitals(silent=101.0)) is State.FROZEN
    life.cycle.configure(600.0, Limits(sflow_silence=1000.0))
    assert life.until(State.WARMING, vitals(silent=102.0)) == HOLD
