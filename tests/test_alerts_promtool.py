"""Prometheus itself on the rules: promtool reads them and plays series through them."""

from __future__ import annotations

import re
from pathlib import Path
from shutil import which
from subprocess import run
from typing import Any

import pytest
import yaml

from tests.exposition import ROOT
from tests.test_alerts import ALERTS, REASON, RULES

PROMTOOL = which("promtool")
FIGURES = ROOT / "tests" / "prometheus" / "figures.yml"
UNITS = {"m": 1, "h": 60, "d": 24 * 60}
LABELS = {"job": "arm", "instance": "s1", "family": "ipv6", "severity": "warning"}

promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here (Debian: prometheus)")


def ask(*arguments: str | Path) -> str:
    """What promtool says; it must be content."""
    done = run([str(PROMTOOL), *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@promtool
def test_rules_and_configuration_are_taken() -> None:
    ask("check", "config", RULES / "prometheus.yml")  # reads the rules that it names
    ask("check", "rules", "--lint=all", "--lint-fatal", RULES / "recording.yml", RULES / "alerts.yml")


@promtool
def test_rules_over_figures() -> None:
    ask("test", "rules", FIGURES)


def test_every_alert_is_played() -> None:
    played = {
        each["alertname"]
        for test in yaml.safe_load(FIGURES.read_text())["tests"]
        for each in test.get("alert_rule_test", ())
        if each.get("exp_alerts")
    }
    assert played | {name for name, rule in ALERTS.items() if REASON.search(rule["expr"])} == set(ALERTS)


def minutes(duration: str) -> int:
    return int(duration[:-1]) * UNITS[duration[-1]]


def play(
    alert: str, rule: dict[str, Any], reason: str, step: int
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """A series of a reason that lasts 5 steps of so many minutes longer than it takes to raise the alert; and
    what is expected: no alert a step earlier, the alert, no alert afterwards."""
    patience = minutes(rule.get("for", "0m"))
    kept = {key: value for key, value in LABELS.items() if f"without ({key})" not in rule["expr"]}
    seen = kept | {"name": reason}
    annotations = {
        key: re.sub(r"{{ \$labels\.(\w+) }}", lambda match: seen[match[1]], text)
        for key, text in rule["annotations"].items()
    }
    labels = ", ".join(f'{key}="{value}"' for key, value in LABELS.items())
    series = {
        "series": f'arm_concern{{name="{reason}", {labels}}}',
        "values": f"1x{patience // step + 5} stale",
    }
    raised = [{"exp_labels": seen, "exp_annotations": annotations}]
    expected: list[dict[str, Any]] = [
        {"alertname": alert, "eval_time": f"{patience}m", "exp_alerts": raised},
        {"alertname": alert, "eval_time": f"{patience + 10 * step}m"},
    ]
    if patience:
        expected.append({"alertname": alert, "eval_time": f"{patience - step}m"})
    return series, expected


@promtool
@pytest.mark.parametrize(("step", "least"), [(1, 18), (60, 2)])
def test_every_reason_raises_its_own_alert(step: int, least: int, tmp_path: Path) -> None:
    """All of them at once: an alert that is raised by another reason has too much. Those that take a day are
    looked at by the hour."""
    played = [
        play(name, rule, match[1], step)
        for name, rule in ALERTS.items()
        if (match := REASON.search(rule["expr"])) and (rule.get("for") == "1d") == (step == 60)
    ]
    assert len(played) >= least
    test = {
        "interval": f"{step}m",
        "input_series": [series for series, _ in played],
        "alert_rule_test": [each for _, expected in played for each in expected],
    }
    names = [str(RULES / "recording.yml"), str(RULES / "alerts.yml")]
    file = tmp_path / "reasons.yml"
    file.write_text(yaml.safe_dump({"rule_files": names, "evaluation_interval": f"{step}m", "tests": [test]}))
    ask("test", "rules", file)
