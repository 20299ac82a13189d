"""ARM's wheel and sdist, made once per session from this tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def hatchling(source: Path, out: Path, *targets: str, path: str | None = None) -> None:
    """Build `targets` (wheel, sdist) from `source`; `path`: PATH for the build, else the machine's."""
    words = [word for target in targets for word in ("-t", target)]
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out), *words],
        cwd=source,
        capture_output=True,
        text=True,
        env={"PATH": path} if path is not None else None,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    out = tmp_path_factory.mktemp("built")
    hatchling(ROOT, out, "sdist", "wheel")
    return out


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found
