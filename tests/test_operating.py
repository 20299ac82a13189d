"""Pins, denials and the mode at run time: on top of the file, kept over restarts, and told."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from arm import assembly
from arm.model import ArmError, Attributes, Operated, Prefix, Route
from arm.orders import OrderError
from arm.reload import Outcome
from arm.selection.policy import Verdict
from tests.operating import Desk

PINNED, OTHER = Prefix("20.0.0.0/16"), Prefix("20.1.0.0/16")


def verdict(desk: Desk, prefix: Prefix) -> Verdict:
    """What the chooser would hear."""
    policy = assembly.policy(desk.config, desk.operator.orders)
    return policy.judge(Route(prefix, "192.0.2.1", Attributes()), time.time())


def test_a_pin_applies_is_told_and_survives(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    seen = asyncio.run(desk.operator.give("pin", "20.0.0.0/16", None, "customers", "127.0.0.1"))
    assert (seen.verdict, seen.prefix, seen.source, seen.who) == ("pin", PINNED, "api", "127.0.0.1")
    assert seen.in_table
    assert (desk.applied, verdict(desk, PINNED), verdict(desk, OTHER)) == (1, Verdict.PIN, Verdict.NONE)
    assert desk.said() == ["pin of 20.0.0.0/16, by 127.0.0.1: customers"]
    again = Desk(tmp_path)
    assert [rule.prefix for rule in again.operator.rules("pin")] == [PINNED]
    assert verdict(again, PINNED) is Verdict.PIN
    asyncio.run(again.operator.take_back("pin", "20.0.0.0/16", "", "::1"))
    assert verdict(again, PINNED) is Verdict.NONE
    assert again.said() == ["pin of 20.0.0.0/16 taken back, by ::1"]
    assert Desk(tmp_path).operator.rules("pin") == []


def test_rules_of_the_file_stay_and_are_told_apart(tmp_path: Path) -> None:
    rules = {"pins": [{"as": 64500, "note": "own"}], "denials": [{"prefix": "20.1.0.0/16"}]}
    desk = Desk(tmp_path, selection=rules)
    asyncio.run(desk.operator.give("denial", "20.0.0.0/16", 60.0, "", "::1"))
    file, given = desk.operator.rules("denial")
    assert (file.source, file.prefix, file.in_table) == ("file", OTHER, False)
    assert (given.source, given.prefix) == ("api", PINNED)
    assert [(rule.asn, rule.reason, rule.in_table) for rule in desk.operator.rules("pin")] == [
        (64500, "own", None)
    ]
    assert desk.operator.summary() == Operated("active", False, 1, 2, 0, 1)
    for asked, why in (
        (desk.operator.give("pin", "20.1.0.0/16", None, "", "::1"), "beats a pin"),
        (desk.operator.take_back("denial", "20.1.0.0/16", "", "::1"), "change the file"),
        (desk.operator.give("pin", "20.1.0.1/16", None, "", "::1"), "host bits"),
    ):
        with pytest.raises(OrderError, match=why) as refused:
            asyncio.run(asked)
        assert not refused.value.missing
    with pytest.raises(OrderError, match=r"no pin of 20\.0") as refused:
        asyncio.run(desk.operator.take_back("pin", "20.0.0.0/16", "", "::1"))
    assert refused.value.missing
    assert verdict(desk, PINNED) is Verdict.DENY


def test_a_rule_ends_by_itself(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    asyncio.run(desk.operator.give("pin", "20.0.0.0/16", 0.05, "test", "::1"))
    desk.operator.tick()
    assert len(desk.operator.rules("pin")) == 1
    time.sleep(0.1)
    assert verdict(desk, PINNED) is Verdict.NONE  # also if nobody looks
    desk.operator.tick()
    assert desk.operator.rules("pin") == []
    assert desk.said()[0] == "pin of 20.0.0.0/16 is over, by ::1: test"
    assert Desk(tmp_path).operator.rules("pin") == []


def test_the_mode_is_on_top_of_the_files(tmp_path: Path) -> None:
    desk = Desk(tmp_path, announce={"mode": "observe"})
    assert (desk.operator.mode, desk.operator.mode_seen().source) == ("observe", "file")
    seen = asyncio.run(desk.operator.set_mode("withdraw", "kill", "::1"))
    assert (seen.mode, seen.source, seen.file, seen.reason) == ("withdraw", "api", "observe", "kill")
    assert Desk(tmp_path, announce={"mode": "active"}).operator.mode == "withdraw"  # a crash does not undo it
    asyncio.run(desk.operator.set_mode("observe", "", "::1"))
    assert desk.operator.mode_seen().source == "file"
    assert Desk(tmp_path, announce={"mode": "active"}).operator.mode == "active"


def test_what_cannot_be_kept_is_not_done(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    tmp_path.joinpath("orders.json.new").mkdir()
    with pytest.raises(ArmError, match="cannot write"):
        asyncio.run(desk.operator.give("pin", "20.0.0.0/16", None, "", "::1"))
    with pytest.raises(ArmError, match="cannot write"):
        asyncio.run(desk.operator.set_mode("withdraw", "", "::1"))
    assert (desk.applied, desk.operator.mode, desk.operator.rules("pin")) == (0, "active", [])


def test_many_at_once_are_all_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def giving() -> None:
        await asyncio.gather(
            *(desk.operator.give("pin", f"20.0.{n}.0/24", None, "", "::1") for n in range(20))
        )

    asyncio.run(giving())
    assert len(desk.operator.rules("pin")) == len(Desk(tmp_path).operator.rules("pin")) == 20


def test_a_reload_says_what_came_of_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert asyncio.run(desk.operator.reload("::1")) == (True, ["nothing changed"])
    desk.outcome = Outcome(desk.config, faults=("arm.toml: wrong",))
    ok, lines = asyncio.run(desk.operator.reload("::1"))
    assert not ok
    assert lines[0] == "arm.toml: wrong"
