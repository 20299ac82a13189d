"""The newest picture: rows that are made when they are asked for, true rates, misforwarding that lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import pytest

from arm.lifecycle import State
from arm.model import ActiveRoute, Concern, Family, Prefix
from arm.picture import Watched, active_routes
from arm.picture_proof import LOOK
from tests.web.daemon import Daemon

SENT = {"20.0.0.1": 6000.0, "20.0.1.1": 3000.0, "20.1.0.1": 1000.0, "30.0.0.1": 500.0}


def rates(daemon: Daemon) -> dict[str, tuple[float, float]]:
    return {row.prefix: (row.bits_per_second, row.packets_per_second) for row in daemon.board.routes()}


# --- rows ---------------------------------------------------------------------------------------------


def test_rows_are_made_once_and_only_for_those_who_look(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def noted(watched: Watched, since: Mapping[Prefix, float]) -> Iterator[ActiveRoute]:
        threads.append(threading.get_ident())
        return active_routes(watched, since)

    monkeypatch.setattr("arm.board.active_routes", noted)
    daemon = Daemon()
    daemon.install("20.0.0.0/16", 1)
    for _ in range(3):
        daemon.tick(SENT)
    rows = daemon.board.routes()
    assert rows is daemon.board.routes()
    assert threads == []
    looking = threading.Thread(target=lambda: len(rows))
    looking.start()
    looking.join()
    assert [row.prefix for row in rows] == ["20.0.0.0/16"]
    assert len(threads) == len(Family), "once for each family"
    assert threading.get_ident() not in threads, "by the thread that looked"
    daemon.tick()
    assert daemon.board.routes() is not rows


def test_rows_stay_as_they_were_when_they_were_asked_for() -> None:
    daemon = Daemon()
    daemon.install("20.0.0.0/16", 1)
    daemon.tick(SENT)
    daemon.tick(SENT)
    rows = daemon.board.routes()
    daemon.install("20.0.0.0/16", None)
    daemon.install("20.1.0.0/16", 2)
    daemon.tick({"20.0.0.1": 1e9})
    assert [(row.prefix, row.announced, row.in_kernel) for row in rows] == [("20.0.0.0/16", True, True)]
    assert rows[0].bits_per_second < 1e6
    assert [row.prefix for row in daemon.board.routes()] == ["20.1.0.0/16"]


@pytest.mark.parametrize(("packets", "factor"), [(False, 1.0), (True, 1.0), (False, 7.0)])
def test_rates_are_bits_and_packets_whatever_the_choice_weighs(packets: bool, factor: float) -> None:
    daemon = Daemon(packets=packets, factor=factor)
    active = [(Prefix(prefix), worth) for prefix, worth in (("20.1.0.0/16", 9.0), ("20.0.0.0/16", 8.0))]
    daemon.board.active(Family.IPV4, active)
    daemon.install("20.0.1.0/24", 2)
    for _ in range(400):  # the first interval's time does not count, and is forgotten by then
        daemon.tick(SENT)
    found = rates(daemon)
    assert list(found) == ["20.1.0.0/16", "20.0.0.0/16", "20.0.1.0/24"], "the order is the choice's"
    assert found["20.0.0.0/16"] == pytest.approx((48_000, 1), rel=0.02), "without its more-specific's"
    assert found["20.0.1.0/24"] == pytest.approx((24_000, 1), rel=0.02)
    assert found["20.1.0.0/16"] == pytest.approx((8_000, 1), rel=0.02)


# --- hits and misforwarding ---------------------------------------------------------------------------


def concerns(daemon: Daemon) -> list[Concern]:
    return [each for each in daemon.board.status().concerns if each.name == "misforwarding"]


def wrong(daemon: Daemon) -> int | None:
    return daemon.board.status().families[0].misforwarded_addresses


def test_hits_are_those_of_entries_with_a_next_hop_of_their_own_right_or_wrong() -> None:
    daemon = Daemon()
    daemon.install("20.0.0.0/16", 1)  # attracts what 20.0.1.0/24 should have
    daemon.tick(SENT)
    family = daemon.board.status().families[0]
    assert family.hit_rate == pytest.approx(9000 / 10500)
    assert family.misforwarded == pytest.approx(3000 / 10500)
    assert family.coverage == pytest.approx(6500 / 10500), "20.1.0.1 should go elsewhere than the default"
    ipv6 = daemon.board.status().families[1]
    assert (ipv6.hit_rate, ipv6.misforwarded_addresses) == (None, None), "no traffic, and no table"


def test_a_change_on_its_way_counts_but_is_no_concern() -> None:
    daemon = Daemon()
    daemon.install("20.1.0.0/16", 2)
    daemon.tick()
    assert wrong(daemon) == 0
    daemon.route("20.1.0.0/16", 1)
    daemon.tick(seconds=LOOK)
    assert wrong(daemon) == 1 << 16
    assert concerns(daemon) == []
    daemon.install("20.1.0.0/16", 1)
    daemon.route("20.0.0.0/16", 2)
    daemon.install("20.0.0.0/16", 1)  # others are wrong now
    daemon.tick(seconds=LOOK)
    assert wrong(daemon) == 1 << 16
    assert concerns(daemon) == []


@pytest.mark.parametrize("strategy", ["safe", "optimal"])
def test_misforwarding_that_lasts_is_critical_and_named(strategy: str) -> None:
    daemon = Daemon(strategy)
    daemon.install("20.0.0.0/16", 1)
    daemon.tick(SENT)
    daemon.tick(SENT, seconds=LOOK)
    (concern,) = concerns(daemon)
    assert concern.critical
    assert "256 IPv4 addresses" in concern.text
    assert "20.0.1.0/24" in concern.text
    assert "28.57% of the traffic" in concern.text
    assert "top" not in concern.text + concern.remedy
    daemon.install("20.0.1.0/24", 2)
    daemon.tick(seconds=LOOK)
    assert (wrong(daemon), concerns(daemon)) == (0, [])


def test_without_traffic_it_is_found_as_well() -> None:
    daemon = Daemon()
    daemon.install("30.0.0.0/8", 1)  # unrouted: the default's
    daemon.tick()
    daemon.tick(seconds=LOOK)
    (concern,) = concerns(daemon)
    assert concern.text.startswith(f"{1 << 24} IPv4 addresses")
    assert "traffic" not in concern.text


def test_the_strategy_top_is_warned_about_its_traffic() -> None:
    daemon = Daemon("top")
    daemon.install("20.0.0.0/16", 1)
    for _ in range(3):
        daemon.tick(SENT, seconds=LOOK)
    (concern,) = concerns(daemon)
    assert not concern.critical
    assert concern.text == "28.57% of IPv4 traffic follows an entry that hides a more-specific route"
    assert wrong(daemon) == 256


@pytest.mark.parametrize("state", [State.OFF, State.LEARNING])
def test_nothing_is_said_while_it_is_not_known_where_traffic_should_go(state: State) -> None:
    daemon = Daemon()
    daemon.install("20.0.0.0/16", 1)
    daemon.tick()
    assert wrong(daemon) == 256
    daemon.life.state = state
    daemon.tick(seconds=LOOK)
    assert (wrong(daemon), concerns(daemon)) == (None, [])
    daemon.life.state = State.ACTIVE
    daemon.tick(seconds=LOOK)
    assert (wrong(daemon), concerns(daemon)) == (256, []), "that was the first look since"
