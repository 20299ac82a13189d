"""The commands that change something, against the daemon's own server and desk: text, JSON, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from arm.model import Operated
from arm.reload import Outcome
from arm.web.gate import Gate
from tests.operating import TOKEN, Desk, token_file
from tests.served import Capture, busy, call, serving
from tests.web.picture import FakeSource, make_status
from tests.web.test_entries import Planning


@dataclass
class Daemon:
    """A daemon with a desk; `ask` gives exit code, output and errors of a command."""

    url: str
    desk: Desk
    token: Path
    capsys: Capture
    logged: Sequence[Mapping[str, Any]]

    def ask(self, *arguments: str, token: Path | None = None) -> tuple[int, str, str]:
        words = ["--url", self.url]
        if arguments[0] != "plan":
            words += ["--token-file", str(token or self.token)]
        return call(self.capsys, *arguments, *words)

    def json(self, *arguments: str) -> Any:
        code, out, err = self.ask(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)


@pytest.fixture
def daemon(tmp_path: Path, capsys: Capture) -> Iterator[Daemon]:
    desk, token = (
        Desk(tmp_path, selection={"denials": [{"as": 64500, "note": "scans"}]}),
        token_file(tmp_path),
    )
    with (
        structlog.testing.capture_logs() as logged,  # its log is on another standard error than the command's
        serving(Planning(), Gate(token_file=token), desk.operator) as url,
    ):
        yield Daemon(url, desk, token, capsys, logged)


def test_pins_and_denials(daemon: Daemon) -> None:
    code, out, err = daemon.ask("pin", "20.0.0.0/16", "--for", "1d12h", "--reason", "customers, 50 % of it")
    assert (code, err) == (0, "")
    assert out.startswith("20.0.0.0/16: pin, until 2")
    order = daemon.desk.operator.orders.rules[0]
    assert order.until is not None
    assert order.until - order.since == pytest.approx(36 * 3600)
    assert order.reason == "customers, 50 % of it"
    told = next(each for each in daemon.logged if each["event"] == "operator")
    assert (told["who"], told["what"]) == ("127.0.0.1", "pin of 20.0.0.0/16 for 129600 s")
    code, out, _ = daemon.ask("deny", "2001:db8::/32")
    assert out.splitlines() == [
        "2001:db8::/32: denial, until it is taken back",
        "the BGP table has no such route now; the rule is for when it does",
    ]
    code, out, _ = daemon.ask("deny")
    assert [line.split() for line in out.splitlines()[1:]] == [
        ["as", "64500", "until", "it", "is", "taken", "back", "arm.toml", "-", "scans"],
        ["2001:db8::/32", "until", "it", "is", "taken", "back", "run", "time", "127.0.0.1", "-"],
    ]
    assert [rule["prefix"] for rule in daemon.json("pin")["rules"]] == ["20.0.0.0/16"]
    assert daemon.ask("undeny", "2001:db8::/32", "--reason", "it's over")[:2] == (
        0,
        "2001:db8::/32: the denial is taken back\n",
    )
    assert daemon.desk.said()[0].endswith(": it's over")
    assert daemon.json("unpin", "20.0.0.0/16")["prefix"] == "20.0.0.0/16"
    assert daemon.json("pin")["rules"] == []


def test_the_mode_and_a_reload(daemon: Daemon) -> None:
    assert daemon.ask("mode") == (0, "mode active, as the configuration says\n", "")
    code, out, _ = daemon.ask("mode", "observe", "--reason", "work on the switch")
    assert code == 0
    assert out.splitlines() == [
        "mode observe, set by 127.0.0.1 0 s ago: work on the switch",
        "the configuration says active; `arm mode active` goes back to it",
    ]
    assert daemon.json("mode")["source"] == "api"
    assert daemon.ask("reload") == (0, "nothing changed\n", "")
    daemon.desk.outcome = Outcome(daemon.desk.config, faults=("arm.toml: wrong",))
    code, out, err = daemon.ask("reload")
    assert (code, out) == (4, "")
    assert err.startswith("arm: arm.toml: wrong; the configuration from before stays: ")


def test_a_plan(daemon: Daemon) -> None:
    code, out, err = daemon.ask("plan", "--limit", "3")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "IPv4  active, 2 entries, then 1: 1 new, 0 changed, 1 given up"
    assert lines[4].split()[:5] == ["-", "20.9.0.0/16", "route", "192.0.2.1", "9"]
    assert lines[4].endswith("no-room: why")
    assert lines[5].split()[:4] == ["+", "20.8.0.0/16", "route", "default"]
    assert lines[-1] == "and 1 more"
    assert {each["family"] for each in daemon.json("plan", "--family", "ipv6")["changes"]} == {"ipv6"}


def test_what_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not-the-right-word-at-all")
    other.chmod(0o600)
    cases: tuple[tuple[tuple[str, ...], Path | None, int, str], ...] = (
        (("unpin", "20.0.0.0/16"), None, 4, "there is no pin of 20.0.0.0/16"),
        (("pin", "20.0.0.1/16"), None, 2, "it has host bits: is 20.0.0.0/16 meant?"),
        (("unpin", "20.0.0.0/33"), None, 2, "not a prefix"),
        (("pin", "20.0.0.0/16"), other, 4, "this is not the word in web.token_file"),
        (("mode", "withdraw"), tmp_path / "none", 4, "there is no "),
    )
    for arguments, token, code, why in cases:
        found, out, err = daemon.ask(*arguments, token=token)
        assert (found, out) == (code, "")
        assert why in err
    assert daemon.desk.said() == []
    with serving(busy(), Gate(token_file=tmp_path / "none"), daemon.desk.operator) as url:
        daemon.url = url
        code, _, err = daemon.ask("reload")
        assert code == 4
        assert "changes are switched off" in err
        assert TOKEN not in err


@pytest.mark.parametrize("time", ["", "2", "h", "2 h", "1.5h", "0s", "2y", "-1h"])
def test_what_is_no_time(time: str, daemon: Daemon) -> None:
    with pytest.raises(SystemExit, match="2"):
        daemon.ask("pin", "20.0.0.0/16", f"--for={time}")
    assert daemon.desk.operator.orders.rules == ()


def test_the_status_says_what_operators_want(capsys: Capture) -> None:
    wanted = Operated("observe", True, 3, 1, 2, 0)
    with serving(FakeSource(replace(make_status(), operated=wanted))) as url:
        _, out, _ = call(capsys, "status", "--url", url)
    assert out.splitlines()[1] == "mode observe (set at run time), pins 3 (2 at run time), denials 1"
