"""The commands of the documents, run on the switch of a small lab, which is started as `lab/up` does it.

Words in capitals and sizes are replaced; everything else is run as it stands in the document.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import pytest

from lab.options import LabOptions, arm_configuration
from tests.docs.commands import commands
from tests.docs.pages import ROOT
from tests.docs.test_commands import EVERY, IN_LAB

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run tests/run"),
]

SIZES = ("--routes=3000", "--routes6=800", "--active=400", "--active6=100", "--pps=4000", "--capacity=300")
BIN = str(Path(sys.executable).parent)
LAB_RUN = re.compile(r"sudo \./lab/run (.*)")

# Each once, however many documents show it.
SHOWN = {
    shown.partition(": ")[2]: shown
    for shown in EVERY
    if any(re.fullmatch(pattern, shown) for pattern in IN_LAB)
}


@dataclass(frozen=True)
class Running:
    """A lab that somebody else has started, and the folder in which commands are run."""

    workdir: Path
    folder: Path

    def run(self, node: str, command: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """By a shell, as if somebody had typed it."""
        inside = ["-m", "lab", "run", "--workdir", str(self.workdir), node]
        script = f"cd {self.folder} && PATH={BIN}:$PATH && set -o pipefail\n{command}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        words = [sys.executable, *inside, "bash", "-c", script]
        return subprocess.run(
            words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    @cached_property
    def words(self) -> dict[str, str]:
        """What stands in this lab for words of the documents, which are regular expressions."""
        routes = [line.split() for line in self.run("switch", "ip -4 route show").stdout.splitlines()]
        default = next(words[words.index("via") + 1] for words in routes if words[0] == "default")
        # A prefix without its length is an address in it. `ip` leaves out the length of single addresses.
        prefix = next(words[0] for words in routes if "bird" in words and "/" in words[0])
        return {
            r"\bADDRESS\b": prefix.partition("/")[0],
            r"\bPREFIX\b": prefix,
            r"/etc/arm/arm\.toml": f"{ROOT}/conf/arm.toml",
            r"/var/log/arm/traffic": f"{self.folder}/traffic",
            r"\btimeout 60\b": "timeout 4",
            r"--default transit": f"--default {default}",
            r"\b1000,5000,20000,30000\b": "10,50,200,300",
            r"--capacity 20000": "--capacity 200",
        }

    def concrete(self, command: str) -> str:
        """The command with names and sizes of this lab."""
        for pattern, words in self.words.items():
            command = re.sub(pattern, words, command)
        return command


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("documents")
    workdir = folder / "lab"
    (folder / "work").mkdir()
    (folder / "work").chmod(0o777)
    record = folder / "work" / "traffic"
    written = arm_configuration(LabOptions(capacity=300, capacity6=100, strategy="safe"))
    conf = folder / "arm.toml"
    conf.write_text(written.replace("[selection]", f'[selection]\nrecord = "{record}"'))
    (folder / "log").touch()
    command = [sys.executable, "-m", "lab", "up", *SIZES, f"--workdir={workdir}", f"--arm-conf={conf}"]
    with (folder / "log").open("w") as log:
        up = subprocess.Popen([*command, "--page-port=0"], cwd=ROOT, stdout=log, stderr=log)
    try:
        running = Running(workdir, folder / "work")
        _await(up, folder / "log", running)
        yield running
    finally:
        up.terminate()
        up.wait(30)


def _await(up: subprocess.Popen[bytes], log: Path, running: Running) -> None:
    """Until entries are installed, so that there is something to see."""
    deadline = time.monotonic() + 120
    while "Look inside" not in log.read_text() or not _installed(running):
        assert up.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)


def _installed(running: Running) -> bool:
    return len(running.run("switch", "ip route show proto bird").stdout.splitlines()) > 100


def needed(command: str) -> list[str]:
    """Programs of the command that are not on this machine."""
    words = [*shlex.shlex(command, posix=True, punctuation_chars=True)]
    programs = words[:1] + [word for before, word in pairwise(words) if before in ("|", "&&")]
    return [each for each in programs if each not in ("arm", "sudo") and shutil.which(each) is None]


@pytest.fixture(scope="module")
def files(lab: Running) -> None:
    """What the README makes with `birdc`, `tcpdump` and `arm decode`, and `arm simulate` reads."""
    readme = [shown.text for shown in commands((ROOT / "README.md").read_text())]
    makers = [command for command in readme if "table.tsv" in command and "simulate" not in command]
    makers += [command for command in readme if "sflow.pcap" in command]
    assert [command.split()[0] for command in makers] == ["birdc", "timeout", "arm"]
    for command in makers:
        if missing := needed(command):
            pytest.skip(f"no {' and '.join(missing)} here")
        done = lab.run("switch", lab.concrete(command))
        ended = 124 if command.startswith("timeout") else 0
        assert done.returncode == ended, (command, done.stderr)
    done = lab.run("switch", "gzip -kf table.tsv && test -s table.tsv.gz && test -s traffic.tsv")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", SHOWN, ids=[shown[:60] for shown in SHOWN.values()])
def test_it_works(command: str, lab: Running, request: pytest.FixtureRequest) -> None:
    if "simulate" in command or "sflow.pcap" in command:
        request.getfixturevalue("files")
    if missing := needed(command):
        pytest.skip(f"no {' and '.join(missing)} here")
    node = "switch"
    if inside := LAB_RUN.fullmatch(command):
        node, _, command = inside[1].partition(" ")
    done = lab.run(node, lab.concrete(command))
    ended = 124 if command.startswith("timeout") else 0
    assert done.returncode == ended, (done.stdout, done.stderr)
    assert done.stdout or ">" in command or " -w " in command, done.stderr
    assert "syntax error" not in done.stdout, "BIRD says so with exit code 0"


def test_the_full_table_is_what_bird_has(lab: Running, files: None) -> None:
    """The README's line of awk loses no route, and knows where each leads."""
    lines = (lab.folder / "table.tsv").read_text().splitlines()
    counted = lab.run("switch", "birdc show route table full4 primary count").stdout
    assert len(lines) == int(re.findall(r"^(\d+) of", counted, re.MULTILINE)[0]) > 2000
    assert all(re.fullmatch(r"[0-9.]+/[0-9]+\t[0-9.]+", line) for line in lines)
