"""Hardware that is fuller than configured, played with a table of a size that nobody was told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.fib.refusals import CALM, LONGEST, HardwareRoom, Room

CAPACITY = 1000


class World:
    """A kernel and its hardware: what does not fit is refused, and stays refused until it is withdrawn."""

    def __init__(self, size: int) -> None:
        self.room, self.size, self.now = HardwareRoom(), size, 0.0
        self.accepted = self.refused = self.attempts = 0
        self.verdict = Room(CAPACITY, False, 0, None)

    def second(self, demand: int = CAPACITY) -> Room:
        """ARM withdraws what was refused, then fills up to what it may have; a verdict follows."""
        wanted = min(demand, self.verdict.capacity)
        self.refused = 0
        self.accepted = min(self.accepted, wanted, self.size)
        new = wanted - self.accepted
        fits = max(0, min(new, self.size - self.accepted))
        self.accepted, self.refused = self.accepted + fits, new - fits
        self.attempts += self.refused > 0
        self.now += 1.0
        self.verdict = self.room.judge(CAPACITY, self.accepted + self.refused, self.refused, self.now)
        return self.verdict


def test_as_configured_without_refusals() -> None:
    world = World(CAPACITY)
    assert all(world.second() == Room(CAPACITY, False, 0, None) for _ in range(300))


def test_what_was_accepted_is_the_capacity() -> None:
    world = World(700)
    assert world.second() == Room(700, True, 300, 1.0)
    assert world.second() == Room(700, True, 0, 1.0)
    for _ in range(int(CALM) - 2):
        assert world.second().capacity == 700
    assert world.attempts == 1


def test_attempts_to_grow_become_rare() -> None:
    world = World(700)
    for _ in range(24 * 3600):
        assert world.second().capacity <= 710
    assert 24 <= world.attempts <= 24 + 12
    assert world.verdict.full


def test_it_grows_again_when_there_is_room() -> None:
    world = World(700)
    for _ in range(100):
        world.second()
    world.size = CAPACITY
    for _ in range(int(LONGEST)):
        world.second()
    assert world.verdict == Room(CAPACITY, False, 0, None)
    assert world.attempts == 2


def test_entries_on_their_way_out_do_not_shrink_it() -> None:
    """Slow withdrawals, and the accepted entries first: the refused stay as many."""
    room = HardwareRoom()
    assert room.judge(CAPACITY, 1000, 300, 1.0).capacity == 700
    for step in range(10):
        assert room.judge(CAPACITY, 1000 - 30 * step, 300, 2.0 + step).capacity == 700
    assert room.judge(CAPACITY, 700, 310, 20.0).capacity == 390, "but what is refused anew does"


def test_no_growth_without_use() -> None:
    world = World(700)
    world.second()
    for _ in range(1000):
        assert world.second(demand=100).capacity == 700
    assert world.attempts == 1


@pytest.mark.parametrize("capacity", [0, 100])
def test_a_configured_capacity_below_it_wins(capacity: int) -> None:
    room = HardwareRoom()
    room.judge(CAPACITY, 1000, 300, 1.0)
    assert room.judge(capacity, capacity, 0, 2.0).capacity == capacity
    assert not room.judge(capacity, capacity, 0, 3.0).full


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 1500), st.integers(1, 400)), max_size=60))
def test_never_above_what_is_configured_or_below_nothing(changes: list[tuple[int, int, int]]) -> None:
    world = World(700)
    for size, demand, seconds in changes:
        world.size = size
        for _ in range(min(seconds, 20)):
            verdict = world.second(min(demand, CAPACITY))
            assert 0 <= verdict.capacity <= CAPACITY
            assert verdict.full == (verdict.since is not None)
            assert verdict.full or verdict.refused == 0
        world.now += seconds
