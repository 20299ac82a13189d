"""The package's version: from the changelog's newest heading, and in dpkg's order."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "packaging" / "deb" / "version.py"
version = runpy.run_path(str(SCRIPT))["version"]


def of(
    debian: int = 12, *, heading: str = "0.2.0 (2026-12-01)", pyproject: str = "0.2.0", module: str = "0.2.0"
) -> str:
    """The version of a tree whose files say so."""
    return str(
        version(
            f'[project]\nversion = "{pyproject}"\n',
            f'"""ARM"""\n\n__version__ = "{module}"\n',
            f"# Changelog\n\n## {heading}\n\n## 0.1.0 (2026-11-01)\n",
            debian=debian,
        )
    )


def test_a_release_and_what_comes_before_it() -> None:
    assert of() == "0.2.0+deb12"
    assert of(13, heading="0.2.0 (unreleased)") == "0.2.0~unreleased+deb13"


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"heading": "0.3.0 (unreleased)"}, "CHANGELOG"),
        ({"heading": "0.2.0"}, "CHANGELOG"),
        ({"heading": "0.2.0 (soon)"}, "CHANGELOG"),
        ({"pyproject": "0.3.0"}, "arm/__init__"),
        ({"module": "0.1.0"}, "arm/__init__"),
    ],
)
def test_files_that_disagree_build_nothing(files: dict[str, str], fault: str) -> None:
    with pytest.raises(SystemExit, match=fault):
        of(**files)  # type: ignore[arg-type]


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs dpkg")
def test_dpkg_upgrades_in_that_order() -> None:
    order = [
        of(12, heading="0.2.0 (unreleased)"),
        of(13, heading="0.2.0 (unreleased)"),
        of(12),
        of(13),
        of(12, heading="0.2.1 (2026-12-09)", pyproject="0.2.1", module="0.2.1"),
    ]
    for earlier, later in pairwise(order):
        assert subprocess.run(["dpkg", "--compare-versions", earlier, "lt", later]).returncode == 0


def test_this_tree_has_a_version() -> None:
    from arm import __version__

    done = subprocess.run(["python3", SCRIPT, ROOT, "13"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(__version__)
    assert done.stdout.endswith("+deb13\n")
