"""What a meter remembers, taken over by the meter of the next run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.traffic.blocks import BlockMeter, Memory
from tests.traffic.test_blocks import WINDOW, add, elapsed, key, rates, row, rows, weights


def taken_over(meter: BlockMeter, bits: int, window: float | None, away: float, now: float) -> BlockMeter:
    """A new meter, `away` seconds later, whose clock shows `now`."""
    fresh = BlockMeter(bits, window)
    fresh.restore(meter.dump(), away, now)
    return fresh


@settings(deadline=None, max_examples=50)
@given(st.data(), st.sampled_from((32, 64)), st.sampled_from((WINDOW, None)))
def test_without_a_pause_nothing_is_different(data: st.DataObject, bits: int, window: float | None) -> None:
    """The clock of the next run is another one, and what it measures adds to what is remembered."""
    meter, now, shift = BlockMeter(bits, window), 1e5, data.draw(st.sampled_from([0.0, -9e4, 3600.0]))
    for _ in range(data.draw(st.integers(1, 4))):
        now += data.draw(elapsed)
        add(meter, data.draw(rows(bits)), now, 1000.0)
    other = taken_over(meter, bits, window, 0.0, now + shift)
    for _ in range(data.draw(st.integers(0, 4))):
        # Not over the length of a window: what is forgotten then is a matter of the last digit.
        assert list(weights(other)) == list(weights(meter))
        for each, figures in weights(meter).items():
            assert weights(other)[each] == pytest.approx(figures)
        assert other.observed == pytest.approx(meter.observed)
        assert other.window == pytest.approx(meter.window)
        traffic, pause = data.draw(rows(bits)), data.draw(st.sampled_from([0.25, 1.0, 7.5]))
        now += pause
        add(meter, traffic, now, 1000.0)
        add(other, traffic, now + shift, 1000.0)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from((WINDOW, None)), rates, st.floats(0.0, 59.0))
def test_a_pause_ages_what_is_known_but_not_the_rates(window: float | None, rate: float, away: float) -> None:
    meter = BlockMeter(32, window)
    for second in range(100):
        add(meter, [row("20.0.0.1", 125_000.0)] if second else [], float(second), rate)
    other = taken_over(meter, 32, window, away, 5.0)
    (before,), (after,) = meter.octets().tolist(), other.octets().tolist()
    assert after == pytest.approx(before * np.exp(-away / other.window))
    (before,), (after,) = meter.dump().standing.tolist(), other.dump().standing.tolist()
    assert after == pytest.approx(before * np.exp(-away / other.window / 3)), "it fades more slowly"
    assert other.rate_of(other.octets()) == pytest.approx(meter.rate_of(meter.octets()))
    add(other, [row("20.0.0.1", 125_000.0)], 6.0, rate)
    assert other.rate_of(other.octets()).tolist() == pytest.approx([125_000.0], rel=0.01)


def test_after_a_pause_the_new_counts_for_more() -> None:
    """A rate that changed meanwhile is learned as fast as if so much had been measured no longer."""
    meter = BlockMeter(32, WINDOW)
    for second in range(600):
        add(meter, [row("20.0.0.1", 1000.0)], float(second))
    other = taken_over(meter, 32, WINDOW, WINDOW * 0.9, 0.0)
    for second in range(1, 31):
        add(other, [row("20.0.0.1", 3000.0)], float(second))
        add(meter, [row("20.0.0.1", 3000.0)], 599.0 + second)
    for each, pause in ((meter, 0.0), (other, 0.9)):
        old, new = np.exp(-0.5 - pause), 1.0 - np.exp(-0.5)
        (rate,) = each.rate_of(each.octets()).tolist()
        assert rate == pytest.approx((old * 1000.0 + new * 3000.0) / (old + new), rel=0.02)


@pytest.mark.parametrize("window", [WINDOW, None])
@pytest.mark.parametrize("away", [1e4, 1e9, 1e300])
def test_after_a_long_pause_nothing_is_known(window: float | None, away: float) -> None:
    meter = BlockMeter(32, window)
    for second in range(10):
        add(meter, [row("20.0.0.1")], float(second))
    other = taken_over(meter, 32, window, away, 77.0)
    assert len(other) == 0
    assert other.observed == pytest.approx(0.0, abs=1.0)
    for second in range(3):
        add(other, [row("20.0.0.1")] if second else [], 78.0 + second)
    assert other.rate_of(other.octets()).tolist() == pytest.approx([1000.0], rel=0.4)


def test_a_block_is_forgotten_when_it_would_have_been() -> None:
    meter = BlockMeter(32, WINDOW)
    add(meter, [row("20.0.0.1"), row("20.0.1.1")], 0.0)
    add(meter, [row("20.0.1.1")], 30.0)
    assert meter.dump().silent.tolist() == [30.0, 0.0]
    other = taken_over(meter, 32, WINDOW, 20.0, 1000.0)
    assert other.keys().tolist() == [key("20.0.0.0"), key("20.0.1.0")]
    assert other.dump().silent.tolist() == [30.0, 0.0], "nobody could hear them meanwhile"
    add(other, [], 1031.0)
    assert other.keys().tolist() == [key("20.0.1.0")]


def test_more_than_there_is_room_for() -> None:
    """An earlier run may have had a larger limit; those with most samples stay."""
    count = 50
    ones = np.arange(1.0, count + 1.0)
    memory = Memory(np.arange(count, dtype=np.uint64), ones, ones, ones, ones, np.zeros(count), 9.0, 1.0)
    meter = BlockMeter(32, WINDOW, limit=20)
    meter.restore(memory, 0.0, 0.0)
    assert meter.octets().tolist() == list(range(count - 14, count + 1))


def test_a_meter_that_has_measured_nothing() -> None:
    other = taken_over(BlockMeter(64, None), 64, None, 5.0, 5.0)
    assert (len(other), other.observed) == (0, 0.0)


def test_what_was_taken_never_changes() -> None:
    """Another thread writes it to a file."""
    meter = BlockMeter(32, WINDOW)
    add(meter, [row("20.0.0.1"), row("20.0.1.1")], 0.0)
    memory = meter.dump()
    before = memory.keys.tolist(), memory.octets.tolist(), memory.silent.tolist()
    other = BlockMeter(32, WINDOW)
    other.restore(memory, 0.0, 0.0)
    for each in (meter, other):
        add(each, [row("20.0.0.1"), row("19.0.0.1")], 10.0)
    assert (memory.keys.tolist(), memory.octets.tolist(), memory.silent.tolist()) == before


def test_a_pause_counts_for_nothing() -> None:
    """Two meters with the same samples, one with a silence in between: the same weights."""
    one, other = (BlockMeter(32, 60.0) for _ in range(2))
    keys, none = np.array([1 << 24], np.uint64), np.zeros(1, np.bool_)
    octets, packets, samples = np.array([1000.0]), np.array([1.0]), np.array([1], np.int64)
    for meter, later in ((one, 0.0), (other, 500.0)):
        for now in (1.0, 2.0):
            meter.add(keys, octets, packets, samples, none, 1.0, now)
        if later:
            meter.pause(200.0)
            meter.pause(2.0 + later)
        meter.add(keys, octets, packets, samples, none, 1.0, 3.0 + later)
    assert other.octets() == pytest.approx(one.octets())
    assert other.observed == pytest.approx(one.observed)
    assert other.keys().tolist() == keys.tolist(), "not taken for silent either"
