"""docs/configuration.md is what the model says, and what the other documents call options are options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arm.config import Config
from arm.config_options import option_paths
from tests.docs.configuration import document
from tests.docs.pages import PAGES, ROOT, options_named

REFERENCE = ROOT / "docs" / "configuration.md"


def test_the_reference_is_what_the_model_says() -> None:
    assert REFERENCE.read_text() == document(), (
        "run: python -m tests.docs.configuration > docs/configuration.md"
    )


def test_the_reference_has_every_option_once() -> None:
    """Judged by the file alone, so that a generator that leaves something out is noticed."""
    found: list[str] = []
    for section in re.split(r"^## ", REFERENCE.read_text(), flags=re.MULTILINE)[1:]:
        name = section[1 : section.index("]")]
        found += [
            f"{name}.{key}" for key in re.findall(r"^\| `(\w+)` \|(?:[^|]*\|){4}$", section, re.MULTILINE)
        ]
    assert sorted(found) == sorted(option_paths(Config))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_that_are_named_exist(page: Path) -> None:
    named = options_named(page.read_text(), Config.model_fields)
    assert named <= set(option_paths(Config)), f"no options: {sorted(named - set(option_paths(Config)))}"


def test_a_wrong_name_is_seen() -> None:
    text = "Set `selection.windows`, not `selection.window`; `log.rs` too, `arm.toml` is a file."
    assert options_named(text, ["selection", "log"]) == {
        "selection.windows",
        "selection.window",
        "log.rs",
    }
