"""Wheel and sdist: complete, the same from each other, and a program in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from arm import __version__
from tests.packaging.conftest import hatchling

ROOT = Path(__file__).parents[2]


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel, by path."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_arm_and_nothing_else(wheel: Path) -> None:
    names = contents(wheel)
    information = f"active_route_manager-{__version__}.dist-info/"
    assert wheel.name == f"active_route_manager-{__version__}-py3-none-any.whl"
    assert not [name for name in names if not name.startswith(("arm/", information))]
    sources = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "arm").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("arm/")} == sources
    assert "arm/py.typed" in names
    assert names[f"{information}licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert b"\narm = arm.cli:main" in names[f"{information}entry_points.txt"]


def test_charts_are_in_the_wheel_with_their_licence(wheel: Path) -> None:
    vendor = [name for name in contents(wheel) if name.startswith("arm/web/static/vendor/")]
    assert any(name.endswith(".js") for name in vendor)
    assert any("LICENSE" in name for name in vendor)


def test_the_sdist_gives_the_same_wheel_without_network(built: Path, wheel: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", sdist, "-C", tmp_path], check=True)
    (source,) = tmp_path.iterdir()
    assert {path.name for path in source.iterdir()} >= {"arm", "bird", "conf", "docs", "LICENSE", "README.md"}
    assert (source / "conf" / "arm.toml").read_bytes() == (ROOT / "conf" / "arm.toml").read_bytes()
    assert not (source / "tests").exists()
    hatchling(source, tmp_path / "again", "wheel", path="")  # no npm: nothing can be fetched
    (again,) = (tmp_path / "again").iterdir()
    assert again.read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`arm` of an environment with the wheel, and with what it needs from the environment of the tests.

    Those are the versions of constraints.txt. Nothing is fetched.
    """
    place = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    python = place / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--python",
        str(python),
        "install",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*pip, str(wheel)], check=True)
    (library,) = place.glob("lib/python*/site-packages")
    # A path in a .pth file is searched, but its own .pth files, this checkout's among them, are not read.
    (library / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "arm"


def test_the_installed_program_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    python = installed.with_name("python")
    script = "import arm, arm.app, arm.cli; print(arm.__file__)"
    said = subprocess.run(
        [python, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith(str(installed.parents[1]))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--version"], 0, f"arm {__version__}\n"),
        (["check", str(ROOT / "conf" / "arm.toml")], 0, f"{ROOT}/conf/arm.toml: ok\n"),
        (["check", str(ROOT / "pyproject.toml")], 2, ""),
    ],
)
def test_it_runs(installed: Path, tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    done = subprocess.run([installed, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, words), done.stderr


def test_it_completes_commands(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed, "completion", "bash"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert subprocess.run(["bash", "-n"], input=done.stdout, text=True).returncode == 0
    assert "complete" in done.stdout
