"""Files that are no recordings, or were: every fault is named with file and line."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import ArmError
from arm.traffic.interval import Interval, write_line
from arm.traffic.record import Recorder, read
from tests.traffic.intervals import LIMIT, compress, intervals, one, plain, record

GOOD: dict[str, Any] = json.loads(write_line(one(1, 2)))


def text(**changes: Any) -> str:
    return json.dumps(GOOD | changes)


BROKEN = {
    "": "Expecting value",
    "garbage": "Expecting value",
    text()[:-1]: "Expecting",
    "[" * 100_000: "nested too deeply",
    "\xff\xfe": "",
    "[]": "not a JSON object",
    text(family=5): "family is neither 4 nor 6",
    text(family=[4]): "family is neither 4 nor 6",
    text(time="noon"): "time is not a number from 0",
    text(time=-1): "time is not a number from 0",
    text(time=True): "time is not a number from 0",
    text(seconds=float("nan")): "seconds is not a number from 0",
    text(seconds=10**400): "seconds is not a number from 0",
    text(keys=None): "keys is not a list of addresses of 8 hexadecimal digits",
    text(keys=[1, 2]): "keys is not a list",
    text(keys={"cb007100": 1, "cb007101": 1}): "keys is not a list",
    text(keys=["203.0.11", "203.0.12"]): "keys is not a list",
    text(keys=["cb0071 0", "cb007101"]): "keys is not a list",
    text(keys=["      00", "      00"]): "keys is not a list",
    text(keys=["cb007100cb007101"]): "keys is not a list",
    text(family=6): "keys is not a list of addresses of 16 hexadecimal digits",
    text(octets=[1]): "octets is not a list of as many numbers as there are keys",
    text(octets=[[1], [2]]): "octets is not a list of as many",
    text(octets=[[1], [2, 3]]): "octets is not a list of as many",
    text(octets="12"): "octets is not a list of as many",
    text(packets=["1", "2"]): "packets has what is not a number from 0",
    text(packets=[1, -1]): "packets has what is not a number from 0",
    text(packets=[1, float("inf")]): "packets has what is not a number from 0",
    text(packets=[1, 10**400]): "packets",
    text(packets=[1.0, 10**400]): "packets",
    text(samples=[1, 1.5]): "samples has what is not a whole number from 0",
    text(samples=[True, False]): "samples has what is not a whole number from 0",
    text(samples=[1, 2**64]): "samples has what is not a whole number from 0",
}


@pytest.mark.parametrize("line", BROKEN, ids=lambda line: line[:20] + BROKEN[line])
def test_a_broken_line_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "traffic.gz"
    compress(path, text(), line, text())
    found = read(path)
    assert next(found).time == 1.0
    with pytest.raises(ArmError) as raised:
        next(found)
    assert raised.value.problem.startswith(f"{path}, line 3: ")
    assert BROKEN[line] in raised.value.problem


def test_the_good_line_is_good(tmp_path: Path) -> None:
    path = tmp_path / "traffic.gz"
    compress(path, text(), text(keys=[], octets=[], packets=[], samples=[]), text(octets=[1, 2]))
    assert [len(interval.keys) for interval in read(path)] == [2, 0, 2]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"time,family\n", "line 1: damaged, or not compressed with gzip"),
        (gzip.compress(b"10.0.0.0/8\t192.0.2.1\n"), "line 1: not a recording of traffic"),
        (gzip.compress(b"[]\n"), "line 1: not a recording of traffic"),
        (gzip.compress(b'{"recording":2}\n'), "line 1: a recording of version 2, this ARM knows version 1"),
    ],
)
def test_what_is_no_recording_is_neither_read_nor_touched(
    content: bytes, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "table.gz"
    path.write_bytes(content)
    for attempt in (lambda: list(read(path)), lambda: Recorder(path, LIMIT)):
        with pytest.raises(ArmError) as raised:
            attempt()
        assert raised.value.problem.startswith(f"{path}, {problem}")
    assert path.read_bytes() == content


def test_what_was_compressed_anew_is_not_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "traffic.gz"
    compress(path, text())
    before = path.read_bytes()
    with pytest.raises(ArmError, match="cannot be appended to"):
        Recorder(path, LIMIT)
    assert path.read_bytes() == before


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match=r"cannot read .*nothing\.gz \(No such file or directory\)"):
        list(read(tmp_path / "nothing.gz"))


def test_an_empty_file_has_nothing(tmp_path: Path) -> None:
    """A recorder was stopped before its first word."""
    path = tmp_path / "traffic.gz"
    path.touch()
    assert list(read(path)) == []


def is_garbage(content: bytes) -> bool:
    """Not the beginning of a recording, nor zeros."""
    return len(content.lstrip(b"\0")) > 1 and not content.lstrip(b"\0").startswith(b"\x1f\x8b")


@settings(deadline=None)
@given(st.binary(min_size=2).filter(is_garbage))
def test_garbage_is_no_recording(content: bytes) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "garbage"
        path.write_bytes(content)
        with pytest.raises(ArmError, match="line 1: "):
            list(read(path))


@settings(deadline=None)
@given(st.lists(intervals(), min_size=1, max_size=3), st.data())
def test_a_damaged_file_gives_nothing_that_was_not_recorded(
    some: list[Interval], data: st.DataObject
) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "traffic.gz"
        record(path, some)
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        found: list[Interval] = []
        with contextlib.suppress(ArmError):
            for interval in read(path):
                found.append(interval)  # noqa: PERF402 - what came before an error counts
        assert plain(found) == plain(some[: len(found)])
