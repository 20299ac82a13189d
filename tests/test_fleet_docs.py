"""docs/fleet.md and conf/sflow/README.md: links lead somewhere, commands work, recorded figures are told."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from shutil import which
from subprocess import run
from typing import Any

import pytest
import yaml

from arm.config import Web
from tests.exposition import ROOT, exposed, named
from tests.test_alerts import ALERTS, RECORDED, RULES, anchors

FLEET = ROOT / "docs" / "fleet.md"
BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]*)#?([^)\s]*)\)")


@pytest.mark.parametrize(
    "file", [FLEET, ROOT / "conf" / "sflow" / "README.md"], ids=lambda file: str(file.name)
)
def test_every_link_leads_somewhere(file: Path) -> None:
    links = LINK.findall(file.read_text())
    assert links
    for target, anchor in links:
        path = file.parent / target if target else file
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), f"{target}#{anchor}"


PAGES = [FLEET, ROOT / "docs" / "operating.md", ROOT / "conf" / "sflow" / "README.md"]
PROTOCOLS = {"arm_reflector", "arm_target"}  # of BIRD


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.name))
def test_every_metric_that_is_named_exists(file: Path) -> None:
    names = named(file.read_text().replace('"', " ")) - PROTOCOLS
    assert names
    assert names <= set(exposed()) | set(RECORDED)


def test_every_recorded_figure_is_told() -> None:
    assert set(RECORDED) <= named(FLEET.read_text())


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not here (Debian: prometheus)")
def test_the_commands_work() -> None:
    commands = [
        line
        for block in BLOCK.findall(FLEET.read_text())
        for line in block.splitlines()
        if "promtool" in line
    ]
    assert len(commands) == 3
    for command in commands:
        done = run(shlex.split(command), cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_option_is_one() -> None:
    (example,) = (block for block in BLOCK.findall(FLEET.read_text()) if block.startswith("["))
    listen = Web.model_validate(tomllib.loads(example)["web"]).listen
    assert listen


def test_the_job_is_the_one_that_is_watched() -> None:
    configuration = yaml.safe_load((RULES / "prometheus.yml").read_text())
    (job,) = configuration["scrape_configs"]
    assert f'up{{job="{job["job_name"]}"}}' in ALERTS["ArmDown"]["expr"]
    assert sorted(configuration["rule_files"]) == ["alerts.yml", "recording.yml"]


def matchers(rule: dict[str, Any]) -> list[str]:
    return [each for key, found in rule.items() if key.endswith("matchers") for each in found]


def test_alerts_that_are_routed_exist() -> None:
    configuration = yaml.safe_load((RULES / "alertmanager.yml").read_text())
    receivers = {each["name"] for each in configuration["receivers"]}
    routes = [configuration["route"], *configuration["route"]["routes"]]
    assert {route["receiver"] for route in routes} == receivers
    told = [each for rule in configuration["inhibit_rules"] for each in matchers(rule)]
    for each in told:
        name, _, pattern = re.split(r" (=~|!~|=) ", each)
        assert name == "alertname"
        assert any(re.fullmatch(pattern.strip('"'), alert) for alert in ALERTS), each
        for alternative in pattern.strip('"').split("|"):
            assert any(re.fullmatch(alternative, alert) for alert in ALERTS), each
