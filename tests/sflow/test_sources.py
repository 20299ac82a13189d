"""Bytes by source against a dictionary."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.sflow.batch import decode_batch
from arm.sflow.destinations import aggregate
from arm.sflow.direction import Direction
from arm.sflow.intake import Intake
from arm.sflow.sources import Sources, sources_of, together
from tests.sflow.build import datagram, ethernet, flow_sample, ipv4, raw_header
from tests.sflow.strategies import datagrams


def plain(batches: list[list[bytes]], chosen: list[list[bool]]) -> list[tuple[int, int, float]]:
    sums: Counter[tuple[int, int]] = Counter()
    for batch, mask in zip(batches, chosen, strict=True):
        samples = decode_batch(batch).samples
        for row, wanted in enumerate(mask):
            family, rate = int(samples.family[row]), int(samples.sampling_rate[row])
            word = samples.source_low if family == 4 else samples.source_high
            if wanted and family and rate:
                sums[family, int(word[row])] += int(samples.frame_length[row]) * rate
    return [(*place, float(size)) for place, size in sorted(sums.items())]


def rows(found: Sources) -> list[tuple[int, int, float]]:
    return list(zip(found.family.tolist(), found.keys.tolist(), found.bytes.tolist(), strict=True))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(datagrams(), max_size=4), max_size=3), st.randoms())
def test_bytes_by_source(batches: list[list[bytes]], chance: random.Random) -> None:
    read = [decode_batch(batch).samples for batch in batches]
    chosen = [[bool(chance.getrandbits(1)) for _ in range(len(each))] for each in read]
    parts = [sources_of(each, np.array(mask, np.bool_)) for each, mask in zip(read, chosen, strict=True)]
    found = together(parts)
    expected = plain(batches, chosen)
    assert [row[:2] for row in rows(found)] == [row[:2] for row in expected]
    np.testing.assert_allclose(found.bytes, [row[2] for row in expected])
    for each, mask in zip(read, chosen, strict=True):
        one = aggregate(each, np.array(mask, np.bool_))
        assert one.bytes.sum() == together([sources_of(each, np.array(mask, np.bool_))]).bytes.sum()


def test_an_interval_s_sources_are_those_of_its_destinations() -> None:
    intake = Intake(Direction.AUTO, ())
    packet = raw_header(ethernet(ipv4("198.51.100.9")), 1000)
    for sequence in (1, 2):
        intake.receive([datagram(flow_sample(packet, source=1), sequence=sequence)], float(sequence))
    first = intake.take(3.0)
    assert len(intake.sources) == 1
    assert intake.sources.bytes.sum() == first.bytes.sum() > 0
    intake.take(4.0)
    assert len(intake.sources) == 0
