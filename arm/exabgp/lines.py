"""The two ends of ExaBGP's pipe as lines, without ever blocking and without growing without bound."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections import deque
from collections.abc import Callable

READ_SIZE = 1 << 16  # bytes per read: some 15 ms if they are all prefixes, so that other work gets its turn
PIPE_SIZE = 1 << 20  # the largest that Linux grants without privileges
LONGEST_LINE = 16 << 20  # bytes; the largest UPDATE (RFC 8654) makes about one million
LARGEST_BACKLOG = 4 << 20  # bytes; more is not back pressure any more, but something that nobody reads


class Lines:
    """Takes over both descriptors until `close`.

    `on_lines` gets what arrives, without newlines; `on_end` is called at most once, with the reason, when
    the other side is gone or breaks a bound.
    """

    def __init__(
        self,
        reader: int,
        writer: int,
        on_lines: Callable[[list[bytes]], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader, self._writer = reader, writer
        self._on_lines, self._on_end = on_lines, on_end
        self._partial = b""
        self._queue: deque[bytes] = deque()
        self._ended = False
        self.backlog = 0  # bytes that the other side has not taken yet
        for fd in (reader, writer):
            os.set_blocking(fd, False)
            with contextlib.suppress(OSError):  # a smaller pipe is only slower
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self._loop.add_reader(reader, self._read)

    def send(self, line: str) -> None:
        """Queue one line; written as fast as it is read."""
        if self._ended:
            return
        self._queue.append(line.encode("ascii") + b"\n")
        self.backlog += len(self._queue[-1])
        if self.backlog > LARGEST_BACKLOG:
            self._end("does not read its commands")
        elif len(self._queue) == 1:
            self._loop.add_writer(self._writer, self._write)

    def close(self) -> None:
        self._ended = True
        self._stop()
        os.close(self._reader)
        os.close(self._writer)

    def _read(self) -> None:
        try:
            chunk = os.read(self._reader, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._end("closed its pipe")
            return
        lines = (self._partial + chunk).split(b"\n")
        self._partial = lines.pop()
        if len(self._partial) > LONGEST_LINE:
            self._end("writes a line without end")
        if lines:
            self._on_lines(lines)

    def _write(self) -> None:
        try:
            while self._queue:
                line = self._queue[0]
                count = os.write(self._writer, line)
                self.backlog -= count
                if count < len(line):
                    self._queue[0] = line[count:]
                    return
                self._queue.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._end("closed its pipe")
        self._loop.remove_writer(self._writer)

    def _end(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            self._stop()
            self._on_end(reason)

    def _stop(self) -> None:
        self._loop.remove_reader(self._reader)
        self._loop.remove_writer(self._writer)
        self._queue.clear()
        self._partial = b""
        self.backlog = 0
