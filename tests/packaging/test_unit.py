"""The unit stays as closed as it is, and the files around it agree with it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "conf" / "arm.service"
EXPOSURE = 1.5  # of 10, by systemd's reckoning; what is left is the network, netlink and BIRD's socket


def test_exposure(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze: apt install systemd")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE * 10:.0f}", UNIT],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_the_folders_that_the_unit_writes_to_are_those_that_are_made() -> None:
    unit = UNIT.read_text()
    made = {
        words[1]: words[2:5]
        for words in map(str.split, (ROOT / "conf" / "arm.tmpfiles").read_text().splitlines())
        if words and words[0] == "d"
    }
    wanted = {}
    for parent, kind in (("/var/lib", "State"), ("/var/log", "Logs")):
        name = re.search(rf"^{kind}Directory=(.+)$", unit, re.MULTILINE)
        mode = re.search(rf"^{kind}DirectoryMode=(.+)$", unit, re.MULTILINE)
        assert name
        assert mode
        wanted[f"{parent}/{name[1]}"] = [mode[1], "arm", "arm"]
    assert made == wanted
    account = re.search(r"^u (\w+) ", (ROOT / "conf" / "arm.sysusers").read_text(), re.MULTILINE)
    assert account
    assert f"\nUser={account[1]}\n" in unit
