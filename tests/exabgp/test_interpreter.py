"""Which Python runs ExaBGP, and what an operator is told who asks for one that cannot."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from arm.exabgp import interpreter
from arm.model import ArmError


def program(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_pypy_that_can_run_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, "pypy3", f'exec {sys.executable} "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert asyncio.run(interpreter.choose(None)) == str(path)


@pytest.mark.parametrize("fault", ["exit 1", "echo Error: too old >&2; exit 1"])
def test_a_pypy_that_cannot_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    program(tmp_path, "pypy3", fault)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert asyncio.run(interpreter.choose(None)) == sys.executable
    out = capsys.readouterr().out
    assert "pypy3 cannot run ExaBGP" in out
    assert ("Error: too old" if "echo" in fault else "exit code 1") in out


def test_without_pypy_our_own_python_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert asyncio.run(interpreter.choose(None)) == sys.executable
    assert asyncio.run(interpreter.choose(Path(sys.executable))) == sys.executable


@pytest.mark.parametrize(
    ("text", "reason"),
    [("exit 3", "exit code 3"), ("echo 'SyntaxError: match' >&2; exit 1", "SyntaxError: match")],
)
def test_a_python_that_was_asked_for_must_do(tmp_path: Path, text: str, reason: str) -> None:
    path = program(tmp_path, "python", text)
    with pytest.raises(ArmError) as caught:
        asyncio.run(interpreter.choose(path))
    assert caught.value.problem == f"{path} cannot run ExaBGP ({reason})"
    with pytest.raises(ArmError, match="no such file"):
        asyncio.run(interpreter.choose(tmp_path / "none"))


def test_one_that_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "TRIAL", 0.3)
    with pytest.raises(ArmError, match=r"no answer within 0\.3 seconds"):
        asyncio.run(interpreter.choose(program(tmp_path, "python", "exec sleep 60")))


def test_the_environment_holds_exabgp_and_arm_and_nothing_of_this_python_s_own() -> None:
    paths = interpreter.environment()["PYTHONPATH"].split(os.pathsep)
    assert any(Path(path, "exabgp").is_dir() for path in paths)
    assert any(Path(path, "arm").is_dir() for path in paths)
    assert not any(Path(path, "asyncio").is_dir() for path in paths)


@pytest.mark.skipif(shutil.which("pypy3") is None, reason="needs PyPy: apt install pypy3")
def test_pypy_runs_this_exabgp() -> None:
    pypy = shutil.which("pypy3")
    assert pypy is not None
    assert asyncio.run(interpreter.choose(None)) == pypy
    done = subprocess.run(
        [pypy, "-m", "exabgp", "version"],
        env=os.environ | interpreter.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "PyPy" in done.stdout
