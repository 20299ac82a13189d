"""ExaBGP never outlives ARM, and ARM never goes on without ExaBGP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.netns.test_start import CONFIGURATION, ROOT


@pytest.fixture
def arm(bird: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """ARM with both sessions up."""
    path = tmp_path / "arm.toml"
    path.write_text(CONFIGURATION.format(state=tmp_path / "run", bird=bird))
    with (tmp_path / "arm.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "arm", "run", "-c", str(path)], stderr=log, cwd=ROOT
        )
    wait(lambda: sessions(bird) == 2, "both sessions")
    yield process
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    wait(lambda: not descendants(tmp_path), "ExaBGP's end")


def sessions(bird: Path) -> int:
    shown = subprocess.run(["birdc", "-s", str(bird), "show", "protocols"], capture_output=True, text=True)
    return sum("Established" in line and line.startswith("arm_") for line in shown.stdout.splitlines())


def descendants(folder: Path) -> dict[str, int]:
    """ExaBGP's and its pipe's process, found by the folder in their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
            if any(word.startswith(str(folder / "run")) for word in words):
                found["exabgp" if "exabgp" in words else "pipe"] = int(entry.name)
    return found


def wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_killed_arm_takes_exabgp_with_it_even_if_exabgp_ends_its_pipe_first(
    arm: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """ExaBGP ends a helper whose pipe has closed with SIGTERM: that must not save ExaBGP."""
    os.kill(descendants(tmp_path)["pipe"], signal.SIGTERM)
    time.sleep(0.3)
    assert set(descendants(tmp_path)) == {"exabgp", "pipe"}
    arm.kill()
    arm.wait()
    wait(lambda: not descendants(tmp_path), "ExaBGP's end")


@pytest.mark.parametrize("victim", ["exabgp", "pipe"])
def test_arm_starts_exabgp_again(
    arm: subprocess.Popen[bytes], bird: Path, tmp_path: Path, victim: str
) -> None:
    before = descendants(tmp_path)
    os.kill(before[victim], signal.SIGKILL)
    wait(lambda: len(descendants(tmp_path)) == 2 and descendants(tmp_path) != before, "a new ExaBGP")
    wait(lambda: sessions(bird) == 2, "both sessions again")
    assert set(before.values()).isdisjoint(descendants(tmp_path).values())
    assert arm.poll() is None
