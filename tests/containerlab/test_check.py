"""lab/containerlab/check.sh in the namespace runner: it passes on a lab that works, and says what does not.

The same script with the same questions as in containers; only ARM_LAB_EXEC differs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from arm.model import Family
from lab.lab import Lab
from lab.plan import EXCHANGE, ROOT, SWITCH, TRANSIT2

pytestmark = pytest.mark.timeout(240)

SCRIPT = ROOT / "lab" / "containerlab" / "check.sh"
QUESTIONS = ["sessions", "tables", "active", "entries", "misforwarded", "traffic"]
LINE = re.compile(r"^(ok|FAIL) +(\w+): (.*)$")


def check(lab: Lab, way: str, seconds: int) -> dict[str, tuple[str, str]]:
    """Run the script with that ARM_LAB_EXEC and patience: question → ok or FAIL, and what it found."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ARM_LAB_EXEC": way,
        "ARM_LAB_WAIT": str(seconds),
    }
    done = subprocess.run(
        [SCRIPT], capture_output=True, text=True, cwd=ROOT, env=environment, timeout=170, check=False
    )
    print(done.stdout, done.stderr)
    found = {match[2]: (match[1], match[3]) for match in map(LINE.match, done.stdout.splitlines()) if match}
    assert list(found) == QUESTIONS
    assert (done.returncode == 0) == all(answer == "ok" for answer, _ in found.values())
    return found


@pytest.fixture(scope="module")
def enter(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `lab/run` does, without the time that Python takes to start."""
    script = tmp_path_factory.mktemp("enter") / "enter"
    into = "nsenter --target={0} --net --mount --uts --ipc --pid=/proc/{0}/ns/pid_for_children"
    lines = [f'{name}) exec {into.format(node.pid)} -- "$@";;' for name, node in lab.nodes.items()]
    script.write_text("\n".join(["#!/bin/bash", "node=$1", "shift", "case $node in", *lines, "esac", ""]))
    script.chmod(0o755)
    return f"{script} NODE"


def failed(found: dict[str, tuple[str, str]]) -> set[str]:
    return {question for question, (answer, _) in found.items() if answer == "FAIL"}


def test_a_lab_that_works_passes(lab: Lab, enter: str) -> None:
    assert failed(check(lab, enter, 90)) == set()


def test_lab_run_is_a_way_into_a_node(lab: Lab) -> None:
    """As ARM_LAB_EXEC="lab/run NODE" takes it; standard input goes along."""
    words = [
        sys.executable,
        "-m",
        "lab",
        "run",
        "--workdir",
        str(lab.workdir),
        SWITCH,
        "sh",
        "-c",
        "cat; hostname",
    ]
    done = subprocess.run(words, input="given\n", capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.split() == ["given", SWITCH]


def test_packets_that_go_astray_are_found(lab: Lab, enter: str) -> None:
    """By routes that neither BIRD nor ARM has made, to destinations that belong to the exchange."""
    counts = lab.counts()[EXCHANGE.name]
    routes = {}
    for family in Family:
        address = max((a for a in counts if Family.of(a) is family), key=lambda a: counts[a])
        routes[address] = f"{address}/{family.bits} via {TRANSIT2.address(family)} proto static".split()
    for address, route in routes.items():
        lab.nodes[SWITCH].check(["ip", option(address), "route", "add", *route])
    try:
        found = check(lab, enter, 0)
    finally:
        for address, route in routes.items():
            lab.nodes[SWITCH].check(["ip", option(address), "route", "del", *route])
    assert "traffic" in failed(found)
    for address in routes:
        assert f"{address} arrived at {TRANSIT2.address(Family.of(address))}, not at" in found["traffic"][1]


def option(address: str) -> str:
    return "-6" if Family.of(address) is Family.IPV6 else "-4"


def test_without_arm_nothing_is_claimed(lab: Lab, enter: str) -> None:
    """What is left of an ARM that has ended: sessions down, no figures; its entries still carry packets."""
    assert lab.arm is not None
    lab.stop_arm()
    found = check(lab, enter, 0)
    assert {"sessions", "tables", "active", "entries", "misforwarded"} <= failed(found)
    assert found["sessions"][1] == "8 of the switch, down: arm_reflector arm_target"
