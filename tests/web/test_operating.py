"""Every reason that health can give is explained in docs/operating.md, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from arm.freeze.reasons import REMEDIES

ROOT = Path(__file__).parents[2]
HEADING = re.compile(r"^#### (\S+)$", re.MULTILINE)

# What a name stands for that is no plain text in the code, by the words of the code.
MEANT = {"f'{name}-down'": {"reflector-down", "target-down"}, "reason.name": set(REMEDIES)}


def findings(source: str) -> Iterator[str]:
    """The names of all findings that a module makes; KeyError for one that cannot be told."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"):
            continue
        name = node.args[0] if node.args else next(k.value for k in node.keywords if k.arg == "name")
        if isinstance(name, ast.Constant):
            yield str(name.value)
        else:
            yield from MEANT[ast.unparse(name)]


def found() -> set[str]:
    return {name for path in (ROOT / "arm").rglob("*.py") for name in findings(path.read_text())}


def explained() -> list[str]:
    return HEADING.findall((ROOT / "docs" / "operating.md").read_text())


def test_every_reason_is_explained_once() -> None:
    assert sorted(explained()) == sorted(found())


def test_the_search_for_reasons_can_fail() -> None:
    assert len(found()) >= 11
    source = "yield Finding('new', text, remedy)\nFinding(name='other', text='')"
    assert set(findings(source)) == {"new", "other"}
    with pytest.raises(KeyError):
        list(findings("Finding(something, text, remedy)"))


def test_every_link_leads_somewhere() -> None:
    for file in (ROOT / "docs" / "operating.md", ROOT / "README.md"):
        for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", file.read_text()):
            path = (file.parent / target) if target else file
            assert path.exists(), f"{file.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
                anchors = {heading.lower().replace(" ", "-") for heading in headings}
                assert anchor in anchors, f"{file.name}: {anchor}"
