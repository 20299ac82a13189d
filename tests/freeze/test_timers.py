"""The steady clock, and what to do when the hardware is full."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.freeze.timers import FIRST_BACK_OFF, LONGEST_BACK_OFF, LONGEST_TICK, TRIAL, Backoff, SteadyClock


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=50))
def test_a_look_counts_for_no_more_than_a_tick(times: list[float]) -> None:
    clock, before = SteadyClock(), 0.0
    for now in times:
        elapsed = clock.advance(now)
        assert 0.0 <= elapsed <= LONGEST_TICK
        assert clock.time == before + elapsed
        before = clock.time


@given(st.lists(st.integers(0, int(LONGEST_TICK)), max_size=50), st.integers(-(10**9), 10**9))
def test_in_quiet_times_it_is_a_clock(ticks: list[int], start: int) -> None:
    clock, now = SteadyClock(), float(start)
    clock.advance(now)
    for tick in ticks:
        now += tick
        assert clock.advance(now) == tick
        assert clock.gap == 0.0
    assert clock.time == sum(ticks)


def test_a_standstill_is_noticed() -> None:
    clock = SteadyClock()
    gaps = []
    for now in (100.0, 101.0, 161.0, 162.0, 50.0, 51.0):
        clock.advance(now)
        gaps.append(clock.gap)
    assert gaps == [0.0, 0.0, 60.0, 0.0, 0.0, 0.0]
    assert clock.time == 1.0 + LONGEST_TICK + 1.0 + 0.0 + 1.0


@dataclass
class Hardware:
    """Entries beyond `size` are refused."""

    size: int
    entries: int
    now: float = 0.0

    def __post_init__(self) -> None:
        self.backoff = Backoff()

    def look(self) -> bool:
        self.now += 1.0
        return self.backoff.advance(max(0, self.entries - self.size), min(self.entries, self.size), self.now)

    def waits(self) -> int:
        """Seconds until the back-off that begins now is over."""
        assert self.look()
        seconds = 1
        while self.look():
            seconds += 1
        return seconds


def test_each_back_off_is_twice_as_long_up_to_the_longest() -> None:
    hardware, waited = Hardware(size=100, entries=110), []
    for _ in range(6):
        waited.append(hardware.waits())
        assert not any(hardware.look() for _ in range(int(TRIAL) - 1)), "a trial"
    expected = [min(FIRST_BACK_OFF * 2**n, LONGEST_BACK_OFF) for n in range(6)]
    assert waited == expected
    assert hardware.backoff.ceiling == 100


def test_more_that_is_refused_ends_the_trial() -> None:
    hardware = Hardware(size=100, entries=110)
    hardware.waits()
    hardware.entries = 105
    assert not hardware.look()
    hardware.entries = 106
    assert hardware.waits() == 2 * FIRST_BACK_OFF


def test_it_waits_though_what_was_refused_is_gone() -> None:
    """ARM takes it back at once: that is no sign of room."""
    hardware = Hardware(size=100, entries=110)
    assert hardware.look()
    assert hardware.backoff.left(hardware.now) == FIRST_BACK_OFF
    hardware.entries = 90
    assert hardware.waits() == FIRST_BACK_OFF - 1
    assert hardware.backoff.ceiling == 100
    quiet = 0
    while hardware.backoff.ceiling is not None:
        assert not hardware.look()
        quiet += 1
    assert quiet == 2 * FIRST_BACK_OFF, "as long as the next back-off would be"


@pytest.mark.parametrize(("quiet", "expected"), [(3000, 2 * FIRST_BACK_OFF), (3700, FIRST_BACK_OFF)])
def test_an_hour_later_the_next_is_the_first_again(quiet: int, expected: float) -> None:
    hardware = Hardware(size=100, entries=110)
    hardware.waits()
    hardware.entries = 100
    assert not any(hardware.look() for _ in range(quiet))
    hardware.entries = 101
    assert hardware.waits() == expected


def test_hardware_that_takes_nothing_at_all_is_not_full() -> None:
    hardware = Hardware(size=0, entries=5)
    hardware.look()
    assert hardware.backoff.ceiling is None


def test_the_ceiling_is_the_most_there_was_room_for() -> None:
    """The hardware may still be at work when it refuses, and gives room when entries are taken back."""
    hardware, ceilings = Hardware(size=50, entries=110), []
    for size, entries in ((50, 110), (100, 110), (100, 80)):
        hardware.size, hardware.entries = size, entries
        hardware.look()
        ceilings.append(hardware.backoff.ceiling)
    assert ceilings == [50, 100, 100]
