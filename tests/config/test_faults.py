"""Every fixture under faults/ says in its first lines what `arm check` must answer to it, exactly."""

from pathlib import Path

import pytest

from arm.cli import main

FIXTURES = sorted(Path(__file__).parent.joinpath("faults").glob("*.toml"))


def expected_lines(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8", errors="replace")
    mark = "# expect: "
    return [f"{path}: {line.removeprefix(mark)}" for line in text.splitlines() if line.startswith(mark)]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_fixture_is_answered_as_it_expects(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(path)]) == 2
    out, err = capsys.readouterr()
    assert err.splitlines() == expected_lines(path)
    assert expected_lines(path)
    assert out == ""


def test_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "arm.toml"
    assert main(["check", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"{path}: no such file; write one, starting from the example conf/arm.toml\n"
    )


def test_unreadable_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 2  # a directory: root may read any file
    assert capsys.readouterr().err == (
        f"{tmp_path}: cannot be read: is a directory; name a file that ARM's user may read\n"
    )
