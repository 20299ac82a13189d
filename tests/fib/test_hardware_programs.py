"""Asking Cumulus and devlink: programs that answer, fail, hang or are not there. They are scripts that print
what was recorded; devlink itself is asked in tests/uml/resources.py.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from arm.fib.cumulus import STALE, Cumulus
from arm.fib.devlink import Devlink
from arm.fib.hardware import Usage
from arm.model import ArmError, Family

ROOT = Path(__file__).parents[2]
RECORDED = Path(__file__).parent / "recorded"
V4, V6 = Family
TOMAHAWK = {V4: Usage(4, 65_524), V6: Usage(8, 8_184)}


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def cumulus(tmp_path: Path, script: str) -> Cumulus:
    return Cumulus(program(tmp_path / "cl-resource-query", script), tmp_path / "nv", tmp_path / "written")


def test_the_first_question_that_is_answered_goes_first_from_then_on(tmp_path: Path) -> None:
    """An old release has no JSON."""
    asked = tmp_path / "asked"
    platform = cumulus(
        tmp_path, f'echo "$*" >>{asked}; [ "$1" = -j ] && exit 2; cat {RECORDED}/cumulus/tomahawk.txt'
    )
    assert platform.read().usage == platform.read().usage == TOMAHAWK
    assert asked.read_text() == "-j\n\n\n"


def test_nvue_where_there_is_nothing_else(tmp_path: Path) -> None:
    answer = f'[ "$*" = "show platform asic ASIC1 resource global" ] && cat {RECORDED}/cumulus/nvue-5.17.txt'
    nvue = program(tmp_path / "nv", answer)
    usage = Cumulus(tmp_path / "missing", nvue, tmp_path / "written").read().usage
    assert usage == {V4: Usage(0, 82_693), V6: Usage(20, 74_404)}


def test_what_root_has_written_goes_first(tmp_path: Path) -> None:
    """By the very command of the unit; nobody else has to be asked then."""
    query = program(tmp_path / "cl-resource-query", f"cat {RECORDED}/cumulus/tomahawk.json")
    unit = (ROOT / "conf/cumulus/arm-resources.service").read_text()
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    command = command.replace("/usr/cumulus/bin/cl-resource-query", str(query))
    written = tmp_path / "arm-resources"
    subprocess.run(shlex.split(command.replace("/run/arm-resources", str(written))), check=True)
    platform = Cumulus(tmp_path / "missing", tmp_path / "missing", written)
    assert platform.read().usage == TOMAHAWK
    written.write_text("cl-resource-query command is not supported in VX")
    with pytest.raises(ArmError, match="does not tell"):
        platform.read()
    os.utime(written, (0, time.time() - STALE - 1))
    with pytest.raises(ArmError, match="s old"):
        platform.read()


@pytest.mark.parametrize("script", ["exit 1", "echo failed >&2; exit 3", f"cat {RECORDED}/cumulus/vx.txt"])
def test_no_answer_of_cumulus_is_an_error(tmp_path: Path, script: str) -> None:
    with pytest.raises(ArmError) as caught:
        cumulus(tmp_path, script).read()
    assert "cl-resource-query" in caught.value.problem
    assert "docs/cumulus.md" in caught.value.remedy


def test_a_program_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arm.fib.cumulus.TIMEOUT", 0.2)
    monkeypatch.setattr("arm.fib.devlink.TIMEOUT", 0.2)
    with pytest.raises(ArmError, match="does not end"):
        cumulus(tmp_path, "exec sleep 60").read()
    with pytest.raises(ArmError, match="does not end"):
        Devlink(str(tmp_path / "cl-resource-query")).read()


def devlink(tmp_path: Path, *files: str) -> Devlink:
    """A program that prints what was recorded; for a device without a file it fails, as the real one does."""
    devices = json.dumps({"dev": {f"pci/{number}": {} for number in range(len(files))}})
    cases = "".join(f"*pci/{n}) cat {RECORDED}/devlink/{name};;\n" for n, name in enumerate(files) if name)
    script = f"case \"$*\" in\n'-j dev show') echo '{devices}';;\n{cases}*) echo unknown >&2; exit 1;;\nesac"
    return Devlink(str(program(tmp_path / "devlink", script)))


def test_devices_without_a_fib_do_not_count(tmp_path: Path) -> None:
    found = devlink(tmp_path, "mlxsw.json", "", "netdevsim-limited.json").read()
    assert found.usage == {V4: Usage(3, 37), V6: Usage(1, 29)}
    assert not found.tells


def test_of_several_switches_nothing_is_known(tmp_path: Path) -> None:
    assert devlink(tmp_path, "netdevsim.json", "netdevsim-limited.json").read().usage == {}
    assert devlink(tmp_path).read().usage == {}


def test_no_devlink_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match="cannot run devlink"):
        Devlink(str(tmp_path / "missing")).read()
