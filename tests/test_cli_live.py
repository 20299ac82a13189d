"""The commands that ask the daemon, against its own server on a socket: text, JSON, exit codes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arm import cli_text
from arm.explain_words import _STATES
from tests.served import Capture, busy, call, serving
from tests.web.picture import NO_DEFAULT, NO_SAMPLES, FakeSource, make_routes, make_status

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def daemon() -> Iterator[str]:
    with serving(busy()) as url:
        yield url


@pytest.fixture(scope="module")
def large() -> Iterator[str]:
    with serving(FakeSource(make_status([NO_SAMPLES, NO_DEFAULT]), make_routes(4000))) as url:
        yield url


def routes(capsys: Capture, url: str, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = call(capsys, "routes", "--url", url, "--json", *arguments)
    assert (code, err) == (0, "")
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_status(daemon: str, large: str, capsys: Capture) -> None:
    code, out, err = call(capsys, "status", "--url", daemon)
    assert (code, err) == (0, "")
    assert out.startswith("OK  arm ")
    ipv4 = next(line for line in out.splitlines() if line.startswith("IPv4")).split()
    assert ipv4[1:6] == ["active", "3", "0", "1", "10"]
    code, out, _ = call(capsys, "status", "--url", large)
    assert code == 3, "critical"
    lines = out.splitlines()
    assert lines[0].startswith("CRITICAL  arm 0.1.0, strategy safe, running 1 d 2 h, sessions down: target")
    assert f"critical IPv6 no-default, for 1 h 6 min: {NO_DEFAULT.text}" in lines
    assert lines.index(f"critical IPv6 no-default, for 1 h 6 min: {NO_DEFAULT.text}") < lines.index(
        f"warning no-samples, for 3 min 20 s: {NO_SAMPLES.text}"
    )
    assert "  " + NO_DEFAULT.remedy in lines
    assert "95.23% ± 0.61%" in out
    assert "12.4 Gbit/s" in out


def test_status_as_json(large: str, capsys: Capture) -> None:
    code, out, _ = call(capsys, "status", "--url", large, "--json")
    assert (code, json.loads(out)["health"]) == (3, "critical")


def test_explain(daemon: str, capsys: Capture) -> None:
    code, out, _ = call(capsys, "explain", "--url", daemon, "20.0.0.5")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "20.0.0.5/32: in hardware: an entry sends it where the full table says"
    assert lines[1].startswith("  installed: the entry 20.0.0.0/16 (route)")
    facts = {line[:11].rstrip(): line[11:].strip() for line in lines[3:]}
    assert facts["full table"] == facts["kernel"] == "10.0.0.1"
    assert facts["route"] == "20.0.0.0/16 by 10.0.0.1, AS path 64500 64501"
    assert facts["inside"] == "1 more-specific routes: 20.0.1.0/24"
    assert facts["entry"].startswith("20.0.0.0/16 route by 10.0.0.1 in the kernel for ")
    assert facts["block"].startswith("20.0.0.0/24: ")
    code, out, _ = call(capsys, "explain", "--url", daemon, "--json", "20.0.1.1")
    assert (code, json.loads(out)["verdict"]) == (0, "astray")


def test_every_explanation_can_be_written(daemon: str, capsys: Capture) -> None:
    for asked in ("20.1.0.0/16", "20.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::1", "30.0.0.1"):
        code, out, _ = call(capsys, "explain", "--url", daemon, asked)
        assert (code, out.split(":")[0]) == (0, asked.split(":")[0] if ":" in asked else out.split(":")[0])


def test_routes(daemon: str, capsys: Capture) -> None:
    code, out, _ = call(capsys, "routes", "--url", daemon)
    head, line = out.splitlines()
    assert code == 0
    assert head.split()[:3] == ["rank", "prefix", "traffic"]
    assert line.split()[:2] == ["1", "20.0.0.0/16"]
    assert line.endswith("64500 64501")


def test_filters_of_routes(large: str, capsys: Capture) -> None:
    everything = routes(capsys, large, "--limit", "5000")
    assert len(everything) == 4000, "more than one page"
    assert len({(row["family"], row["rank"]) for row in everything}) == 4000
    assert len(routes(capsys, large)) == 100
    by_hop = routes(capsys, large, "--next-hop", "192.0.2.2", "--limit", "9999")
    assert by_hop == [row for row in everything if row["next_hop"] == "192.0.2.2"] != []
    ipv6 = routes(capsys, large, "--family", "ipv6", "--state", "missing", "--limit", "9999")
    assert {(row["family"], row["in_kernel"]) for row in ipv6} == {("ipv6", False)}
    assert [row["rank"] for row in routes(capsys, large, "--text", "10.0.7.9")] == [7]
    fast = routes(capsys, large, "--sort", "bits_per_second", "--reverse", "--limit", "3")
    assert [row["rank"] for row in fast] == [1, 1, 2]


def test_kinds_of_routes(daemon: str, capsys: Capture) -> None:
    assert [row["prefix"] for row in routes(capsys, daemon, "--kind", "route")] == ["20.0.0.0/16"]
    assert routes(capsys, daemon, "--kind", "guard") == []


def test_top_shows_the_busiest_routes(large: str, capsys: Capture) -> None:
    code, out, _ = call(capsys, "top", "--url", large, "--once", "--limit", "3")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["1", "1", "2"]
    assert "\x1b" not in out


def test_top_goes_on_until_it_is_interrupted(
    large: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("arm.cli_live.time.sleep", pause)
    code, out, _ = call(capsys, "top", "--url", large, "--json", "--limit", "2")
    pictures = [json.loads(line) for line in out.splitlines()]
    assert (code, pauses, len(pictures)) == (0, [2.0] * 3, 3)
    assert len(pictures[0]["routes"]) == 2


def test_top_waits_for_a_daemon_that_went_away(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serving(FakeSource(make_status()))
    url, pauses = server.__enter__(), []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            server.__exit__(None, None, None)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("arm.cli_live.time.sleep", pause)
    code, out, err = call(capsys, "top", "--url", url)
    assert (code, out.count("OK  arm"), err.count("no answer from")) == (0, 1, 2)


# --- documentation ------------------------------------------------------------------------------------


def test_every_reason_is_described() -> None:
    """In the table of explain_words.py, and for operators."""
    source = (ROOT / "arm" / "explain_words.py").read_text()
    names = set(re.findall(r'Because\(\s*"([a-z-]+)"', source)) | {state.value for state in _STATES}
    described = set(re.findall(r"`([a-z-]+)`", (ROOT / "docs" / "cli.md").read_text()))
    assert len(names) > 20
    assert names <= described


def test_figures_as_people_read_them() -> None:
    rates = [cli_text.rate(bits) for bits in (0.0, 999.0, 999.6, 12.4e9, 1.5e15)]
    assert rates == ["0 bit/s", "999 bit/s", "1 kbit/s", "12.4 Gbit/s", "1500 Tbit/s"]
    durations = [cli_text.duration(seconds) for seconds in (-1, 59.9, 61, 3600, 90061)]
    assert durations == ["0 s", "59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]
    assert cli_text.share(None) == "-"
    assert list(cli_text.table(("a", "b"), [("x\x1b[2J", "y")])) == ["a         b", "x\\x1b[2J  y"]
