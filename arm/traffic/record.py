"""What the daemon saw, in a file, to be replayed with other settings. Here this room touches the disk.

The lines are those of `interval.py`. Each is a gzip member of its own, so complete as soon as it is written:
`zcat` shows the file at any time, a crash costs one line at most, and the next run can append.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import zlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from arm.model import ArmError
from arm.traffic.interval import HEADER, VERSION, Interval, read_line, version, write_line

LEVEL = 1  # of compression: the usual one makes it a sixth smaller, but takes ten times as long
GZIP = zlib.MAX_WBITS | 16  # how zlib calls the format
MEMBER = b"\x1f\x8b\x08\0\0\0\0\0"  # how gzip members begin that have no name and no time
CHUNK = 1 << 16  # octets that are read at once
TAIL = 1 << 24  # octets at the end of a file in which its last complete line is looked for


class Recorder:
    """Begins a recording, or appends to one. A line is with the kernel when `write` returns."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """`limit_bytes`: most that the file may have. ArmError if it is no recording or cannot be written."""
        self._path = path
        self._limit = limit_bytes
        self._stopped = False
        try:
            # Who sends how much where is not for everybody's eyes.
            self._file = FileIO(path, "a+", opener=lambda name, flags: os.open(name, flags, 0o640))
        except OSError as error:
            raise self._cannot_write(error) from None
        try:
            self._size = self._continue()
            if not self._size:
                self._append(HEADER)
        except ArmError:
            self._file.close()
            raise

    def write(self, interval: Interval) -> ArmError | None:
        """Append an interval. Returns an error, once, if that fails or the limit is reached: from then on
        nothing is written."""
        if self._stopped:
            return None
        try:
            self._append(write_line(interval))
        except ArmError as error:
            self.close()
            return error
        return None

    def close(self) -> None:
        """Write no more."""
        self._stopped = True
        with contextlib.suppress(OSError):  # it is closed all the same
            self._file.close()

    def _append(self, line: str) -> None:
        member = gzip.compress(line.encode() + b"\n", LEVEL, mtime=0)
        if self._size + len(member) > self._limit:
            raise ArmError(
                f"the recording {self._path} has reached its limit of {self._limit} bytes",
                "raise selection.record_limit or move the file away, and restart ARM",
            )
        left = memoryview(member)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            with contextlib.suppress(OSError):  # half a line would hide what is appended later
                self._file.truncate(self._size)
            raise self._cannot_write(error) from None
        self._size += len(member)

    def _continue(self) -> int:
        """The size of what is there, after a line that a crash left half written is cut off."""
        try:
            size = os.fstat(self._file.fileno()).st_size
            if not size:
                return 0
            _check_header(self._path, next(_lines(self._path), (1, b""))[1])
            begin = max(0, size - TAIL)
            with self._path.open("rb") as file:
                file.seek(begin)
                end = begin + self._sound(file.read(TAIL))
            if end < size:
                self._file.truncate(end)
        except OSError as error:
            raise self._cannot_write(error) from None
        return end

    def _sound(self, tail: bytes) -> int:
        """Where the last complete gzip member ends in a file's tail."""
        at = len(tail)
        while (at := tail.rfind(MEMBER, 0, at)) >= 0:
            member = zlib.decompressobj(GZIP)
            with contextlib.suppress(zlib.error):
                member.decompress(tail[at:])
            if member.eof:
                return len(tail) - len(member.unused_data)
        raise ArmError(
            f"{self._path} is damaged, or was compressed anew, and cannot be appended to",
            "move the file away, and restart ARM",
        )

    def _cannot_write(self, error: OSError) -> ArmError:
        return ArmError(
            f"cannot write the recording {self._path} ({error.strerror})",
            "make room or name another file in selection.record, and restart ARM",
        )


def read(path: Path) -> Iterator[Interval]:
    """The intervals of a recording, in the order in which they were written.

    A last line that is not complete is left out. ArmError, with file and line, for what cannot be understood.
    """
    for number, line in _lines(path):
        if number == 1:
            _check_header(path, line)
            continue
        try:
            yield read_line(line)
        except ValueError as error:
            raise ArmError(f"{path}, line {number}: {error}", "leave the line out, or record anew") from None


def _check_header(path: Path, line: bytes) -> None:
    try:
        found = version(line)
    except ValueError as error:
        raise ArmError(f"{path}, line 1: {error}", "name another file") from None
    if found != VERSION:
        problem = f"{path}, line 1: a recording of version {found}, this ARM knows version {VERSION}"
        raise ArmError(problem, "name another file, or use the ARM that made it")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The complete lines of a compressed file with their numbers, from 1."""
    number, rest = 0, b""
    try:
        with path.open("rb") as file:
            for text in _texts(file):
                *lines, rest = (rest + text).split(b"\n")
                for line in lines:
                    number += 1
                    yield number, line
    except zlib.error:
        problem = f"{path}, line {number + 1}: damaged, or not compressed with gzip"
        raise ArmError(problem, "name another file, or cut it off where it is damaged") from None
    except OSError as error:
        raise ArmError(f"cannot read {path} ({error.strerror})", "name a file that can be read") from None


def _texts(file: BinaryIO) -> Iterator[bytes]:
    """What a file's gzip members hold, piece by piece; of the last one what is there."""
    member, begun = zlib.decompressobj(GZIP), False
    while chunk := file.read(CHUNK):
        # A crash of the machine may leave zeros behind the last member.
        while chunk := chunk if begun else chunk.lstrip(b"\0"):
            yield member.decompress(chunk)
            begun, chunk = not member.eof, member.unused_data
            if not begun:
                member = zlib.decompressobj(GZIP)
