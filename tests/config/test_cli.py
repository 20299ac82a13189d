"""Exit codes and the one line of each outcome."""

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from arm import __version__
from arm.cli import main
from arm.config import Config
from arm.model import ArmError

ROOT = Path(__file__).parents[2]
EXAMPLE = str(ROOT / "conf" / "arm.toml")
FAULTY = str(Path(__file__).parent / "faults" / "wrong_type_number.toml")


def app(monkeypatch: pytest.MonkeyPatch, run: Callable[..., int]) -> None:
    """Put `run` in the place of the real application."""
    module = types.ModuleType("arm.app")
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "arm.app", module)
    monkeypatch.setattr("arm.cli.log.configure", lambda level: None)


def test_check_says_ok(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", EXAMPLE]) == 0
    assert capsys.readouterr() == (f"{EXAMPLE}: ok\n", "")


def test_run_hands_over_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Config, Path]] = []

    def run(config: Config, path: Path, *, fixed_level: bool) -> int:
        seen.append((config, path))
        return 7

    app(monkeypatch, run)
    assert main(["run", "-c", EXAMPLE]) == 7
    ((config, path),) = seen
    assert config.reflector.asn == 65000
    assert path == Path(EXAMPLE)


def test_run_starts_nothing_with_a_faulty_configuration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app(monkeypatch, lambda config, path, **options: pytest.fail("started"))
    assert main(["run", "-c", FAULTY]) == 2
    assert capsys.readouterr().err.startswith(f'{FAULTY}: selection.window = "fast": ')


def test_an_arm_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(config: Config, path: Path, *, fixed_level: bool) -> int:
        raise ArmError("port 1179 is taken\nby another process", "stop the other ARM")

    app(monkeypatch, run)
    assert main(["run", "-c", EXAMPLE]) == 1
    assert capsys.readouterr() == (
        "",
        "arm: port 1179 is taken\\nby another process: stop the other ARM\n",
    )


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(config: Config, path: Path, *, fixed_level: bool) -> int:
        raise KeyboardInterrupt

    app(monkeypatch, run)
    assert main(["run", "-c", EXAMPLE]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["check"],
        ["run"],
        ["dance"],
        ["run", "-c", "x", "--log-level", "y"],
        ["explain"],
        ["routes", "--family", "ipx"],
        ["routes", "--limit", "0"],
        ["routes", "--next-hop", "swp1"],
        ["top", "--limit", "x"],
        ["completion"],
        ["completion", "fish"],
    ],
)
def test_a_wrong_command_line_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: arm" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "top", "explain", "routes"])
def test_the_exit_codes_are_in_the_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    words = " ".join(capsys.readouterr().out.split())
    assert "Exit codes: 0 fine, 1 the daemon cannot be reached" in words
    assert ("3 health is critical" in words) == (command == "status")


@pytest.mark.parametrize("module", ["arm", "arm.cli"])
def test_as_a_module(module: str) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert call("--version").stdout == f"arm {__version__}\n"
    assert call("check", EXAMPLE).returncode == 0
    assert call("check", FAULTY).returncode == 2
