"""When ExaBGP counts as hung: never while it answers, and always well before BIRD's hold timer expires."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.exabgp.pulse import Pulse, Verdict

holds = st.sampled_from([3, 30, 90, 180, 65535])


def seconds_until_hung(pulse: Pulse, *, lines: bool = False) -> float:
    passed = 0.0
    for _ in range(1000):
        passed += pulse.interval
        if pulse.look() is Verdict.HUNG:
            return passed
        if lines:
            pulse.heard()
    pytest.fail("never")


@given(holds)
def test_silence_is_found_while_bird_still_waits(hold: int) -> None:
    """Half the time is safe: BIRD may have heard nothing for a third of it when the silence begins."""
    decisive = min(hold, 30)
    assert decisive / 4 < seconds_until_hung(Pulse(hold)) <= decisive * 5 / 12


@given(holds, st.integers(0, 30))
def test_it_may_fall_silent_at_any_moment(hold: int, before: int) -> None:
    pulse = Pulse(hold)
    for _ in range(before):
        if pulse.look() is Verdict.ASK:
            pulse.heard()
            pulse.answered()
    assert seconds_until_hung(pulse) <= min(hold, 30) * 5 / 12 + 1e-6


@given(holds)
def test_who_speaks_but_does_not_answer_is_deaf(hold: int) -> None:
    pulse = Pulse(hold)
    assert pulse.look() is Verdict.ASK
    decisive = min(hold, 30)
    assert decisive / 2 < seconds_until_hung(pulse, lines=True) <= decisive * 13 / 12


@given(holds, st.lists(st.tuples(st.booleans(), st.integers(0, 2)), min_size=50, max_size=200))
def test_who_answers_late_but_in_time_is_left_alone(hold: int, life: list[tuple[bool, int]]) -> None:
    """Answers come after up to two looks, with or without other lines in between."""
    pulse = Pulse(hold)
    owed = -1
    for lines, delay in life:
        verdict = pulse.look()
        assert verdict is not Verdict.HUNG
        if verdict is Verdict.ASK:
            assert not owed >= 0, "one question at a time"
            owed = delay
        if lines:
            pulse.heard()
        if owed == 0:
            pulse.heard()
            pulse.answered()
        owed = max(owed - 1, -1)


@given(holds)
def test_it_is_asked_even_while_it_speaks(hold: int) -> None:
    pulse = Pulse(hold)
    pulse.heard()
    assert pulse.look() is Verdict.ASK
    assert pulse.asked
    pulse.answered()
    assert not pulse.asked
