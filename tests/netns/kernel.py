"""Changing kernel routes in the test's own namespace."""

from __future__ import annotations

import os
import subprocess

NAME = f"arm-test-{os.getpid()}"


def ip(words: str) -> None:
    """`ip WORDS`, which must work."""
    done = subprocess.run(["ip", *words.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {words}: {done.stderr}"


def batch(lines: list[str]) -> None:
    """Many `ip` commands in one go."""
    done = subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
