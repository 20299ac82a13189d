"""The workflow for GitHub: what it runs exists, what it uses is pinned, and what it may do is little.

By hand, with tools that are not the tests': actionlint and zizmor.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml

from lab.plan import ROOT

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*"))
RELEASE = re.compile(r"[\w-]+/[\w.-]+@v\d+\.\d+\.\d+")  # owner/name at a release's tag
ADDRESS = re.compile(r"(?i)\bhttps?:|\b[a-z0-9-]+\.(com|org|io|net|dev)\b")

every = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Any) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true.
    found = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_workflows() -> None:
    assert [path.suffix for path in WORKFLOWS] == [".yml"]


@every
def test_it_may_do_little_and_not_for_long(path: Any) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}, "what a job needs it says itself"
    assert workflow["concurrency"]["group"] == "${{ github.workflow }}-${{ github.ref }}"
    assert "pull_request_target" not in workflow["on"], "it would run a stranger's code with our rights"
    for job in workflow["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        assert 0 < job["timeout-minutes"] <= 60
        assert re.fullmatch(r"ubuntu-\d\d\.\d\d", job["runs-on"])
    assert "secrets." not in path.read_text()


@every
def test_what_it_uses_is_a_release(path: Any) -> None:
    used = [step for step in steps(read(path)) if "uses" in step]
    assert used
    for step in used:
        assert RELEASE.fullmatch(step["uses"])
        if step["uses"].startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


@every
def test_it_names_no_address(path: Any) -> None:
    assert ADDRESS.findall(path.read_text()) == []


def test_the_checks_are_the_repositorys_own() -> None:
    workflow = read(FOLDER / "checks.yml")
    scripts = [line for step in steps(workflow) if "run" in step for line in step["run"].splitlines()]
    ours = [words[0] for words in map(shlex.split, scripts) if words and words[0].startswith("./")]
    assert ours == ["./tests/run", "./lab/containerlab/build.sh", "./lab/containerlab/check.sh"]
    for name in ours:
        assert (ROOT / name).stat().st_mode & 0o111
    tests, lab = workflow["jobs"]["tests"], workflow["jobs"]["containerlab"]
    assert tests["strategy"]["matrix"]["debian"] == ["bookworm", "trixie"]
    assert tests["container"]["image"] == "debian:${{ matrix.debian }}-slim"
    version = lab["env"]["CONTAINERLAB"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    header = (ROOT / "lab" / "containerlab" / "arm.clab.yml").read_text()
    assert f"For containerlab {version.rpartition('.')[0]} " in header
