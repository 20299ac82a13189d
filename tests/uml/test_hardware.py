"""ARM on a hardware table that tells what it took and what it refused: netdevsim in a user-mode kernel.

Each file below runs there by a pytest of its own; without a kernel all are skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "arm-uml/linux"
SECONDS = 400


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.skipif(
    not KERNEL.exists(), reason="no user-mode kernel: build one with lab/uml/build (5 minutes)"
)
@pytest.mark.parametrize("file", ["flags.py", "full.py", "recovers.py", "limited.py", "asked.py"])
def test_in_the_user_mode_kernel(file: str) -> None:
    inside = [sys.executable, "-m", "pytest", "-rP", "-p", "no:cacheprovider", f"tests/uml/{file}"]
    done = subprocess.run(
        [ROOT / "lab/uml/run", "--timeout", str(SECONDS), *inside],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
