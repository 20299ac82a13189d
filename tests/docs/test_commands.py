"""Every command that a document shows is run by a test, or is on the short list of those that cannot be."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.commands import PROGRAMS, SHELL, commands
from tests.docs.pages import PAGES, ROOT, blocks


@dataclass(frozen=True, slots=True)
class RunBy:
    """A file runs it: these words stand there."""

    file: str
    words: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What no test machine has."""

    reason: str


# Commands that are run in the lab of test_commands_in_lab.py, by regular expressions for "page: command".
IN_LAB = (
    r".*: birdc show .*",
    r".*: ip route (get|show) .*",
    r".*: curl -s http://127\.0\.0\.1:8008/.*",
    r".*: (timeout 60 )?tcpdump -i (lo|any) .*-w sflow\.pcap udp port 6343",
    r".*: arm (check|decode|status|top|routes|explain|completion)\b.*",
    r".*: arm simulate --table .*",
    r".*: sudo \./lab/run .*",
)

# All others.
CHROOT = RunBy("tests/packaging/test_chroot.py", "documented(")
ELSEWHERE: dict[str, RunBy | Needs] = {
    r"(README|lab/containerlab/README)\.md: sudo \./lab/up( --strategy safe)?": RunBy(
        "tests/docs/test_commands_in_lab.py", '"lab", "up"'
    ),
    r"(README|docs/release)\.md: sudo \./tests/run": RunBy(".ci/run", "./tests/run"),
    r"README.md: arm run -c /etc/arm/arm\.toml": RunBy("lab/programs.py", '"run", "-c"'),
    r"docs/operating.md: journalctl -u arm": Needs("systemd, which test machines do not run"),
    r"CONTRIBUTING.md: uv pip compile .*": Needs("uv, which asks the registry about each package again"),
    r"docs/install.md: (apt|cp|editor|bird|systemctl) .*": CHROOT,
    r"docs/install.md: (python3|/opt/arm/bin/pip|ln|install|systemd-\w+) .*": Needs(
        "a system of its own to be installed into; the wheel is, by tests/packaging/test_wheel.py"
    ),
    r"docs/release.md: sudo ARM_PACKAGES=1 .*": RunBy("tests/packaging/test_chroot.py", "ARM_PACKAGES"),
    r"docs/release.md: packaging/deb/build .*": RunBy("tests/packaging/test_chroot.py", "build"),
    r"docs/release.md: \.venv/bin/python -m hatchling .*": RunBy(
        "tests/packaging/test_wheel.py", "hatchling"
    ),
    r"lab/(containerlab/)?README.md: sudo ARM_LAB_EXEC=.*": RunBy(
        "tests/containerlab/test_check.py", "check.sh"
    ),
    r"lab/containerlab/README.md: .*": RunBy(".github/workflows/checks.yml", "lab/containerlab/check.sh"),
    r"docs/cumulus.md: .*": Needs("Cumulus Linux"),
    r"docs/sonic.md: sudo .*": Needs("SONiC"),
    r"docs/sonic.md: packaging/sonic/build .*": Needs("an engine that builds container images"),
    r"docs/fleet.md: promtool .*": RunBy("tests/test_alerts_promtool.py", "promtool"),
}


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


EVERY = [f"{names(page)}: {shown.text}" for page in PAGES for shown in commands(page.read_text())]


@pytest.mark.parametrize("command", EVERY, ids=[command[:60] for command in EVERY])
def test_it_is_known_who_runs_it(command: str) -> None:
    if any(re.fullmatch(pattern, command) for pattern in IN_LAB):
        return
    how = [how for pattern, how in ELSEWHERE.items() if re.fullmatch(pattern, command)]
    assert how, "run it in a test, and say here which, or say what it needs that no test machine has"
    if isinstance(how[0], RunBy):
        assert how[0].words in (ROOT / how[0].file).read_text()


def test_the_lists_hold_nothing_that_no_document_shows() -> None:
    for pattern in (*IN_LAB, *(each for each in ELSEWHERE if (ROOT / each.partition(":")[0]).exists())):
        assert any(re.fullmatch(pattern, command) for command in EVERY), pattern


def test_few_commands_are_run_by_nobody() -> None:
    assert sum(isinstance(how, Needs) for how in ELSEWHERE.values()) <= 10


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_no_command_is_overlooked(page: Path) -> None:
    """Blocks that are not taken for shell hold nothing that begins with the name of a program."""
    for block in blocks(page.read_text()):
        shell = block.language in SHELL or any(line.startswith("$ ") for line in block.lines)
        first = " ".join(block.lines[:1]).split()[:1]
        if shell or block.language or set(first) & PROGRAMS:
            continue
        for word in (line.split()[0] for line in block.lines if line.strip()):
            assert not re.fullmatch(r"[./\w-]{2,}", word) or shutil.which(word) is None, (block.line, word)


def test_commands_are_found() -> None:
    text = "```\n$ one -a  # why\nout\n$ two\n```\n```sh\nthree |\n  four \\\n  five\n```\n"
    text += "```\nbirdc x # y\n\nsix\n```\n"
    assert [(each.text, each.output) for each in commands(text)] == [
        ("one -a", ("out",)),
        ("two", ()),
        ("three | four five", ()),
        ("birdc x", ()),
        ("six", ()),
    ]
