"""Health, and what the page is told."""

from __future__ import annotations

import pytest

from arm.family import FamilyLoop, Valuation
from arm.fib.compare import Differences
from arm.freeze.reasons import Reason
from arm.health import Finding, Health
from arm.lifecycle import State
from arm.model import ArmError, Attributes, Entry, Family, KernelRoute, Prefix, Route
from arm.picture import Watched, active_routes, family_status
from arm.picture_findings import Outside, findings
from arm.rib.indexed import IndexedTable
from arm.selection.policy import Policy
from tests.traffic.build import traffic


def test_a_concern_keeps_its_time_and_its_end_is_noticed() -> None:
    health = Health()
    mild, bad = Finding("mild", "m", "r"), Finding("bad", "b", "r", Family.IPV4, critical=True)
    assert [c.name for c in health.report([mild], 100.0).raised] == ["mild"]
    change = health.report([mild, bad], 200.0)
    assert [c.name for c in change.raised] == ["bad"]
    assert [(c.name, c.since) for c in health.concerns] == [("bad", 200.0), ("mild", 100.0)]
    change = health.report([Finding("mild", "now worse", "r")], 300.0)
    assert [c.name for c in change.cleared] == ["bad"]
    assert [(c.text, c.since) for c in health.concerns] == [("now worse", 100.0)]


def watched(
    state: State = State.ACTIVE,
    *,
    default: bool = True,
    reasons: tuple[Reason, ...] = (),
    differences: Differences | None = None,
) -> Watched:
    """Two routes, one with traffic, one told and installed; a third entry is only in the kernel."""
    table = IndexedTable(Family.IPV4)
    for prefix in ("20.0.0.0/16", "20.1.0.0/16"):
        table.set(Route(Prefix(prefix), "10.0.0.1", Attributes()))
    loop = FamilyLoop(Family.IPV4, Valuation(60.0), Policy())
    loop.connected([Prefix("10.0.0.0/24")])
    told = {Prefix("20.1.0.0/16"): Entry(Prefix("20.1.0.0/16"), "10.0.0.1", Attributes())}
    kernel = {Prefix(p): KernelRoute(Prefix(p), ("10.0.0.1",), 12) for p in ("20.1.0.0/16", "20.9.0.0/16")}
    for prefix, route in kernel.items():
        loop.kernel(prefix, route)
    loop.refresh(table, None, 0.0)
    loop.measure(traffic({"20.0.0.1": 1000}), 1.0, 1.0, True, 1.0)
    return Watched(
        loop=loop,
        active=[(Prefix("20.0.0.0/16"), 1000.0)],
        state=state,
        capacity=10,
        rib_routes=2,
        table=table,
        default_route=default,
        wanted=told,
        told=told,
        kernel=kernel,
        installed=len(told.keys() & kernel.keys()),
        differences=differences or Differences([], [Prefix("20.9.0.0/16")], []),
        reasons=reasons,
    )


def test_route_table_ranks_traffic_then_differences_then_what_is_only_installed() -> None:
    rows = list(active_routes(watched(), {Prefix("20.1.0.0/16"): 77.0}))
    assert [(r.rank, r.prefix, r.announced, r.in_kernel, r.since, r.next_hop) for r in rows] == [
        (1, "20.0.0.0/16", False, False, None, "10.0.0.1"),
        (2, "20.9.0.0/16", False, True, None, None),  # stuck
        (3, "20.1.0.0/16", True, True, 77.0, "10.0.0.1"),
    ]


def test_family_status_counts() -> None:
    status = family_status(watched(), unseen=0.0)
    assert (status.active, status.announced, status.installed, status.unexpected) == (1, 1, 1, 1)
    assert (status.coverage, status.misforwarded) == (0.0, 0.0)
    assert status.coverage_error == 0.0
    assert family_status(watched(), unseen=0.1).coverage_error == pytest.approx(0.1), "it may all be hits"


def names(outside: Outside | None = None, of: Watched | None = None, *, dropped: int = 0) -> list[str]:
    each, outside = of or watched(), outside or Outside({})
    found = findings({Family.IPV4: each}, outside, strategy="safe", sflow_dropped=dropped)
    return [finding.name for finding in found]


def test_findings_name_what_is_wrong_and_only_that() -> None:
    error, reason = ArmError("b", "r"), Reason("sflow-silent", "t", "r", 0.0, 7.0)
    assert names() == []
    assert names(Outside({"target": 5.0})) == [], "a moment is not an outage"
    assert names(Outside({"target": 15.0})) == ["target-down"]
    assert names(Outside({}, bird_error=error, save_error=error)) == ["bird-silent", "not-saved"]
    assert names(Outside({}, blocked=[Family.IPV4])) == ["import-limit"]
    assert names(Outside({}, reload_faults=("one", "two"))) == ["reload-failed"]
    assert names(dropped=3) == ["sflow-dropped"]
    assert names(of=watched(State.FROZEN, reasons=(reason,))) == ["sflow-silent"]
    assert names(of=watched(State.STOPPED)) == ["withdrawn"]
    assert names(of=watched(State.OBSERVING)) == ["observing"]
    assert names(of=watched(default=False)) == ["no-default"]
    assert names(of=watched(State.LEARNING)) == ["learning"]
    assert names(of=watched(State.OFF, default=False, reasons=(reason,))) == []
    one = [Prefix("20.1.0.0/16")]
    differences = Differences(one, one, one, one, one, one)
    assert names(of=watched(differences=differences)) == [
        *("missing", "hardware-refused", "wrong-next-hop", "not-offloaded", "stuck"),
    ]
