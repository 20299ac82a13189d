"""The documents, and what stands in them: fenced blocks, links, headings, options by name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        page
        for pattern in (
            "*.md",
            "docs/*.md",
            "bird/**/*.md",
            "conf/**/*.md",
            "lab/**/*.md",
            "packaging/**/*.md",
        )
        for page in ROOT.glob(pattern)
        if page.name != "CHANGELOG.md"  # speaks of what was, too
    )
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language ("" for none), the line it begins at, and its lines."""

    language: str
    line: int
    lines: tuple[str, ...]


def blocks(text: str) -> Iterator[Block]:
    """All fenced blocks of a document, in order. A fence inside a list is indented as its item is."""
    begin, indent, language, lines = 0, "", "", list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.fullmatch(r"( *)```(\w*)", line)
        if begin and fence and not fence[2]:
            yield Block(language, begin, tuple(lines))
            begin = 0
        elif begin:
            lines.append(line.removeprefix(indent))
        elif fence:
            begin, indent, language, lines = number, fence[1], fence[2], []


def prose(text: str) -> str:
    """A document without its fenced blocks."""
    kept, inside = [], False
    for line in text.splitlines():
        if re.match(r" *```", line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def links(text: str) -> list[str]:
    """Where the links and pictures of a document lead."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(text)))


def anchors(text: str) -> set[str]:
    """The names of a document's headings, as links write them."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def options_named(text: str, sections: Collection[str]) -> set[str]:
    """What is called `section.option` between backticks, if there is such a section."""
    words = re.findall(r"`(\w+\.\w+)(?: = [^`]*)?`", prose(text))
    return {word for word in words if word.split(".")[0] in sections and not word.endswith(".py")}
