"""What got lost: sequence numbers against plain twins, restarts, repeats, and what switches dropped."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.sflow.batch import decode_batch
from arm.sflow.latest import Latest
from arm.sflow.loss import LossAccount, LossTotals
from arm.sflow.sequence import WINDOW, SequenceGaps
from arm.sflow.wire import decode
from tests.sflow.build import datagram, ethernet, flow_sample, ipv4, raw_header

DATA = os.environ.get("ARM_TEST_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set ARM_TEST_DATA to the folder with real sFlow datagrams")

WORD = 1 << 32
RAW = raw_header(ethernet(ipv4("198.51.100.1")), 1000)


# --- one sequence number ----------------------------------------------------------------------------------


def seen(numbers: Sequence[int]) -> tuple[SequenceGaps, list[bool]]:
    gaps = SequenceGaps(numbers[0] % WORD)
    return gaps, [gaps.see(number % WORD) for number in numbers]


def test_a_gap_counts_once_it_cannot_be_late_any_more() -> None:
    gaps, _ = seen([1, 2, 5])
    assert (gaps.lost, gaps.missing) == (0, 2)
    for number in range(6, 5 + WINDOW):
        gaps.see(number)
    assert (gaps.lost, gaps.missing) == (2, 0)


def test_late_numbers_are_not_lost_and_repeated_ones_do_not_count() -> None:
    gaps, first_time = seen([10, 12, 11, 12, 11, 10, 9, 13])
    assert first_time == [True, True, True, False, False, False, True, True]
    assert (gaps.lost, gaps.missing, gaps.highest) == (0, 0, 13)


def test_a_sender_that_starts_anew_loses_nothing() -> None:
    gaps, first_time = seen([5000, 5001, 1, 2, 3])
    assert all(first_time)
    assert (gaps.restarts, gaps.lost, gaps.missing, gaps.highest) == (1, 0, 0, 3)
    gaps, _ = seen([5000, 5001, 1, 5002, 2, 5003])
    assert (gaps.restarts, gaps.highest) == (0, 5003), "two in a row are needed"
    gaps, _ = seen([5000, 5001, 5001 + (1 << 30)])
    assert (gaps.restarts, gaps.lost) == (1, 0), "nobody loses a thousand million"
    gaps = SequenceGaps(5000)
    assert [gaps.see(5000), gaps.see(4999, restarted=True), gaps.see(5000)] == [True, True, True]
    assert (gaps.restarts, gaps.missing) == (1, 0)


def test_a_restart_ends_the_wait_for_what_is_missing() -> None:
    gaps, _ = seen([1, 2, 5, 900, 4000])
    gaps.see(1, restarted=True)
    assert gaps.lost == 2 + 894 + 3099
    assert gaps.missing == 0


@st.composite
def _arrivals(draw: st.DrawFn) -> tuple[list[int], int]:
    """Numbers in a somewhat changed order, some of them lost, some repeated soon; and how many are lost."""
    first = draw(st.sampled_from((0, 1, WORD - 50, WORD // 2 - 50, 123456)))
    lost = draw(st.sets(st.integers(1, 300), max_size=120))
    chance = draw(st.randoms(use_true_random=False))
    numbers = [number for number in range(301) if number not in lost]
    late = sorted(numbers[1:], key=lambda number: number + chance.randrange(WINDOW // 2))
    arrivals = [numbers[0]]
    for number in late:
        arrivals.extend([number] * chance.choice((1, 1, 1, 2)))
    return [first + number for number in (*arrivals, *range(301, 301 + 2 * WINDOW))], len(lost)


@given(_arrivals())
def test_exactly_what_never_came_is_lost(case: tuple[list[int], int]) -> None:
    arrivals, lost = case
    gaps, first_time = seen(arrivals)
    have: set[int] = set()
    assert first_time == [number not in have and not have.add(number) for number in arrivals]  # type: ignore[func-returns-value]
    assert (gaps.lost, gaps.missing, gaps.restarts) == (lost, 0, 0)
    assert gaps.received == len(set(arrivals))
    assert gaps.highest == arrivals[-1] % WORD


@given(st.lists(st.integers(1, 200), min_size=1, max_size=20), st.integers(0, 3 * WINDOW))
def test_many_at_once_are_many_one_by_one(steps: list[int], count: int) -> None:
    number, (quick, _), (slow, _) = 7, seen([7]), seen([7])
    for step in steps:
        number += step
        quick.see(number)
        slow.see(number)
    quick.advance(count)
    for _ in range(count):
        number += 1
        slow.see(number)
    for name in SequenceGaps.__slots__:
        assert getattr(quick, name) == getattr(slow, name), name


@given(st.lists(st.integers(0, WORD - 1), min_size=1, max_size=50), st.data())
def test_any_numbers_leave_sane_figures(numbers: list[int], data: st.DataObject) -> None:
    gaps = SequenceGaps(numbers[0])
    before = 0
    for number in numbers:
        gaps.see(number, data.draw(st.booleans()))
        assert gaps.lost >= before
        assert 0 <= gaps.missing < WINDOW
        before = gaps.lost
    assert gaps.received <= len(numbers)


# --- agents -----------------------------------------------------------------------------------------------


def sent(
    sequence: int,
    samples: Sequence[int] = (),
    uptime: int | None = None,
    agent: str = "10.0.0.1",
    rate: int = 100,
    drops: int = 0,
) -> bytes:
    """A datagram whose samples of data source 1 have these numbers."""
    whole = (
        flow_sample(
            RAW, source=1, sequence=each % WORD, rate=rate, drops=drops % WORD, pool=each * rate % WORD
        )
        for each in samples
    )
    uptime = 100 * sequence if uptime is None else uptime
    return datagram(*whole, agent=agent, sequence=sequence % WORD, uptime=uptime % WORD)


def account(*datagrams: bytes, at_once: int = 1000) -> LossAccount:
    loss = LossAccount()
    for start in range(0, len(datagrams), at_once):
        loss.account(decode_batch(datagrams[start : start + at_once]), 1.0)
    return loss


def settled(loss: LossAccount, sequence: int, sample: int) -> LossTotals:
    """Enough datagrams follow that nothing can be merely late."""
    data = [sent(sequence + step, [sample + step]) for step in range(WINDOW)]
    loss.account(decode_batch(data), 1.0)
    return loss.totals


def test_nothing_lost() -> None:
    loss = account(*(sent(number, [2 * number, 2 * number + 1]) for number in range(1, 100)))
    assert (loss.totals.datagrams, loss.totals.samples) == (99, 198)
    assert loss.totals.frames_seen == 19800
    assert loss.totals.frames_offered == 19700
    assert loss.unseen == 0.0
    assert loss.totals.frames_unseen == loss.totals.datagrams_lost == 0


def test_a_lost_datagram_shows_in_both_numbers_and_once_in_the_traffic_unseen() -> None:
    loss = account(sent(1, [1, 2]), sent(3, [5, 6]))
    totals = settled(loss, 4, 7)
    assert (totals.datagrams_lost, totals.samples_lost) == (1, 2)
    assert totals.frames_unseen == 200
    assert loss.unseen == pytest.approx(2 / (2 + 4 + WINDOW))


def test_what_the_switch_dropped_is_unseen() -> None:
    loss = account(sent(1, [1], drops=WORD - 2), sent(2, [2], drops=1), sent(3, [3], drops=1))
    assert loss.totals.samples_dropped == 3
    assert loss.unseen == pytest.approx(3 / 6)
    loss = account(sent(1, [1], drops=500), sent(2, [2], drops=0), sent(3, [3], drops=1), at_once=1)
    assert loss.totals.samples_dropped == 1, "set back"


def test_a_restart_loses_nothing() -> None:
    before = [sent(number, [number], drops=7) for number in range(5000, 5010)]
    after = [sent(number, [number], uptime=100 * number, drops=9) for number in range(1, 5)]
    for at_once in (1, 100):
        totals = account(*before, *after, at_once=at_once).totals
        assert totals.restarts == 1
        assert totals.datagrams_lost == totals.samples_lost == totals.samples_dropped == 0
    soon = [sent(number, [number], uptime=60_000 + number) for number in range(1, 9)]
    totals = account(*soon, *(sent(number, [number], uptime=number) for number in range(1, 5))).totals
    assert (totals.restarts, totals.datagrams_repeated, totals.samples) == (1, 0, 12)


def test_uptime_wraps_and_sequence_numbers_wrap() -> None:
    data = [sent(WORD - 20 + n, [WORD - 9 + n], uptime=WORD - 500 + 100 * n) for n in range(60)]
    totals = account(*data, at_once=7).totals
    assert (totals.restarts, totals.datagrams_lost, totals.samples_lost) == (0, 0, 0)
    assert totals.datagrams == 60


def test_a_repeated_datagram_is_told() -> None:
    data = [sent(1, [1, 2]), sent(2, [3]), sent(1, [1, 2]), sent(3, [4])]
    loss = LossAccount()
    assert loss.account(decode_batch(data), 1.0).tolist() == [True, True, True, False, False, True]
    assert loss.totals.datagrams_repeated == 1
    assert loss.totals.samples == 4


def test_unreadable_datagrams_do_not_matter() -> None:
    totals = account(b"", sent(1, [1]), b"nonsense", sent(2, [2])).totals
    assert (totals.datagrams, totals.datagrams_lost) == (2, 0)


def test_the_share_unseen_forgets() -> None:
    loss = account(sent(1, [1], drops=0), sent(2, [2], drops=2))
    assert loss.unseen == pytest.approx(0.5)
    loss.account(decode_batch([sent(3, [3], drops=2)]), 61.0)
    assert loss.unseen == pytest.approx(1 / 3)
    loss.account(decode_batch([]), 1e6)
    assert 0 <= loss.unseen <= 1


# --- against a plain twin ---------------------------------------------------------------------------------


def plainly(datagrams: Sequence[bytes]) -> LossTotals:
    """Datagram by datagram, sample by sample; no restarts."""
    totals = LossTotals()
    agents: dict[bytes, SequenceGaps] = {}
    sources: dict[tuple[bytes, tuple[int, int]], SequenceGaps] = {}
    for read in map(decode, datagrams):
        gaps = agents.setdefault(read.agent, SequenceGaps(read.sequence))
        lost = gaps.lost
        totals.datagrams += 1
        if not gaps.see(read.sequence):
            totals.datagrams_repeated += 1
            continue
        totals.datagrams_lost += gaps.lost - lost
        for sample in read.samples:
            source = sources.setdefault((read.agent, sample.source_id), SequenceGaps(sample.sequence))
            lost = source.lost
            source.see(sample.sequence)
            totals.samples += 1
            totals.samples_lost += source.lost - lost
            totals.frames_seen += sample.sampling_rate
            totals.frames_unseen += (source.lost - lost) * sample.sampling_rate
    return totals


@st.composite
def _streams(draw: st.DrawFn) -> list[bytes]:
    """Two agents' datagrams, some lost, some late, some repeated."""
    chance = draw(st.randoms(use_true_random=False))
    length = draw(st.integers(0, 60))
    kept = draw(st.floats(0.3, 1.0))
    wild = draw(st.sampled_from((0, 0, 3, 20)))
    whole = [
        sent(WORD - 9 + number, [3 * number - 9, 3 * number - 8, 3 * number - 7], uptime=number, agent=agent)
        for number in range(length)
        for agent in ("10.0.0.1", "2001:db8::1")
    ]
    arrived = [each for each in whole if chance.random() < kept]
    again = [each for each in arrived for _ in range(1 if chance.random() < 0.95 else 2)]
    places = sorted(range(len(again)), key=lambda place: place + chance.randint(0, wild))
    return [again[place] for place in places]


@given(_streams(), st.integers(1, 40))
def test_batches_of_any_size_against_one_by_one(data: list[bytes], at_once: int) -> None:
    found = asdict(account(*data, at_once=at_once).totals)
    expected = asdict(plainly(data))
    for figures in (found, expected):
        del figures["frames_offered"]
    assert found == expected


@given(_streams(), st.integers(0, 1000))
def test_no_order_of_arrival_upsets_the_figures(data: list[bytes], seed: int) -> None:
    loss = account(*random.Random(seed).sample(data, len(data)), at_once=9)
    assert all(value >= 0 for value in asdict(loss.totals).values())
    assert 0 <= loss.unseen <= 1


def test_memory_is_bounded() -> None:
    latest: Latest[int, str] = Latest(hold=10.0, most=3)
    for key in range(9):
        latest.put(key, "x", 0.0)
    assert len(latest) == 3
    assert latest.get(5, 0.0) is None
    assert latest.get(8, 9.0) == "x"
    assert latest.get(8, 10.0) is None
    latest.put(1, "y", 10.0)
    assert len(latest) == 1


# --- what real agents sent --------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("start", ["agent_hs_nflog_0", "agent_hs_pcap_0", "agent_ovs_0", "overflowd_sflow_"])
def test_real_agents_number_as_the_specification_says(start: str) -> None:
    paths = sorted((Path(str(DATA)) / "sflow" / "raw").glob(f"{start}*.sflow"))
    loss = account(*(path.read_bytes() for path in paths), at_once=16)
    totals = loss.totals
    assert totals.datagrams == len(paths)
    assert (totals.datagrams_repeated, totals.restarts) == (0, 0)
    assert (totals.datagrams_lost, totals.samples_lost, totals.samples_dropped) == (0, 0, 0)
    # What the samples stand for is what the agent could have sampled: nothing is missing and nothing twice.
    assert totals.frames_seen == pytest.approx(totals.frames_offered, rel=3 / totals.samples**0.5)
