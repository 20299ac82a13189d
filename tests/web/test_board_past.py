"""The board keeps what it shows, and what changed about health."""

from __future__ import annotations

from arm.picture_findings import Outside
from arm.web.source import Remembers
from tests.web.daemon import Daemon


def test_the_board_remembers() -> None:
    daemon = Daemon()
    daemon.install("20.0.0.0/16", 1)
    daemon.tick({"20.0.0.1": 6000.0})
    daemon.install("20.0.1.0/24", 2)
    daemon.tick({"20.0.0.1": 6000.0})
    board: Remembers = daemon.board
    shown = board.history().read("5m", ["ipv4.installed", "daemon.resident_bytes"])
    assert shown.high["ipv4.installed"][-1] == 2.0
    assert shown.mean["daemon.resident_bytes"][-1] > 10e6


def test_concerns_that_come_and_go_are_events() -> None:
    daemon = Daemon()
    daemon.board.publish(Outside({"reflector": 900.0}), 1.0)
    daemon.board.publish(Outside({}), 2.0)
    told = [(event.facts["name"], event.facts["raised"]) for event in daemon.board.log().latest()]
    assert ("reflector-down", True) in told
    assert ("reflector-down", False) in told


def test_a_new_choice_is_an_event_once() -> None:
    daemon = Daemon()
    daemon.tick()
    daemon.told = {}  # as a choice gives it
    daemon.install("20.0.0.0/16", 1)
    daemon.tick()
    daemon.tick()
    events = daemon.board.log().latest(kinds=["choice"])
    assert [event.facts for event in events] == [{"entries": 1, "added": 1, "removed": 0}]
