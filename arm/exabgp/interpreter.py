"""Which Python runs ExaBGP: PyPy learns a full table three times as fast, where it is there and can."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import structlog

from arm.model import ArmError

log = structlog.get_logger("exabgp")

TRIAL = 30.0  # seconds for importing ExaBGP, which PyPy compiles the first time
# All of it that a running ExaBGP imports: an older Python may stumble over any of its files.
_TRIAL = "import exabgp.application.server, exabgp.reactor.loop, exabgp.configuration.configuration"


def environment() -> dict[str, str]:
    """What ExaBGP needs besides the environment that ARM has.

    Only the folders that hold ExaBGP and ARM (whose program it starts), not all of `sys.path`: CPython's
    library would come before PyPy's own.
    """
    folders = [
        Path(spec.origin).parents[1]
        for name in ("exabgp", "arm")
        if (spec := find_spec(name)) and spec.origin
    ]
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(map(str, folders))),
        # ExaBGP asks DNS for its own name as it starts: not for long where no resolver is in reach.
        "RES_OPTIONS": "timeout:1 attempts:1",
        # PyPy: a full table passes through and nothing of it stays: room to grow only costs memory (20 MB). A
        # smaller nursery takes a fifth more time.
        "PYPY_GC_NURSERY": "4M",
        "PYPY_GC_MAJOR_COLLECT": "1.2",
    }


async def choose(wish: Path | None) -> str:
    """The program to run ExaBGP with: `wish`, or the best there is. ArmError if the wish cannot run it."""
    if wish is not None:
        if fault := await _fault(str(wish)):
            raise ArmError(
                f"{wish} cannot run ExaBGP ({fault})", 'set bgp.python to "auto" or to another Python'
            )
        return str(wish)
    found = shutil.which("pypy3")
    if found is None:
        return sys.executable
    if fault := await _fault(found):
        log.warning("pypy3 cannot run ExaBGP, ARM's own Python does", pypy3=found, reason=fault)
        return sys.executable
    return found


async def _fault(python: str) -> str:
    """Why this Python cannot run ExaBGP; empty if it can."""
    try:
        trial = await asyncio.create_subprocess_exec(
            python,
            *("-c", _TRIAL),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | environment(),
        )
    except OSError as error:
        return (error.strerror or "cannot be run").lower()
    try:
        _, said = await asyncio.wait_for(trial.communicate(), TRIAL)
    except TimeoutError:
        return f"no answer within {TRIAL:g} seconds"
    finally:
        if trial.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                trial.kill()
            await trial.wait()
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    return "" if trial.returncode == 0 else (last or [f"exit code {trial.returncode}"])[0]
