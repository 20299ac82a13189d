"""Links between the documents, to files and to headings lead somewhere; so do the tests that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, prose

DOCS = ROOT / "docs"


def broken(page: Path, text: str) -> Iterator[str]:
    """The links of a page that lead nowhere. Addresses outside of the repository are none of its business."""
    for link in links(text):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        there = target.is_relative_to(ROOT) and target.exists()
        if not there or (anchor and anchor not in anchors(target.read_text())):
            yield link


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page: Path) -> None:
    assert not [*broken(page, page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_files_that_are_named_exist(page: Path) -> None:
    """`tests/rib/test_table.py` between backticks is a file; without a folder it is one of some folder."""
    named = re.findall(
        r"`((?:arm|tests|lab|bird|conf|docs|packaging)/[\w./-]*\w/?)`", prose(page.read_text())
    )
    assert not [name for name in named if not (ROOT / name).exists()]
    tests = re.findall(r"`(test_\w+\.py)`", prose(page.read_text()))
    assert not [name for name in tests if not [*(ROOT / "tests").rglob(name)]]


def test_a_broken_link_is_seen() -> None:
    text = "[a](nowhere.md) [b](cli.md#no-such-heading) [c](cli.md#exit-codes) [d](#there)\n```\n[e](f)\n```"
    assert [*broken(DOCS / "faq.md", text)] == ["nowhere.md", "cli.md#no-such-heading", "#there"]


def test_the_index_has_every_document() -> None:
    listed = {link.partition("#")[0] for link in links((DOCS / "README.md").read_text())}
    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= listed


def test_no_address_outside_is_named() -> None:
    """The documents name no download address; only this machine's own page is one that they may show."""
    for page in DOCS.glob("*.md"):
        for address in re.findall(r"https?://[^\s`)\"']+", page.read_text()):
            assert re.match(r"https?://(127\.0\.0\.1|localhost|\[::1\]|192\.0\.2\.|[A-Z])", address), page
