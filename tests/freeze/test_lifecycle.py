"""The table of states, and what follows from it whatever happens."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.freeze.reasons import HOLD, Limits, Vitals
from arm.freeze.timers import LONGEST_TICK
from arm.lifecycle import Facts, State
from tests.freeze.life import GOOD, WINDOW, Life, active, prefixes, vitals


def test_from_learning_over_warming_to_active() -> None:
    life = Life(window=20.0)
    assert life.look(replace(GOOD, learning=True)) is State.LEARNING
    assert life.last(GOOD, 10) is State.WARMING
    assert life.last(GOOD, 1) is State.ACTIVE
    assert life.last(replace(GOOD, learning=True), 3) is State.LEARNING
    assert life.look() is State.ACTIVE, "what was measured outlives a session"
    assert life.look(replace(GOOD, default_route=False)) is State.NO_DEFAULT


def test_permissions_are_those_of_the_table() -> None:
    """As the docstring has them: announce, withdraw, repair, choose."""
    assert {
        state.value: (state.may_announce, state.may_withdraw, state.may_repair, state.may_choose)
        for state in State
    } == {
        "off": (False, True, False, False),
        "stopped": (False, True, False, False),
        "learning": (False, False, True, False),
        "no-default": (False, False, True, False),
        "frozen": (False, False, True, True),
        "observing": (False, False, True, True),
        "warming": (True, False, True, True),
        "active": (True, True, True, True),
    }
    assert [state for state in State if state.withdraws_all] == [State.OFF, State.STOPPED]
    assert [state for state in State if state.keeps_all] == [State.WARMING]


@pytest.mark.parametrize("facts", list(itertools.product((0, 10), *((False, True),) * 5)))
def test_the_first_state_that_applies_is_the_one(facts: tuple[int, bool, bool, bool, bool, bool]) -> None:
    capacity, stop, learning, default, wrong, observe = facts
    life = active()
    state = life.look(Facts(capacity, learning, default, observe, stop, Vitals(netlink=not wrong)))
    rows = (
        (capacity == 0, State.OFF),
        (stop, State.STOPPED),
        (learning, State.LEARNING),
        (not default, State.NO_DEFAULT),
        (wrong, State.FROZEN),
        (observe, State.OBSERVING),
        (True, State.ACTIVE),
    )
    assert state is next(row for applies, row in rows if applies)


def test_a_session_that_is_down_is_learning_before_the_first_table_and_frozen_after_it() -> None:
    down = replace(vitals(reflector=False), learning=True)
    life = Life()
    assert life.last(down, 3) is State.LEARNING
    assert life.until(State.ACTIVE) <= 60
    assert life.last(down, 3) is State.FROZEN
    assert life.look(replace(GOOD, learning=True)) is State.LEARNING, "it is back, its table not yet"
    assert life.until(State.ACTIVE) <= HOLD


def test_after_the_kill_switch_it_goes_on() -> None:
    life = active()
    assert life.last(replace(GOOD, stop=True), 3) is State.STOPPED
    assert not life.cycle.judge(set(), prefixes(5), proven=True)
    life.cycle.judge(set(), prefixes(5), proven=False)  # asked before, answered now
    assert life.last(GOOD, 3) is State.ACTIVE


# --- choices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
def test_who_may_take_a_choice(state: State) -> None:
    life = Life()
    life.last(GOOD, 5)
    life.cycle.state = state
    held, more, fewer = prefixes(10), prefixes(11), prefixes(9)
    assert life.cycle.judge(held, more, proven=True) == state.may_announce
    assert life.cycle.judge(held, fewer, proven=True) == (state is State.ACTIVE)
    assert life.cycle.judge(held, prefixes(10, first=1), proven=True) == (state is State.ACTIVE)
    assert not life.cycle.judge(held, more, proven=False)


# --- clocks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leap", [LONGEST_TICK + 0.1, 30.0, 3600.0, 1e9])
def test_what_was_not_measured_is_measured_again_before_anything_goes(leap: float) -> None:
    life = active()
    assert life.look(seconds=leap) is State.WARMING
    assert life.until(State.ACTIVE) == pytest.approx(min(leap, WINDOW), abs=1.0)


def test_a_clock_that_goes_back_changes_nothing() -> None:
    life = active()
    assert life.look(seconds=-1e6) is State.ACTIVE
    life.look(vitals(netlink=False))
    assert life.look(seconds=-1e6) is State.FROZEN


@settings(max_examples=50)
@given(st.lists(st.sampled_from([-1e9, -3600.0, -1.0, 0.0, 30.0, 3600.0, 1e9]), min_size=1, max_size=20))
def test_no_leap_ends_a_reason_before_its_time(leaps: list[float]) -> None:
    """Patience with a table that stays small is the longest timer."""
    life, small, looks = active(), vitals(routes=10), 0
    assert life.look(small) is State.FROZEN
    for leap in leaps:
        assert life.look(small, leap) is State.FROZEN
    while life.look(small) is State.FROZEN:
        looks += 1
    assert looks >= Limits().patience - LONGEST_TICK * len(leaps) - 1


# --- whatever happens -------------------------------------------------------------------------------------

seconds = st.sampled_from([1.0, 1.0, 1.0, 1.0, 0.0, 4.0, 20.0, -5.0, 7200.0])
faults = st.fixed_dictionaries(
    {},
    optional={
        "silent": st.sampled_from([0.0, 14.0, 16.0, 1e4]),
        "sample_rate": st.sampled_from([0.0, 0.5, 50.0, 5000.0, None]),
        "reflector": st.booleans(),
        "netlink": st.booleans(),
        "routes": st.sampled_from([None, 0, 99, 4000, 6000, 20_000]),
        "refused": st.integers(0, 3),
        "accepted": st.integers(0, 1000),
    },
)
facts_of = st.builds(
    lambda changes, capacity, learning, default, observe, stop: replace(
        vitals(**changes),
        capacity=capacity,
        learning=learning,
        default_route=default,
        observe=observe,
        stop=stop,
    ),
    faults,
    st.sampled_from([1000, 1000, 1000, 0]),
    *(st.sampled_from([one, one, one, not one]) for one in (False, True, False, False)),
)
choices = st.none() | st.tuples(st.integers(0, 250), st.integers(0, 250), st.integers(0, 9).map(bool))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(facts_of, seconds, st.integers(1, 20), choices), max_size=12))
def test_nothing_that_is_wrong_lets_anything_go_and_all_heals(
    history: list[tuple[Facts, float, int, tuple[int, int, bool] | None]],
) -> None:
    life, proof = Life(), True
    for facts, step, times, choice in history:
        for _ in range(times):
            state = life.look(facts, step)
            assert state.may_repair or facts.capacity == 0 or facts.stop
            if life.names:
                assert not state.may_announce
                assert state.withdraws_all or not state.may_withdraw
            if state.may_announce:
                health = facts.vitals
                assert (facts.learning, facts.default_route, facts.observe) == (False, True, False)
                assert (health.reflector, health.netlink, proof) == (True, True, True)
                assert health.silent <= Limits().sflow_silence
        if choice is not None:
            present, wanted, proven = prefixes(choice[0]), prefixes(choice[1]), choice[2]
            taken = life.cycle.judge(present, wanted, proven)
            if taken:
                assert proven
                assert life.cycle.state.may_announce
                assert present <= wanted or life.cycle.state is State.ACTIVE
            if life.cycle.state.may_choose:
                proof = proven
    life.last(GOOD, 2)
    life.cycle.judge(prefixes(10), prefixes(10), proven=True)
    longest = Limits().patience + HOLD + WINDOW + 30.0
    assert life.until(State.ACTIVE) <= longest
    assert life.names == []
