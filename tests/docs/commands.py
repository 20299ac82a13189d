"""The shell commands of a document, and who makes sure that each of them works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.pages import Block, blocks

# First words by which a block without a language is known to be shell. What is not listed here is found by
# test_commands.py, which looks for programs in the other blocks.
PROGRAMS = frozenset(
    (
        *("sudo", "arm", "birdc", "ip", "curl", "journalctl", "systemctl", "timeout", "tcpdump", "promtool"),
        *("apt", "apt-get", "dpkg", "docker", "podman", "containerlab", "python3", "uv", "nv", "config"),
        *(
            "install",
            "packaging/sonic/build",
            "packaging/deb/build",
            ".venv/bin/python",
            "lab/containerlab/build.sh",
        ),
    )
)
SHELL = ("sh", "bash", "console", "shell")


@dataclass(frozen=True, slots=True)
class Shown:
    """One command as a document shows it, without its prompt, on one line; and the lines of its output, which
    only blocks with prompts have."""

    line: int  # of the block
    text: str
    output: tuple[str, ...] = ()


def commands(text: str) -> Iterator[Shown]:
    """All commands of a document, in order."""
    for block in blocks(text):
        if any(line.startswith("$ ") for line in block.lines):
            yield from _prompted(block)
        elif block.language in SHELL or (not block.language and _first_word(block) in PROGRAMS):
            yield from (Shown(block.line, command) for command in _joined(block.lines))


def _first_word(block: Block) -> str:
    words = " ".join(block.lines[:1]).split()
    return next((word for word in words if "=" not in word), "")


def _prompted(block: Block) -> Iterator[Shown]:
    found: list[tuple[str, list[str]]] = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    for command, output in found:
        yield Shown(block.line, _bare(command), tuple(output))


def _joined(lines: tuple[str, ...]) -> Iterator[str]:
    """Lines that end in a pipe or a backslash go on in the next one."""
    begun = ""
    for line in map(_bare, lines):
        begun = f"{begun} {line}".strip()
        if begun.endswith("\\"):
            begun = begun[:-1].rstrip()
        elif begun and not begun.endswith("|"):
            yield begun
            begun = ""
    if begun:
        yield begun


def _bare(line: str) -> str:
    """Without the comment behind it."""
    return re.sub(r"(^|\s+)# .*$", "", line).strip()
