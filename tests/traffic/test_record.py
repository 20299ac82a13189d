"""Recordings: what is written is read, whatever becomes of the file's end; and what stops a recorder."""

from __future__ import annotations

import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import ArmError, Family
from arm.traffic.interval import Interval
from arm.traffic.record import Recorder, read
from tests.traffic.intervals import LIMIT, compress, intervals, one, plain, record


@contextmanager
def recording() -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        yield Path(directory) / "traffic.gz"


@settings(deadline=None)
@given(st.lists(intervals(), max_size=4), st.lists(intervals(), max_size=2))
def test_what_is_written_is_read(some: list[Interval], later: list[Interval]) -> None:
    with recording() as path:
        record(path, some)
        assert plain(list(read(path))) == plain(some)
        record(path, later)  # the next run appends
        assert plain(list(read(path))) == plain(some + later)


def test_an_interval_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "traffic.gz"
    keys, samples = np.array([0x20010DB8 << 32, 2**64 - 1], np.uint64), np.array([1, 2])
    record(path, [Interval(1764547200.25, Family.IPV6, 1.5, keys, samples * 64.5, samples * 1e3, samples)])
    (found,) = read(path)
    assert (found.time, found.family, found.seconds) == (1764547200.25, Family.IPV6, 1.5)
    assert (found.keys.tolist(), found.keys.dtype.name) == (keys.tolist(), "uint64")
    assert (found.octets.tolist(), found.octets.dtype.name) == ([64.5, 129.0], "float64")
    assert (found.packets.tolist(), found.packets.dtype.name) == ([1000.0, 2000.0], "float64")
    assert (found.samples.tolist(), found.samples.dtype.name) == ([1, 2], "int64")


def test_it_is_written_at_once_and_not_for_everybody(tmp_path: Path) -> None:
    path = tmp_path / "traffic.gz"
    recorder = Recorder(path, LIMIT)
    for time in range(3):
        assert recorder.write(one(time)) is None
        assert [interval.time for interval in read(path)] == list(range(time + 1))
    assert not stat.S_IMODE(path.stat().st_mode) & 0o007
    recorder.close()
    assert recorder.write(one(3)) is None
    assert len(list(read(path))) == 3, "closed is closed"


def test_a_file_compressed_anew_can_be_read(tmp_path: Path) -> None:
    """People unpack recordings and cut them."""
    path = tmp_path / "traffic.gz"
    compress(path, *plain([one(1, 8000), one(2)]))
    assert plain(list(read(path))) == plain([one(1, 8000), one(2)])


# --- an end that is not complete --------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(intervals(), max_size=3), st.data())
def test_a_truncated_file_is_read_up_to_there(some: list[Interval], data: st.DataObject) -> None:
    with recording() as path:
        sizes = record(path, some)
        size = data.draw(st.integers(0, sizes[-1]))
        path.write_bytes(path.read_bytes()[:size])
        complete = sum(each <= size for each in sizes[1:])
        # The text of a line may be there before its checksum is.
        assert plain(list(read(path))) in (plain(some[:complete]), plain(some[: complete + 1]))


@pytest.mark.parametrize("chunk", [1, 5, 1 << 16])
def test_zeros_behind_an_interval_do_no_harm(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file system may leave after a power cut; and members need not end where a read does."""
    monkeypatch.setattr("arm.traffic.record.CHUNK", chunk)
    path = tmp_path / "traffic.gz"
    sizes = record(path, [one(1), one(2), one(3)])
    content = path.read_bytes()
    path.write_bytes(content[: sizes[2]] + bytes(999) + content[sizes[2] :] + bytes(1))
    assert plain(list(read(path))) == plain([one(1), one(2), one(3)])


@settings(deadline=None)
@given(st.lists(intervals(), max_size=3), intervals(), st.data())
def test_the_next_run_mends_the_end(some: list[Interval], later: Interval, data: st.DataObject) -> None:
    with recording() as path:
        sizes = record(path, some)
        size = data.draw(st.integers(sizes[0], sizes[-1]))
        zeros = data.draw(st.sampled_from((0, 1, 4096)))  # what a file system may leave after a power cut
        whole = path.read_bytes()
        broken = whole[:size] + bytes(zeros)
        path.write_bytes(broken)
        record(path, [later])
        complete = sum(broken[:each] == whole[:each] for each in sizes[1:])  # the last octets may be zeros
        assert plain(list(read(path))) == plain([*some[:complete], later])


def test_mending_reads_no_more_than_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "traffic.gz"
    sizes = record(path, [one(time, 500) for time in range(9)])
    monkeypatch.setattr("arm.traffic.record.TAIL", sizes[-1] - sizes[-3])
    path.write_bytes(path.read_bytes()[:-9])
    record(path, [one(9)])
    assert [interval.time for interval in read(path)] == [0, 1, 2, 3, 4, 5, 6, 7, 9]


# --- what stops a recorder --------------------------------------------------------------------------------


def test_the_limit_stops_it_once(tmp_path: Path) -> None:
    path = tmp_path / "traffic.gz"
    sizes = record(path, [one(1, 100)])
    recorder = Recorder(path, sizes[-1] + 200)
    assert recorder.write(one(2)) is None
    error = recorder.write(one(3, 100))
    assert isinstance(error, ArmError)
    assert f"{path} has reached its limit of {sizes[-1] + 200} bytes" in error.problem
    assert "selection.record_limit" in error.remedy
    assert recorder.write(one(4)) is None, "told once, and nothing is written although it would fit"
    assert plain(list(read(path))) == plain([one(1, 100), one(2)])
    with pytest.raises(ArmError, match="limit"):
        Recorder(tmp_path / "tiny.gz", 10)


def test_a_full_disk_stops_it_once_and_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "traffic.gz"
    recorder = Recorder(path, LIMIT)
    assert recorder.write(one(1)) is None
    size = path.stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))  # the kernel takes 100 octets more
    try:
        error = recorder.write(one(2, 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(error, ArmError)
    assert error.problem == f"cannot write the recording {path} (File too large)"
    assert path.stat().st_size == size
    assert recorder.write(one(3)) is None
    record(path, [one(4)])
    assert [interval.time for interval in read(path)] == [1, 4]


def test_a_disk_that_is_full_from_the_start() -> None:
    with pytest.raises(ArmError, match=r"cannot write the recording /dev/full \(No space left on device\)"):
        Recorder(Path("/dev/full"), LIMIT)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match=r"No such file or directory"):
        Recorder(tmp_path / "nowhere" / "traffic.gz", LIMIT)
    with pytest.raises(ArmError, match=r"Is a directory"):
        Recorder(tmp_path, LIMIT)
