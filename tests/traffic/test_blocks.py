"""The block meter against its plain twin, and what its memory means."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.traffic.blocks import BlockMeter
from tests.traffic.plain_blocks import PlainBlockMeter, Row

WINDOW = 60.0


def add(meter: BlockMeter, rows: Sequence[Row], now: float, rate: float = 1000.0) -> None:
    keys, octets, packets, samples, fine = list(zip(*rows, strict=True)) or [()] * 5
    meter.add(
        np.array(keys, np.uint64),
        np.array(octets, float),
        np.array(packets, float),
        np.array(samples, np.int64),
        np.array(fine, np.bool_),
        rate,
        now,
    )


def weights(meter: BlockMeter) -> dict[int, tuple[float, float, float]]:
    columns = (meter.octets(), meter.packets(), meter.samples())
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(meter.keys().tolist(), rows, strict=True))


def key(text: str) -> int:
    address = ip_address(text)
    return int(address) >> (64 if address.version == 6 else 0)


def row(text: str, octets: float = 1000.0, fine: bool = False) -> Row:
    return key(text), octets, 1.0, 1, fine


# --- the plain twin ---------------------------------------------------------------------------------------


@st.composite
def rows(draw: st.DrawFn, bits: int) -> list[Row]:
    """Few blocks, few addresses in each, so that they repeat; the outermost of both among them."""
    drop = bits // 4
    blocks = st.sampled_from([0, 1, 2, 3, 0x141414, (1 << bits - drop) - 1])
    hosts = st.sampled_from([0, 1, (1 << drop) - 1])
    one = st.tuples(
        st.builds(lambda block, host: block << drop | host, blocks, hosts),
        st.floats(1.0, 1e9),
        st.floats(1.0, 1e6),
        st.integers(1, 3),
        st.booleans(),
    )
    return draw(st.lists(one, max_size=12))


elapsed = st.sampled_from([0.0, 0.25, 1.0, 1.0, 7.5, 60.0, 100.25, 500.0, 3000.0, 1e6])  # seconds
rates = st.sampled_from([0.0, 10.0, 1000.0, 5000.0, 1e6])


@settings(deadline=None)
@given(st.data(), st.sampled_from((32, 64)), st.sampled_from((WINDOW, None)), st.sampled_from((5, 100)))
def test_equals_the_plain_twin(data: st.DataObject, bits: int, window: float | None, limit: int) -> None:
    meter, plain, now = BlockMeter(bits, window, limit), PlainBlockMeter(bits, window, limit), 1e5
    for _ in range(data.draw(st.integers(1, 8))):
        now += data.draw(elapsed)
        traffic, rate = data.draw(rows(bits)), data.draw(rates)
        add(meter, traffic, now, rate)
        plain.add(traffic, rate, now)
        found, expected = weights(meter), plain.weights()
        assert list(found) == sorted(expected)
        assert len(meter) == len(expected) <= limit
        for each, figures in expected.items():
            assert found[each] == pytest.approx(figures)
        assert meter.window == pytest.approx(plain.window())
        assert meter.observed == pytest.approx(plain.observed())


@given(st.data())
def test_without_fine_addresses_all_are_coarse(data: st.DataObject) -> None:
    traffic = [(*each[:4], False) for each in data.draw(rows(32))]
    some, other = BlockMeter(32, WINDOW), BlockMeter(32, WINDOW)
    add(some, traffic, 0.0)
    keys, octets, packets, samples, _ = list(zip(*traffic, strict=True)) or [()] * 5
    other.add(
        np.array(keys, np.uint64), np.array(octets), np.array(packets), np.array(samples), None, 1.0, 0.0
    )
    assert weights(some) == weights(other)


# --- rates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [None, 300.0])
def test_rates_are_not_biased_after_a_start(window: float | None) -> None:
    """A steady 125 kB/s reads as that from the second interval on, also while the window changes."""
    meter = BlockMeter(32, window)
    for second in range(400):
        add(meter, [row("20.0.0.1", 125_000.0)] if second else [], float(second), 1000.0 * (1 + second // 99))
        if second:
            (rate,) = meter.rate_of(meter.octets()).tolist()
            assert rate == pytest.approx(125_000.0, rel=0.005)


def test_no_rate_before_time_has_passed() -> None:
    meter = BlockMeter(32, WINDOW)
    assert (meter.observed, len(meter), len(meter.rate_of(meter.octets()))) == (0.0, 0, 0)
    add(meter, [row("20.0.0.1")], 5.0)
    assert meter.octets().tolist() == [1000.0]
    assert meter.rate_of(meter.octets()).tolist() == [0.0]


def test_observed_approaches_the_window() -> None:
    meter = BlockMeter(64, WINDOW)
    for second in range(1000):
        add(meter, [], float(second))
    assert meter.observed == pytest.approx(WINDOW)


# --- blocks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits", "address", "neighbour", "block", "other"),
    [
        (32, "20.1.2.3", "20.1.2.255", "20.1.2.0", "20.1.3.0"),
        (64, "2001:db8:1:2::3", "2001:db8:1:ffff::", "2001:db8:1::", "2001:db8:2::"),
    ],
)
def test_fine_and_coarse_keys_of_a_block(
    bits: int, address: str, neighbour: str, block: str, other: str
) -> None:
    meter = BlockMeter(bits, WINDOW)
    add(meter, [row(other, 1), row(address, 2, fine=True), row(neighbour, 4), row(address, 8)], 0.0)
    assert {each: figures[0] for each, figures in weights(meter).items()} == {
        key(block): 12.0,
        key(address): 2.0,
        key(other): 1.0,
    }


def test_a_block_that_turns_fine_loses_nothing() -> None:
    """A route longer than /24 comes: the /24's traffic so far stays, at its first address."""
    meter = BlockMeter(32, WINDOW)
    add(meter, [row("20.0.0.200", 6), row("20.0.0.7", 3)], 0.0)
    add(meter, [row("20.0.0.200", 1, fine=True), row("20.0.0.0", 1, fine=True)], 0.0)
    assert weights(meter) == {key("20.0.0.0"): (10.0, 3.0, 3.0), key("20.0.0.200"): (1.0, 1.0, 1.0)}
    add(meter, [row("20.0.0.200", 1)], 0.0)  # and it goes again
    assert weights(meter)[key("20.0.0.0")] == (11.0, 4.0, 4.0)


# --- forgetting -------------------------------------------------------------------------------------------


def test_a_given_window_is_how_long_silence_may_last() -> None:
    meter = BlockMeter(32, WINDOW)
    add(meter, [row("20.0.0.1"), row("20.0.1.1")], 0.0)
    add(meter, [row("20.0.1.1")], WINDOW)
    assert meter.keys().tolist() == [key("20.0.0.0"), key("20.0.1.0")]
    add(meter, [], WINDOW + 0.1)
    assert meter.keys().tolist() == [key("20.0.1.0")]
    add(meter, [row("20.0.0.1", 7)], WINDOW + 0.1)
    assert meter.octets().tolist()[0] == 7.0, "a block that comes back starts from nothing"


def test_with_the_automatic_window_a_block_stays_until_it_has_faded() -> None:
    meter = BlockMeter(32, None)
    for _ in range(40):
        add(meter, [row("20.0.0.1")], 0.0)
    add(meter, [row("20.0.1.1")], 0.0)
    assert meter.window == pytest.approx(900.0)
    add(meter, [], 2650.0)
    assert len(meter) == 2
    add(meter, [], 2699.0)
    assert meter.keys().tolist() == [key("20.0.0.0")], "less than 0.05 samples are left of the other"
    add(meter, [], 2701.0)
    assert len(meter) == 0


def test_arrays_given_away_stay_as_they_are() -> None:
    """A selection may still be at work on them in another thread."""
    meter = BlockMeter(32, WINDOW)
    add(meter, [row("20.0.0.1"), row("20.0.1.1")], 0.0)
    arrays = (meter.keys(), meter.octets(), meter.packets(), meter.samples())
    before = [array.tolist() for array in arrays]
    for now, traffic in ((1.0, [row("20.0.0.1")]), (2.0, []), (3.0, [row("19.0.0.1")]), (99.0, [])):
        add(meter, traffic, now)
        assert [array.tolist() for array in arrays] == before
    for array in (*arrays, meter.keys(), meter.octets(), meter.packets(), meter.samples()):
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = 0
