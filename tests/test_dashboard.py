"""The Grafana dashboard: sound JSON, every query of a metric that there is, nothing of one installation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from subprocess import run
from typing import Any

import pytest
import yaml

from tests.exposition import ROOT, faults
from tests.test_alerts import RECORDED

BOARD: dict[str, Any] = json.loads((ROOT / "conf" / "grafana" / "arm.json").read_text())
PANELS: list[dict[str, Any]] = BOARD["panels"]
ROWS = [panel["title"].split()[0] for panel in PANELS if panel["type"] == "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SELECTED = re.compile(r'[\w:]+\{job=~"\$job"(, instance=~"\$instance")?[^}]*\}')


def queries() -> Iterator[tuple[str, str, str]]:
    """Row, panel and expression."""
    row = ""
    for panel in PANELS:
        row = panel["title"] if panel["type"] == "row" else row
        for target in panel.get("targets", ()):
            yield row, panel["title"], target["expr"]


def test_what_grafana_goes_by() -> None:
    assert (BOARD["uid"], BOARD["id"], BOARD["title"]) == ("arm-switches", None, "Active Route Manager")
    assert isinstance(BOARD["schemaVersion"], int)
    assert {"templating", "time", "panels", "version", "annotations"} <= set(BOARD)


def test_the_rows() -> None:
    assert " ".join(ROWS) == "Fleet Health Coverage Entries Changes RIB sFlow Resources Stalls"


def test_the_variables() -> None:
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"]  # each may use those before it
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    for name in ("job", "instance"):
        assert variables[name]["multi"]
        assert variables[name]["includeAll"]
        assert faults(variables[name]["query"], set(RECORDED)) == []


def test_no_data_source_of_one_installation() -> None:
    for panel in PANELS:
        if panel["type"] != "row":
            assert panel["datasource"] == SOURCE, panel["title"]
            assert panel["targets"], panel["title"]
            assert all(target["datasource"] == SOURCE for target in panel["targets"]), panel["title"]
    assert set(re.findall(r'"uid": "([^"]*)"', json.dumps(BOARD))) == {"arm-switches", "${datasource}"}


def test_panels_do_not_overlap() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        at = panel["gridPos"]
        assert 0 <= at["x"] < at["x"] + at["w"] <= 24, panel["title"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize(("row", "title", "expression"), list(queries()))
def test_a_query_asks_for_what_there_is(row: str, title: str, expression: str) -> None:
    assert faults(expression, set(RECORDED)) == []
    # The chosen switches only, but for the row of all.
    chosen = [bool(match[1]) for match in SELECTED.finditer(expression)]
    assert len(chosen) == len(
        re.findall(r"\b(?:arm_\w+|up)\b", re.sub(r"\w+:(arm_\w+):\w+", r"\1", expression))
    )
    assert set(chosen) == {row != "Fleet"}, title


def test_references_within_a_panel_are_unique() -> None:
    for panel in PANELS:
        references = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(references)) == len(references)


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not here (Debian: prometheus)")
def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"test:q{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, (_, _, expression) in enumerate(queries())
    ]
    assert len(rules) > 40
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    check = run(["promtool", "check", "rules", str(file)], capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
