"""The promise that ARM stands on, in the data plane: no packet goes anywhere but where the full table or the
default route would send it, whatever traffic and routes do.

A lab for each strategy, with room for a fraction of the traffic: what is installed always hides more-specific
routes that are not.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from arm.model import Family
from lab.lab import Lab
from lab.options import LabOptions
from lab.plan import EXCHANGE, TEST_BETTER, TEST_SINGLE, TRANSIT1, TRANSIT2
from tests.netns.forwarding import GRACE, Arrivals, Recorder, Verdict, Version, View, judge

pytestmark = pytest.mark.timeout(300)

CAPACITY = {Family.IPV4: 600, Family.IPV6: 150}
BUSY = 40.0  # packets per second to a test prefix
PERIOD = 4.5  # seconds from one change to the next

# What happens in turn, in both families at once: neighbour, what is done, to which of its protocols.
EVENTS = (
    "transit1 disable bunch0",  # to transit 2
    "exchange disable bunch1",  # to the transits
    "transit2 disable bunch0",  # gone: to what lies above
    "transit2 enable test_better",
    "transit1 disable default",  # the default leads to transit 2
    "transit2 disable bunch2",
    "transit1 enable bunch0",
    "exchange enable bunch1",
    "transit1 disable test_single",
    "transit1 enable default",
)


@pytest.mark.parametrize("strategy", ["top", "safe", "optimal"])
def test_every_packet_goes_where_the_full_table_or_the_default_leads(strategy: str, tmp_path: Path) -> None:
    options = LabOptions(
        routes=20_000,
        routes6=6_000,
        active=3_000,
        active6=800,
        capacity=CAPACITY[Family.IPV4],
        capacity6=CAPACITY[Family.IPV6],
        pps=8_000,
        sampling=4,
        drift=0.3,
        strategy=strategy,
        window=10.0,
        seed=4,
        workdir=tmp_path,
    )
    with Lab(options) as lab:
        recorder = Recorder(lab)
        for steered in (TEST_BETTER, TEST_SINGLE):
            for family in Family:
                lab.traffic.add(steered[family].address, BUSY)
        start_up(lab, recorder)
        begin = time.monotonic()
        events = EVENTS[:4] if strategy == "top" else EVENTS  # wrong is soon shown
        for number, event in enumerate(events, 1):
            change(lab, recorder, event, begin + number * PERIOD)
        for family in Family:
            # `optimal` may have no use for all that there is room for.
            assert len(lab.kernel_routes(family)) - 1 >= 0.5 * CAPACITY[family]
    verdict = judge(recorder.versions, recorder.arrivals)
    changes, routes = len(recorder.versions) - 1, sum(len(each.changed) for each in recorder.versions)
    print(f"{strategy}: {verdict}; {changes} changes of {routes} routes")
    assert verdict.packets > 20_000 * len(events)
    assert verdict.beyond > 0.2 * verdict.packets, "not just the default"
    assert changes >= len(events)
    if strategy == "top":
        assert verdict.wrong > 0, "the traffic and the routes are hard enough to show a difference"
    else:
        assert verdict.strays == ()


def start_up(lab: Lab, recorder: Recorder) -> None:
    """Until ARM has learned the table and the traffic. What it does until then counts as well."""
    deadline = time.monotonic() + 60
    while any(each["state"] != "active" for each in lab.api("/api/v1/status")["families"]):
        assert time.monotonic() < deadline
        time.sleep(1)
        recorder.look()
        recorder.count()


def change(lab: Lab, recorder: Recorder, event: str, end: float) -> None:
    """One event, and the time after it; counted once a second at least, and when the grace is over."""
    neighbour, action, stem = event.split()
    recorder.look()
    start = time.monotonic()
    for family in Family:
        suffix = f"_{family.label}" if stem.startswith("bunch") else "4" if family is Family.IPV4 else "6"
        lab.birdc(neighbour, f"{action} {stem}{suffix}")
    while recorder.look() or time.monotonic() < start + 0.4:
        assert time.monotonic() < start + 10
    settled = recorder.versions[-1].settled
    assert settled > start, f"{event}: not seen in the full table"
    for moment in (settled + 1.0, settled + GRACE + 0.1, end):
        time.sleep(max(0.0, moment - time.monotonic()))
        recorder.count()


# --- the judge


HOPS = {neighbour: neighbour.address(Family.IPV4) for neighbour in (TRANSIT1, TRANSIT2, EXCHANGE)}
INSIDE, BESIDE, OUTSIDE = "20.1.0.1", "20.2.0.1", "30.0.0.1"


def view(inside: str | None = None) -> View:
    """20/8 by transit 2, 20.1/16 in it by `inside` if given, the default by transit 1."""
    routes = {"0.0.0.0/0": HOPS[TRANSIT1], "20.0.0.0/8": HOPS[TRANSIT2]}
    if inside:
        routes["20.1.0.0/16"] = inside
    return View(routes, {Family.IPV4: frozenset({HOPS[TRANSIT1]}), Family.IPV6: frozenset()})


def judged(versions: list[Version], neighbour: str, since: float, address: str) -> Verdict:
    return judge(versions, [Arrivals(neighbour, since, since + 1, {address: 5})])


@pytest.mark.parametrize(
    ("address", "wrong_at"),
    [(INSIDE, {"transit2"}), (BESIDE, {"exchange"}), (OUTSIDE, {"transit2", "exchange"})],
)
def test_right_is_the_longest_match_or_the_default(address: str, wrong_at: set[str]) -> None:
    versions = [Version(0, 0, view(inside=HOPS[EXCHANGE]), frozenset())]
    for neighbour in HOPS:
        verdict = judged(versions, neighbour.name, 10, address)
        assert (verdict.packets, verdict.excused) == (5, 0)
        assert verdict.wrong == (5 if neighbour.name in wrong_at else 0)


def test_a_change_excuses_what_it_covers_and_for_2_seconds() -> None:
    before, after = view(inside=HOPS[EXCHANGE]), view()
    assert after.changed_from(before) == {"20.1.0.0/16"}
    versions = [Version(0, 0, before, frozenset()), Version(9.5, 10, after, after.changed_from(before))]
    for since, wrong_at, excused in (
        (8.4, "transit2", 0),
        (8.6, "", 5),
        (12.0, "", 5),
        (12.1, "exchange", 0),
    ):
        for neighbour in ("transit2", "exchange"):
            verdict = judged(versions, neighbour, since, INSIDE)
            assert verdict.excused == excused
            assert verdict.wrong == (5 if neighbour == wrong_at else 0)
        assert judged(versions, "exchange", since, BESIDE).wrong == 5


def test_a_moved_default_concerns_everything() -> None:
    before = view(inside=HOPS[EXCHANGE])
    after = View(before.routes, {**before.defaults, Family.IPV4: frozenset({HOPS[TRANSIT2]})})
    assert after.changed_from(before) == {"0.0.0.0/0"}
    versions = [Version(0, 0, before, frozenset()), Version(9.5, 10, after, after.changed_from(before))]
    assert judged(versions, "transit2", 8, INSIDE).wrong == 5
    assert judged(versions, "transit2", 9, INSIDE).excused == 5
    assert judged(versions, "transit2", 13, INSIDE).wrong == 0
    assert judged(versions, "transit1", 13, INSIDE).wrong == 5
