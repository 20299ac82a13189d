"""The file: replaced as a whole or not at all, and set aside when it cannot be used."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arm.model import Family
from arm.state.encoding import encode
from arm.state.file import NAME, SET_ASIDE, load, save
from arm.state.saved import Saved, SavedFamily
from tests.state.build import many, plain, sealed, some


def names(directory: Path) -> list[str]:
    return sorted(each.name for each in directory.iterdir())


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    assert load(tmp_path) == (None, None), "nothing was saved yet"
    for saved in (Saved(1.0), some()):
        assert save(tmp_path, saved) is None
        found, error = load(tmp_path)
        assert (plain(found), error) == (plain(saved), None)
    assert names(tmp_path) == [NAME]
    assert (tmp_path / NAME).stat().st_mode & 0o007 == 0, "not for everybody's eyes"


CONTENTS = {
    "empty": (b"", "no state of ARM"),
    "foreign": (b"[section]\nkey = 1\n" * 50, "no state of ARM"),
    "cut off": (encode(some())[:-1], "bytes"),
    "corrupt": (encode(some())[:-1] + b"!", "checksum"),
    "newer": (sealed(b"anything", version=9), "a newer ARM wrote it: version 9"),
    "too large": (encode(some()) + bytes(1000), "it has more than 1000 bytes"),
}


@pytest.mark.parametrize("what", CONTENTS)
def test_what_cannot_be_used_is_set_aside(what: str, tmp_path: Path) -> None:
    content, reason = CONTENTS[what]
    (tmp_path / NAME).write_bytes(content)
    (tmp_path / SET_ASIDE).write_bytes(b"an earlier one")
    found, error = load(tmp_path, limit=1000)
    assert found is None
    assert error is not None
    assert error.problem.startswith(f"{tmp_path / NAME} cannot be used: ")
    assert reason in error.problem
    assert error.problem.endswith("; it is kept as state.arm.bad")
    assert "\n" not in str(error)
    assert names(tmp_path) == [SET_ASIDE]
    assert (tmp_path / SET_ASIDE).read_bytes() == content
    assert load(tmp_path) == (None, None)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "not a regular file"),
        (os.mkdir, "Is a directory"),
        (lambda path: os.symlink(path, path), "Too many levels"),
        (lambda path: os.symlink("/dev/zero", path), "not a regular file"),
    ],
)
def test_what_is_no_file_is_set_aside(make: object, reason: str, tmp_path: Path) -> None:
    assert callable(make)
    make(tmp_path / NAME)
    found, error = load(tmp_path)
    assert found is None
    assert error is not None
    assert reason in error.problem
    assert names(tmp_path) == [SET_ASIDE]
    assert save(tmp_path, some()) is None
    assert plain(load(tmp_path)[0]) == plain(some())


def test_what_cannot_be_set_aside_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"foreign")
    (tmp_path / SET_ASIDE).mkdir()
    found, error = load(tmp_path)
    assert found is None
    assert error is not None
    assert "it cannot be set aside either (Is a directory)" in error.problem


# --- failing to write -------------------------------------------------------------------------------------


@contextmanager
def largest_file(octets: int) -> Iterator[None]:
    """Files of this process may not grow beyond that: like a full disk, in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path) -> None:
    assert save(tmp_path, some()) is None
    large = Saved(2.0, {Family.IPV4: SavedFamily((), many(10_000))})
    with largest_file(100_000):
        error = save(tmp_path, large)
    assert error is not None
    assert error.problem == f"cannot write {tmp_path / NAME} (File too large)"
    assert "make room" in error.remedy
    assert names(tmp_path) == [NAME]
    assert plain(load(tmp_path)[0]) == plain(some())
    assert save(tmp_path, large) is None, "and when there is room again it is saved"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    assert save(tmp_path, some()) is None
    with monkeypatch.context() as failing:
        failing.setattr(os, call, fail)
        if call == "replace":
            failing.setattr(Path, call, fail)
        error = save(tmp_path, Saved(2.0))
    assert error is not None
    assert "(Input/output error)" in error.problem
    assert names(tmp_path) == [NAME]
    assert plain(load(tmp_path)[0]) == plain(some())


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    error = save(tmp_path / "gone", some())
    assert error is not None
    assert "No such file or directory" in error.problem
    assert load(tmp_path / "gone") == (None, None)


def test_what_has_no_room_in_a_file_is_told(tmp_path: Path) -> None:
    error = save(tmp_path, Saved(1.0, {}, {"history": bytes(2000)}), limit=1000)
    assert error is not None
    assert "it would have more than 1000 bytes" in error.problem
    assert names(tmp_path) == []


def test_what_an_earlier_run_left_half_written_goes(tmp_path: Path) -> None:
    (tmp_path / "state.arm.new").write_bytes(b"half")
    assert load(tmp_path) == (None, None)
    assert save(tmp_path, some()) is None
    assert names(tmp_path) == [NAME]


def test_the_new_file_is_on_the_disk_before_its_name_and_its_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, replace = os.fsync, Path.replace

    def synced(number: int) -> None:
        calls.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{number}')).name}")
        sync(number)

    def replaced(path: Path, target: Path) -> Path:
        calls.append(f"{path.name} becomes {target.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    assert save(tmp_path, some()) is None
    assert calls == ["fsync state.arm.new", "state.arm.new becomes state.arm", f"fsync {tmp_path.name}"]
