"""The history of names that come and go, against a plain twin, on clocks that leap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm import history_shares
from arm.history import SPANS, Span
from arm.history_shares import FILLING, KEPT, OTHER, SHOWN, Shares, Split
from arm.history_shares_file import from_bytes, to_bytes
from arm.model import TRAFFIC_BY, Family, Ranking

START = 1_760_000_000
BY = TRAFFIC_BY[1]
Sample = tuple[float, Mapping[str, int], int]  # when, whose, and the rest

names = st.sampled_from([f"AS{number}" for number in range(20)])
splits = st.dictionaries(names, st.integers(1, 1000), max_size=8)
steps = st.one_of(
    st.sampled_from([1.0, 1.0, 1.0, 0.3, 2.5]),
    st.integers(-40, 40).map(float),
    st.sampled_from([-7e5, -4000.0, 400.0, 90_000.0, 3e8, -3e8]),
)


@st.composite
def courses(draw: st.DrawFn) -> list[Sample]:
    now, course = float(START), list[Sample]()
    for step, split, rest in draw(st.lists(st.tuples(steps, splits, st.integers(0, 50)), max_size=30)):
        now += step
        course.append((now, split, rest))
    return course


def first(held: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(held.items(), key=lambda item: (-item[1], item[0]))[:KEPT])


class Bucket:
    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self.held: dict[str, float] = {}


def plain(span: Span, course: Sequence[Sample]) -> dict[int, Bucket]:
    """Buckets by number: what lies ahead of a clock that was set back is gone, as is what lay at a place that
    another bucket took; who is not among the largest when a bucket is left is forgotten."""
    buckets: dict[int, Bucket] = {}
    numbers = [int(now) // span.step for now, _, _ in course]
    for (_, split, rest), number, left in zip(course, numbers, [None, *numbers], strict=False):
        if left != number and left in buckets:
            buckets[left].held = first(buckets[left].held)
        gone = {each for each in buckets if each % span.size == number % span.size and each != number}
        buckets = {each: held for each, held in buckets.items() if each <= number and each not in gone}
        bucket = buckets.setdefault(number, Bucket())
        bucket.count += 1
        bucket.total += sum(split.values()) + rest
        for name, rate in split.items():
            bucket.held[name] = bucket.held.get(name, 0.0) + rate
    newest = max(buckets, default=0)
    return {number: held for number, held in buckets.items() if number > newest - span.size}


def ranking(split: Mapping[str, int], rest: int) -> Ranking:
    order = sorted(split, key=lambda name: -split[name])
    rates = tuple(float(split[name]) for name in order)
    return Ranking(tuple(order), rates, float(sum(split.values()) + rest))


def recorded(course: Sequence[Sample]) -> Shares:
    shares = Shares()
    for now, split, rest in course:
        shares.add(now, {Family.IPV6: {BY: ranking(split, rest)}})
    return shares


def agrees(found: Split, span: Span, buckets: Mapping[int, Bucket]) -> None:
    assert found.step == span.step
    if not buckets:
        assert (len(found.starts), found.parts) == (0, ())
        return
    assert found.starts.tolist() == [
        number * span.step for number in range(max(buckets) - span.size + 1, max(buckets) + 1)
    ]
    shown = {
        name: dict(zip(found.starts.tolist(), values.tolist(), strict=True)) for name, values in found.parts
    }
    assert len(shown) == len(found.parts) <= SHOWN + 1
    assert found.parts[-1][0] == OTHER
    kept = {number: first(bucket.held) for number, bucket in buckets.items()}
    means: dict[str, float] = {}
    for number, held in kept.items():
        for name, size in held.items():
            means[name] = means.get(name, 0.0) + size / buckets[number].count
    order = [means[name] for name, _ in found.parts[:-1]]
    assert all(one >= other or one == pytest.approx(other) for one, other in pairwise(order))
    assert sum(order) == pytest.approx(sum(sorted(means.values())[-SHOWN:])), "those are the largest"
    for start in found.starts.tolist():
        bucket = buckets.get(start // span.step)
        column = {name: values[start] for name, values in shown.items()}
        if bucket is None:
            assert all(value != value for value in column.values())
            continue
        assert sum(column.values()) == pytest.approx(bucket.total / bucket.count)
        for name, value in column.items():
            if name != OTHER:
                assert value == pytest.approx(kept[start // span.step].get(name, 0.0) / bucket.count)


@settings(max_examples=60, deadline=None)
@given(courses())
def test_each_bucket_has_its_largest(course: list[Sample]) -> None:
    shares = recorded(course)
    for span in SPANS:
        agrees(shares.read(Family.IPV6, BY, span.name), span, plain(span, course))
    assert shares.read(Family.IPV4, BY, "1h").parts == ()


def sizes(split: Split) -> list[float]:
    """What each part has, over all buckets; then the total of each bucket."""
    parts = np.array([values for _, values in split.parts]).reshape(len(split.parts), len(split.starts))
    found: list[float] = [*np.nansum(parts, axis=1).tolist(), *np.nan_to_num(parts.sum(axis=0)).tolist()]
    return found


@settings(max_examples=30, deadline=None)
@given(courses(), courses())
def test_a_restart_goes_on(before: list[Sample], after: list[Sample]) -> None:
    shares = recorded(before)
    saved = from_bytes(to_bytes(shares))
    for span in SPANS:
        one, other = (each.read(Family.IPV6, BY, span.name) for each in (shares, saved))
        assert one.starts.tolist() == other.starts.tolist()
        assert sizes(one) == pytest.approx(sizes(other), rel=1e-5)
    for now, split, rest in after:
        saved.add(now, {Family.IPV6: {BY: ranking(split, rest)}})
        saved.read(Family.IPV6, BY, "1h")


def test_names_that_nobody_has_any_more_are_forgotten() -> None:
    shares = Shares()
    for second in range(3000):
        split = {f"AS{second}.{number}": 10 + number for number in range(20)}
        shares.add(START + second, {Family.IPV4: {BY: ranking(split, 0)}})
        rings = shares.series[Family.IPV4, BY].rings.values()
        assert max(len(ring.held) for ring in rings) <= FILLING
    names = shares.series[Family.IPV4, BY]
    names.settle()
    places = sum(min(span.size, 3000 // span.step + 2) for span in SPANS)
    assert len(names.names) <= KEPT * places
    read = shares.read(Family.IPV4, BY, "1d")
    assert len(read.parts) == SHOWN + 1
    whole = sum(range(10, 30))
    assert sum(values[-2] for _, values in read.parts) == pytest.approx(whole)


def test_who_is_always_in_the_middle_is_not_lost_in_a_long_bucket() -> None:
    shares = Shares()
    for second in range(START - START % 1800, START - START % 1800 + 1800):
        split = {f"AS{second % 97}.{number}": 30 for number in range(18)} | {"steady": 29}
        shares.add(second, {Family.IPV4: {BY: ranking(split, 0)}})
    assert shares.read(Family.IPV4, BY, "1w").parts[0][0] == "steady"
    assert "steady" not in {name for name, _ in shares.read(Family.IPV4, BY, "5m").parts}


@pytest.mark.parametrize("now", [-1.0, float(1 << 40), float("nan")])
def test_a_time_that_cannot_be_is_passed_over(now: float) -> None:
    shares = Shares()
    shares.add(now, {Family.IPV4: {BY: ranking({"AS1": 1}, 0)}})
    assert shares.read(Family.IPV4, BY, "5m").parts == ()


def test_what_is_no_history() -> None:
    good = to_bytes(recorded([(float(START), {"AS1": 5, "AS2": 3}, 1)]))
    assert from_bytes(good).read(Family.IPV6, BY, "5m").parts[0][0] == "AS1"
    for bad in (b"", good[:-1], good + b"\0", b"\7" + good[1:], good[:5] + b"[[[" + good[8:], good[:60]):
        with pytest.raises(ValueError, match=r"^its? "):
            from_bytes(bad)
    nested = b"\1\x40\x42\x0f\0" + b"[" * 1_000_000
    with pytest.raises(ValueError, match="not JSON"):
        from_bytes(nested)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_is_found_or_harmless(changes: list[tuple[int, int]]) -> None:
    content = bytearray(DAMAGED)
    for at, value in changes:
        content[at % len(content)] = value
    try:
        found = from_bytes(bytes(content))
    except ValueError:
        return
    for family, by in history_shares.SERIES:
        found.add(START + 5, {family: {by: ranking({"AS3": 1}, 1)}})
        found.read(family, by, "5m")
    to_bytes(found)


DAMAGED = to_bytes(recorded([(START + second, {"AS1": 5, f"AS{second}": 3}, 1) for second in range(50)]))
