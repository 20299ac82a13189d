"""Alert and recording rules: what they name exists, every reason has an alert, every alert an explanation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.exposition import ROOT, exposed, faults, named
from tests.web.test_operating import found

RULES = ROOT / "conf" / "prometheus"
RUNBOOK = "docs/operating.md#"
REASON = re.compile(r'arm_concern\{name="([^"]+)"\}')


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}
REASONS = found()
RECORDED = {rule["record"]: rule for rule in rules("recording.yml")}


def anchors(file: Path = ROOT / "docs" / "operating.md") -> set[str]:
    """Of the sections of a page, as they are linked to."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def runbooks() -> Iterator[tuple[str, str]]:
    for name, alert in ALERTS.items():
        runbook = alert["annotations"]["runbook"]
        assert runbook.startswith(RUNBOOK), name
        yield name, runbook.removeprefix(RUNBOOK)


def test_names_are_given_once() -> None:
    assert len(ALERTS) == len(rules("alerts.yml"))
    assert len(RECORDED) == len(rules("recording.yml"))


@pytest.mark.parametrize("name", [*ALERTS, *RECORDED])
def test_a_rule_asks_for_what_there_is(name: str) -> None:
    rule = ALERTS.get(name) or RECORDED[name]
    assert faults(rule["expr"], set(RECORDED)) == []
    assert set(REASON.findall(rule["expr"])) <= REASONS


def test_every_recorded_figure_is_used() -> None:
    used = {name for rule in [*ALERTS.values(), *RECORDED.values()] for name in named(rule["expr"])}
    for file in (ROOT / "conf" / "grafana" / "arm.json", ROOT / "docs" / "fleet.md"):
        used |= named(file.read_text().replace('"', " "))
    assert used >= set(RECORDED)


def test_every_reason_has_an_alert() -> None:
    assert {anchor for _, anchor in runbooks()} >= REASONS


def test_every_alert_is_explained() -> None:
    known = anchors()
    assert known >= REASONS
    for name, anchor in runbooks():
        # A template: the reasons are explained, whichever it is.
        assert anchor in known or anchor == "{{ $labels.name }}", name


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_which_switch_and_how_bad(name: str) -> None:
    rule = ALERTS[name]
    assert set(rule["annotations"]) == {"summary", "runbook"}
    assert "{{ $labels.instance }}" in rule["annotations"]["summary"]
    # That of a reason is ARM's.
    severity = rule.get("labels", {}).get("severity")
    assert severity in ({None} if "arm_concern" in rule["expr"] else {"critical", "warning"})


def test_faults_are_found() -> None:
    assert faults("arm_coverage", set()) == ["arm_coverage does not exist"]
    assert faults("rate(arm_coverage_ratio[5m])", set()) == ["arm_coverage_ratio is a gauge"]
    assert faults("arm_commands_total > 5", set()) == ["arm_commands_total is a counter"]
    assert faults('arm_state{kind="frozen"}', set()) == ["arm_state has no kind"]
    assert faults("x:arm_coverage:y", set()) == ["x:arm_coverage:y does not exist"]
    assert faults("sum by (instance) (x:arm_coverage:y)", {"x:arm_coverage:y"}) == []
    assert exposed()["arm_concern"].labels == {"name", "family", "severity"}
