"""GET /api/v1/entries, /peers and /plan; and the route table by differences."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args

import pytest

from arm.fib.birdview import BirdView, Channel, Session
from arm.fib.compare import Fault
from arm.model import Entry, Family, KernelRoute, Prefix
from arm.picture_entries import URGENCY, EntryRow
from arm.picture_peers import PeerSeen, PeersSeen, SessionSeen, peers_seen
from arm.plan import FamilyPlan, Planned
from arm.web.entries import (
    EntryView,
    FamilyPlanView,
    PeersView,
    PeerView,
    PlannedView,
    SessionView,
)
from arm.web.schemas import Difference
from tests.explaining import ExplainingDaemon
from tests.web.daemon import PATH
from tests.web.picture import FakeSource, make_routes
from tests.web.test_map import ask


def different() -> ExplainingDaemon:
    """One entry is fine, one missing, one refused; one is nobody's."""
    daemon = ExplainingDaemon()
    daemon.install("20.0.0.0/16", 1)
    daemon.install("20.0.1.0/24", 2)
    missing, refused = Prefix("20.1.0.0/16"), Prefix("20.0.1.0/24")
    daemon.told[missing] = Entry(missing, "10.0.0.2", PATH)
    daemon.ever.add(missing)
    daemon.kernel[refused] = KernelRoute(refused, ("10.0.0.2",), 12, offload_failed=True)
    daemon.kernel[Prefix("20.0.0.0/16")] = KernelRoute(Prefix("20.0.0.0/16"), ("10.0.0.1",), 12, True)
    daemon.kernel[Prefix("30.0.0.0/8")] = KernelRoute(Prefix("30.0.0.0/8"), ("10.0.0.1",), 12, True)
    daemon.ever.add(Prefix("30.0.0.0/8"))
    for _ in range(10):
        daemon.tick({"20.0.0.1": 6000.0, "20.1.0.1": 100.0})
    return daemon


def test_entries_and_where_they_differ() -> None:
    board = different().board
    [(code, body), (_, some), (_, page), (_, fine)] = ask(
        board, "entries", "entries?state=different&kind=route", "entries?limit=1&offset=1", "entries?q=20.0.0"
    )
    assert code == 200
    found = [(each["prefix"], each["difference"], each["hardware"]) for each in body["entries"]]
    assert found == [
        ("20.1.0.0/16", "missing-in-kernel", "unknown"),
        ("20.0.1.0/24", "hardware-refused", "refused"),
        ("30.0.0.0/8", "unexpected", "yes"),
        ("20.0.0.0/16", None, "yes"),
    ]
    missing, _, foreign, right = body["entries"]
    assert (missing["announced"], missing["in_kernel"], missing["gateways"]) == (True, False, [])
    assert 8 <= missing["difference_age"] <= 10
    assert (foreign["kind"], foreign["next_hop"], foreign["announced"]) == (None, None, False)
    assert (right["kind"], right["next_hop"], right["gateways"]) == ("route", "10.0.0.1", ["10.0.0.1"])
    assert right["since"] > 1e9
    assert [each["prefix"] for each in some["entries"]] == ["20.1.0.0/16", "20.0.1.0/24"]
    assert (page["total"], page["matched"], len(page["entries"])) == (4, 4, 1)
    assert [each["prefix"] for each in fine["entries"]] == ["20.0.0.0/16"]


def test_routes_with_differences_come_first() -> None:
    board = different().board
    [(code, body), (_, backwards), (_, some)] = ask(
        board,
        "routes?sort=difference",
        "routes?sort=difference&order=desc&limit=2",
        "routes?state=different&kind=route",
    )
    assert code == 200
    assert [(each["prefix"], each["difference"]) for each in body["routes"]][:3] == [
        ("20.1.0.0/16", "missing-in-kernel"),
        ("20.0.1.0/24", "hardware-refused"),
        ("30.0.0.0/8", "unexpected"),
    ]
    assert body["routes"][3]["difference"] is None
    assert [each["prefix"] for each in backwards["routes"]] == ["30.0.0.0/8", "20.0.1.0/24"]
    assert {each["prefix"] for each in some["routes"]} == {"20.1.0.0/16", "20.0.1.0/24"}


def test_the_order_is_difference_then_rank() -> None:
    rows = make_routes(20)
    marked = {3: "stuck", 5: "missing-in-kernel", 2: "missing-in-kernel", 9: "hardware-refused"}
    rows = tuple(
        replace(row, difference=marked.get(row.rank) if row.family is Family.IPV4 else None) for row in rows
    )
    [(_, body)] = ask(FakeSource(routes=rows), "routes?sort=difference&family=ipv4")
    assert [each["rank"] for each in body["routes"]] == [2, 5, 9, 3, 1, 4, 6, 7, 8, 10]


def test_the_classes_are_those_of_the_comparison() -> None:
    assert [fault.value for fault in URGENCY] == list(get_args(Difference))
    assert set(URGENCY) == set(Fault)


def test_peers() -> None:
    view = BirdView(
        "2.17",
        (
            Session(
                "p1", "Established", "2026-01-01", "192.0.2.1", 64500, channels=(Channel("ipv4", 9, 10),)
            ),
            Session("p2", "Active", "2026-01-02", "192.0.2.2", 64501, last_error="Socket: refused"),
            Session("arm_target", "Active", "2026-01-02", "127.0.0.2", 65000),
        ),
    )
    found = peers_seen(view, None, {"127.0.0.2"}, {"reflector": None, "target": 3.0})
    assert [(each.name, each.established, each.dead, each.own) for each in found.peers] == [
        ("p1", True, False, False),
        ("p2", False, True, False),
        ("arm_target", False, False, True),
    ]
    shown = PeersView.model_validate(found).model_dump(by_alias=True)
    assert shown["peers"][0]["channels"] == [
        {"name": "ipv4", "imported": 9, "import_limit": 10, "limit_hit": False}
    ]
    assert (shown["peers"][1]["as"], shown["peers"][1]["last_error"]) == (64501, "Socket: refused")
    assert shown["sessions"] == [
        {"name": "reflector", "established": True, "down_seconds": None},
        {"name": "target", "established": False, "down_seconds": 3.0},
    ]
    assert peers_seen(None, "BIRD is silent", (), {}).version is None
    [(code, body)] = ask(different().board, "peers")
    assert (code, body["version"], body["peers"]) == (200, None, [])


class Planning(FakeSource):
    """A source with a plan of four changes."""

    def entries(self) -> list[EntryRow]:
        return []

    def peers(self) -> PeersSeen:
        return peers_seen(None, None, (), {})

    async def plan(self) -> list[FamilyPlan]:
        def change(family: Family, number: int, action: Any) -> Planned:
            where = Prefix(f"20.{number}.0.0/16" if family is Family.IPV4 else f"2a00:{number}::/32")
            return Planned(action, where, family, "route", None, "192.0.2.1", number, "no-room", "why")

        return [
            FamilyPlan(
                family,
                "active",
                True,
                "",
                2,
                1,
                (change(family, n, "remove"), change(family, n - 1, "add")),
            )
            for family, n in ((Family.IPV4, 9), (Family.IPV6, 5))
        ]


def test_a_plan() -> None:
    [(code, body), (_, six), (_, page)] = ask(Planning(), "plan", "plan?family=ipv6", "plan?limit=1&offset=1")
    assert code == 200
    assert [each["weight"] for each in body["changes"]] == [9, 8, 5, 4]
    assert body["families"][0] == {
        "family": "ipv4",
        "state": "active",
        "taken": True,
        "why": "",
        "now": 2,
        "then": 1,
        "added": 1,
        "removed": 1,
        "changed": 0,
    }
    assert [each["prefix"] for each in six["changes"]] == ["2a00:5::/32", "2a00:4::/32"]
    assert [each["weight"] for each in page["changes"]] == [8]
    assert page["matched"] == 4


@pytest.mark.parametrize(
    ("view", "value", "counted"),
    [
        (EntryView, EntryRow, set()),
        (PeersView, PeersSeen, set()),
        (PeerView, PeerSeen, set()),
        (SessionView, SessionSeen, set()),
        (PlannedView, Planned, set()),
        (FamilyPlanView, FamilyPlan, {"added", "removed", "changed"}),
    ],
)
def test_all_that_is_known_is_shown(view: Any, value: Any, counted: set[str]) -> None:
    assert set(view.model_fields) - counted == {field.name for field in fields(value)} - {"changes"}


def test_a_source_without_rooms() -> None:
    assert [code for code, _ in ask(FakeSource(), "entries", "peers", "plan")] == [501] * 3
