"""Starts ExaBGP, watches it, and carries lines to and from it without ever blocking."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

import structlog

from arm.exabgp.config import Session, Speaker, configuration, environment
from arm.model import ArmError, Family

log = structlog.get_logger("exabgp")

START_TIMEOUT = 30.0  # seconds until ExaBGP must have handed over its pipe
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before each further restart
STABLE = 60.0  # seconds of life after which the back-off starts again
READ_SIZE = 1 << 18  # bytes per read: a few milliseconds of parsing, so that other work gets its turn
# ExaBGP asks DNS for its own name as it starts, which must not take long where no resolver is in reach.
_ENVIRONMENT = {"RES_OPTIONS": "timeout:1 attempts:1"}
PIPE_SIZE = 1 << 20  # the largest that Linux grants without privileges


class Exabgp:
    """One supervised ExaBGP.

    `on_lines` gets the lines that ExaBGP writes, without newline; `on_down` is called once whenever it has
    gone, before it is started again. Lines given to `send` while it is down are dropped: whoever sends must
    start from nothing after `on_down` anyway.
    """

    def __init__(
        self,
        speaker: Speaker,
        directory: Path,
        on_lines: Callable[[list[bytes]], None],
        on_down: Callable[[str], None],
    ) -> None:
        self._speaker = speaker
        self._directory = directory
        self._on_lines = on_lines
        self._on_down = on_down
        self._process: asyncio.subprocess.Process | None = None
        self._reader = -1
        self._writer = -1
        self._partial = b""
        self._queue: deque[bytes] = deque()
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0

    async def start(self) -> None:
        """Start ExaBGP and its supervision; raises ArmError if the first start cannot work."""
        for session in (self._speaker.reflector, self._speaker.target):
            _check_port(session, self._speaker.port)
        await self._launch()
        self._task = asyncio.create_task(self._supervise(), name="exabgp")

    async def stop(self) -> None:
        """End ExaBGP without a NOTIFICATION: BIRD keeps ARM's routes (graceful restart)."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._kill()

    def send(self, line: str) -> None:
        """Queue one API command; written as fast as ExaBGP reads."""
        if self._writer < 0:
            return
        self._queue.append(line.encode("ascii") + b"\n")
        if len(self._queue) == 1:
            asyncio.get_running_loop().add_writer(self._writer, self._write)

    # --- life and death -----------------------------------------------------------------------------

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            born = loop.time()
            await self._lost.wait()
            await self._kill()
            self._on_down("ExaBGP ended")
            failures = 0 if loop.time() - born > STABLE else failures + 1
            while True:
                delay = BACKOFF[min(failures, len(BACKOFF) - 1)]
                log.warning("ExaBGP ended, starting it again", seconds=delay)
                await asyncio.sleep(delay)
                try:
                    await self._launch()
                except (ArmError, OSError) as error:
                    log.error("ExaBGP does not start", reason=str(error))
                    failures += 1
                else:
                    self.restarts += 1
                    break

    async def _launch(self) -> None:
        conf, env, path = (self._directory / name for name in ("exabgp.conf", "exabgp.env", "exabgp.sock"))
        pipe_command = f"{sys.executable} -m arm.exabgp.pipe {path}"
        conf.write_text(configuration(self._speaker, pipe_command))
        env.write_text(environment(self._speaker))
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as listener:
            listener.bind(str(path))
            listener.listen(1)
            command = [sys.executable, "-m", "exabgp", "--env-file", str(env), "server", str(conf)]
            self._lost = asyncio.Event()
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=os.environ | _ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
                # Out of our process group: a Ctrl-C meant for ARM would make it send NOTIFICATIONs.
                start_new_session=True,
            )
            self._logging = asyncio.create_task(self._relay_log(self._process), name="exabgp log")
            try:
                await self._take_pipe(listener)
            except BaseException:
                await self._kill()
                raise
        log.info("ExaBGP runs", pid=self._process.pid)

    async def _take_pipe(self, listener: socket.socket) -> None:
        """Accept the pipe that `arm.exabgp.pipe` hands over."""
        loop = asyncio.get_running_loop()
        lost = asyncio.create_task(self._lost.wait())
        accept = asyncio.create_task(loop.sock_accept(listener))
        done, rest = await asyncio.wait({lost, accept}, timeout=START_TIMEOUT, return_when="FIRST_COMPLETED")
        for task in rest:
            task.cancel()
        if accept not in done:
            raise ArmError("ExaBGP did not start", "see its messages above; try `arm check`")
        self._control = accept.result()[0]
        self._control.setblocking(True)  # the descriptors follow at once
        _, fds, _, _ = socket.recv_fds(self._control, 64, 2)
        self._control.setblocking(False)
        self._reader, self._writer = fds
        for fd in fds:
            os.set_blocking(fd, False)
            with contextlib.suppress(OSError):  # a smaller pipe is only slower
                fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self._partial = b""
        loop.add_reader(self._reader, self._read)
        loop.add_reader(self._control, self._lost.set)  # it only ever closes

    async def _kill(self) -> None:
        loop = asyncio.get_running_loop()
        if self._reader >= 0:
            loop.remove_reader(self._reader)
            loop.remove_writer(self._writer)
            loop.remove_reader(self._control)
            os.close(self._reader)
            os.close(self._writer)
            self._control.close()
            self._reader = self._writer = -1
        self._queue.clear()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            await self._logging
            self._process = None

    async def _relay_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            text = line.decode(errors="replace").strip()
            if text:
                log.warning("ExaBGP says", line=text[-500:])
        self._lost.set()

    # --- the pipe -----------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            chunk = os.read(self._reader, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._reader)
            self._lost.set()
            return
        lines = (self._partial + chunk).split(b"\n")
        self._partial = lines.pop()
        if lines:
            self._on_lines(lines)

    def _write(self) -> None:
        try:
            while self._queue:
                line = self._queue[0]
                count = os.write(self._writer, line)
                if count < len(line):
                    self._queue[0] = line[count:]
                    return
                self._queue.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._queue.clear()  # the reader notices the end too
        asyncio.get_running_loop().remove_writer(self._writer)


def _check_port(session: Session, port: int) -> None:
    """Find out before ExaBGP does, because we can say what to do about it."""
    with socket.socket(Family.of(session.local_ip).af, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((session.local_ip, port))
            probe.listen(1)
        except OSError as error:
            remedy = {
                errno.EADDRINUSE: "stop the program that uses it, or set bgp.port here and in BIRD",
                errno.EACCES: "set bgp.port to 1024 or more, here and in BIRD",
                errno.EADDRNOTAVAIL: f"set {session.name}.local_ip to an address of this machine",
            }.get(error.errno or 0, "check bgp.port and the sessions' local_ip")
            raise ArmError(
                f"cannot listen for BGP on {session.local_ip} port {port} ({error.strerror})", remedy
            ) from None
