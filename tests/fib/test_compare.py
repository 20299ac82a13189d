"""Announced against kernel and hardware, against a plain reading of the table of classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.fib.compare import GRACE, OFFLOAD_GRACE, Books, Differences, Fault, Gateways, Reconciler
from arm.model import Attributes, Entry, KernelRoute, Prefix

P = [Prefix(f"20.{n}.0.0/16") for n in range(5)]
SHOWN: list[Gateways] = [("10.0.0.2",), ("10.0.0.3",), ("10.0.0.3", "10.0.0.4"), ("10.0.0.2", "10.0.0.3"), ()]
GATEWAYS: dict[str, Gateways] = {"10.0.0.2": ("10.0.0.2",), "198.18.0.1": ("10.0.0.3", "10.0.0.4")}


def entry(prefix: Prefix, next_hop: str = "10.0.0.2") -> Entry:
    return Entry(prefix, next_hop, Attributes())


def route(
    prefix: Prefix, gateways: Gateways = ("10.0.0.2",), *, offloaded: bool = False, failed: bool = False
) -> KernelRoute:
    return KernelRoute(prefix, gateways, 12, offloaded, failed)


def books(
    told: Collection[Entry], kernel: Collection[KernelRoute], leaving: Collection[Prefix] = ()
) -> Books:
    entries, routes = {each.prefix: each for each in told}, {each.prefix: each for each in kernel}
    return Books(entries, leaving, routes, GATEWAYS.get, P)


@st.composite
def histories(draw: st.DrawFn) -> list[Books]:
    found = []
    told, kernel = dict[Prefix, Entry](), dict[Prefix, KernelRoute]()
    leads = dict(GATEWAYS)
    for _ in range(draw(st.integers(1, 5))):
        touched = set[Prefix]()
        for prefix in draw(st.sets(st.sampled_from(P))):
            touched.add(prefix)
            hop = draw(st.sampled_from(["10.0.0.2", "198.18.0.1", "unknown", None]))
            told.pop(prefix, None)
            if hop is not None:
                told[prefix] = entry(prefix, hop)
        for prefix in draw(st.sets(st.sampled_from(P))):
            touched.add(prefix)
            shown, flag = draw(st.sampled_from([*SHOWN, None])), draw(st.integers(0, 2))
            kernel.pop(prefix, None)
            if shown is not None:
                kernel[prefix] = route(prefix, shown, offloaded=flag == 1, failed=flag == 2)
        if draw(st.booleans()):
            leads["198.18.0.1"] = draw(st.sampled_from(SHOWN[:4]))
        leaving = [prefix for prefix in draw(st.sets(st.sampled_from(P))) if prefix not in told]
        found.append(Books(dict(told), leaving, dict(kernel), dict(leads).get, touched))
    return found


class Plain:
    """One prefix at a time."""

    def __init__(self) -> None:
        self.since: dict[Prefix, tuple[Fault, float]] = {}
        self.ours: dict[Prefix, bool] = dict.fromkeys(P, False)
        self.flags = False

    def compare(self, books: Books, now: float) -> dict[Prefix, tuple[Fault, float]]:
        self.flags |= any(each.offloaded or each.offload_failed for each in books.kernel.values())
        for prefix in P:
            fault = self.fault(books, prefix)
            if fault is None:
                self.since.pop(prefix, None)
            elif prefix not in self.since or self.since[prefix][0] is not fault:
                self.since[prefix] = (fault, now)
            self.ours[prefix] = (self.ours[prefix] or prefix in books.told) and prefix in books.kernel
        grace = {Fault.REFUSED: 0.0, Fault.NOT_OFFLOADED: OFFLOAD_GRACE}
        return {p: each for p, each in self.since.items() if now - each[1] >= grace.get(each[0], GRACE)}

    def fault(self, books: Books, prefix: Prefix) -> Fault | None:
        told, shown = books.told.get(prefix), books.kernel.get(prefix)
        if told is None:
            if shown is None:
                return None
            known = prefix in books.leaving or self.ours[prefix]
            return Fault.STUCK if known else Fault.UNEXPECTED
        if shown is None:
            return Fault.MISSING
        expected = books.expected(told.next_hop)
        if expected is not None:
            elsewhere = [each for each in shown.gateways if each not in expected]
            if elsewhere or (expected and not shown.gateways):
                return Fault.WRONG_NEXT_HOP
        if shown.offload_failed:
            return Fault.REFUSED
        return Fault.NOT_OFFLOADED if self.flags and not shown.offloaded else None


def reported(differences: Differences) -> Mapping[Prefix, tuple[Fault, float]]:
    pairs = [(prefix, fault) for fault in Fault for prefix in differences.of(fault)]
    assert len(pairs) == len(dict(pairs)), "one class each"
    assert differences.since.keys() == dict(pairs).keys()
    for fault in Fault:
        ages = [differences.since[prefix] for prefix in differences.of(fault)]
        assert ages == sorted(ages), "the oldest first"
    return {prefix: (fault, differences.since[prefix]) for prefix, fault in pairs}


@settings(max_examples=200)
@given(histories(), st.sampled_from([1.0, GRACE, OFFLOAD_GRACE]))
def test_like_the_plain_one(history: list[Books], step: float) -> None:
    reconciler, plain = Reconciler(), Plain()
    for number, each in enumerate(history):
        now = 100.0 + number * step
        assert reported(reconciler.compare(each, now)) == plain.compare(each, now)


def test_a_delay_is_no_fault() -> None:
    reconciler = Reconciler()
    asked = books([entry(P[0])], [])
    assert reconciler.compare(asked, 100.0).missing == []
    assert reconciler.compare(asked, 104.9).missing == []
    found = reconciler.compare(asked, 105.0)
    assert (found.missing, found.since) == ([P[0]], {P[0]: 100.0})
    assert reconciler.compare(books([entry(P[0])], [route(P[0])]), 106.0).missing == []
    assert reconciler.compare(asked, 107.0).missing == [], "missing anew"


def test_withdrawn_and_still_there() -> None:
    """Known as ours even when nobody waits for it any more."""
    reconciler = Reconciler()
    there = [route(P[0]), route(P[1])]
    reconciler.compare(books([entry(P[0])], there), 100.0)
    reconciler.compare(books([], there, [P[0]]), 101.0)
    found = reconciler.compare(books([], there), 106.0)
    assert (found.stuck, found.unexpected) == ([P[0]], [P[1]])
    reconciler.compare(books([], [there[1]]), 107.0)
    reconciler.compare(books([], there), 108.0)
    assert reconciler.compare(books([], there), 113.0).unexpected == [P[1], P[0]], "back, but not ours"


@pytest.mark.parametrize("flags", [False, True])
def test_hardware_that_does_not_tell_is_not_asked(flags: bool) -> None:
    reconciler = Reconciler()
    asked = books([entry(p) for p in P], [route(p, offloaded=flags and p == P[0]) for p in P])
    reconciler.compare(asked, 100.0)
    assert reconciler.compare(asked, 100.0 + OFFLOAD_GRACE).not_offloaded == (P[1:] if flags else [])


def test_what_is_the_same_is_another_difference_when_the_default_moves() -> None:
    reconciler, told, kernel = Reconciler(), {P[0]: entry(P[0], "198.18.0.1")}, {P[0]: route(P[0])}
    for now, default, wrong in (
        (0.0, "10.0.0.2", []),
        (9.0, "10.0.0.3", []),
        (9.0 + GRACE, "10.0.0.3", P[:1]),
    ):
        leads = {"198.18.0.1": (default,)}
        books = Books(told, (), kernel, leads.get, P if now == 0.0 else ())
        assert reconciler.compare(books, now).wrong_next_hop == wrong


def test_what_is_the_same_is_another_difference_once_the_hardware_tells() -> None:
    reconciler = Reconciler()
    told, kernel = {each: entry(each) for each in P[:2]}, {each: route(each) for each in P[:2]}
    for now, missing in ((0.0, []), (9.0, []), (9.0 + OFFLOAD_GRACE, P[:1])):
        shown = kernel if now == 0.0 else {**kernel, P[1]: route(P[1], offloaded=True)}
        books = Books(told, (), shown, GATEWAYS.get, {0.0: P, 9.0: P[1:2]}.get(now, ()))
        assert reconciler.compare(books, now).not_offloaded == missing
