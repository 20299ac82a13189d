"""When ARM ends ExaBGP's pause, and when it leaves it alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from arm.exabgp.pause import ALONE, AWAITED, Pause

LOOKS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=50, max_size=120)


def test_bird_comes_back_after_an_hour_and_does_not_wait_another_minute() -> None:
    pause = Pause(0.0)
    assert not any(pause.too_long(False, False, float(now)) for now in range(3600))
    verdicts = [pause.too_long(False, True, 3600.0 + passed) for passed in range(6)]
    assert verdicts.index(True) == AWAITED - 1  # a second before the first it did not wait yet


def test_a_short_absence_is_left_to_exabgp() -> None:
    pause = Pause(0.0)
    assert not any(pause.too_long(True, False, float(now)) for now in range(3600))
    assert not any(pause.too_long(False, now > 3620, float(now)) for now in range(3600, 3639))


@given(LOOKS)
def test_only_who_is_alone_for_long_and_awaited_all_the_time(looks: list[tuple[bool, bool]]) -> None:
    pause = Pause(0.0)
    for now, (up, awaited) in enumerate(looks, 1):
        over = pause.too_long(up, awaited, float(now))
        before = looks[:now]
        alone = next((i for i, each in enumerate(reversed(before)) if each[0]), now)
        idle = next((i for i, each in enumerate(reversed(before)) if each[0] or not each[1]), now)
        assert over == (alone >= ALONE and idle >= AWAITED)
