"""Starts ExaBGP, watches it, and starts it again when it has crashed or hangs. Never two at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from arm.exabgp import address, interpreter
from arm.exabgp.config import Speaker, configuration, environment
from arm.exabgp.lines import Lines
from arm.exabgp.pause import Pause
from arm.exabgp.pulse import ANSWER, QUESTION, Pulse, Verdict
from arm.model import ArmError

log = structlog.get_logger("exabgp")

START_TIMEOUT = 30.0  # seconds until ExaBGP must have handed over its pipe
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before each further restart
STABLE = 60.0  # seconds of life after which the back-off starts again


class Exabgp:
    """One supervised ExaBGP.

    `on_lines` gets the lines that ExaBGP writes, without newline; `on_down` is called once whenever it has
    gone, with the reason, before it is started again. Lines given to `send` while it is down are dropped:
    whoever sends must start from nothing after `on_down` anyway. `python` runs it; None: the best there is.
    """

    def __init__(
        self,
        speaker: Speaker,
        directory: Path,
        on_lines: Callable[[list[bytes]], None],
        on_down: Callable[[str], None],
        python: Path | None = None,
    ) -> None:
        self._speaker = speaker
        self._directory = directory
        self._on_lines = on_lines
        self._on_down = on_down
        self._wish = python
        self._process: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._lines: Lines | None = None
        self._pulse = Pulse(speaker.hold_time)
        self._half_answered = False
        self._pause: Pause | None = None  # None: not running
        self._lost: asyncio.Future[str] | None = None  # why ExaBGP must be started again
        self._task: asyncio.Task[None] | None = None
        self.python = sys.executable  # what runs it, once started
        self.restarts = 0

    async def start(self) -> None:
        """Start ExaBGP and its supervision; raises ArmError if the first start cannot work."""
        for session in (self._speaker.reflector, self._speaker.target):
            address.check(session)
        self.python = await interpreter.choose(self._wish)
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
        """Queue one API command; written as fast as ExaBGP reads. Each gets one answer."""
        if self._lines is not None:
            self._lines.send(line)

    @property
    def backlog(self) -> int:
        """Bytes of commands that ExaBGP has not read: do not give it more while there are many."""
        return self._lines.backlog if self._lines is not None else 0

    @property
    def supervised(self) -> bool:
        """Whoever restarts ExaBGP is alive itself."""
        return self._task is not None and not self._task.done()

    def look(self, up: bool, awaited: bool, now: float) -> None:
        """See to it that a BIRD that has come back does not have to wait for ExaBGP. Loop time.

        `up`: a session with BIRD is; `awaited`: BIRD would take a connection, and none is being made.
        """
        if self._pause is not None and self._pause.too_long(up, awaited, now):
            self._lose("pauses while BIRD waits for it")

    # --- life and death -----------------------------------------------------------------------------

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            born = loop.time()
            reason = await self._watch()
            await self._kill()
            self._on_down(f"ExaBGP {reason}")
            failures = 0 if loop.time() - born > STABLE else failures + 1
            while True:
                delay = BACKOFF[min(failures, len(BACKOFF) - 1)]
                log.warning("starting ExaBGP again", reason=reason, seconds=delay)
                await asyncio.sleep(delay)
                try:
                    await self._launch()
                except (ArmError, OSError) as error:
                    log.error("ExaBGP does not start", reason=str(error))
                    failures += 1
                else:
                    self.restarts += 1
                    break

    async def _watch(self) -> str:
        """Return when ExaBGP must be started again, with the reason."""
        assert self._lost is not None
        while True:
            await asyncio.wait({self._lost}, timeout=self._pulse.interval)
            if self._lost.done():
                return self._lost.result()
            verdict = self._pulse.look()
            if verdict is Verdict.HUNG:
                return "hangs"
            if verdict is Verdict.ASK:
                self.send(QUESTION)

    async def _launch(self) -> None:
        conf, env, path = (self._directory / name for name in ("exabgp.conf", "exabgp.env", "exabgp.sock"))
        _write(conf, configuration(self._speaker, f"{sys.executable} -m arm.exabgp.pipe {path}"))
        _write(env, environment(self._speaker))
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as listener:
            listener.bind(str(path))
            listener.listen(1)
            self._lost = asyncio.get_running_loop().create_future()
            self._process = await asyncio.create_subprocess_exec(
                *(self.python, "-m", "exabgp", "--env-file", str(env), "server", str(conf)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env=os.environ | interpreter.environment(),
                # Out of our process group: a Ctrl-C meant for ARM would make it send NOTIFICATIONs.
                start_new_session=True,
            )
            self._logging = asyncio.create_task(self._relay_log(self._process), name="exabgp log")
            try:
                await self._take_pipe(listener)
            except BaseException:
                await self._kill()
                raise
        log.info("ExaBGP runs", pid=self._process.pid, python=self.python)

    async def _take_pipe(self, listener: socket.socket) -> None:
        """Accept the pipe that `arm.exabgp.pipe` hands over."""
        assert self._lost is not None
        handed = asyncio.create_task(self._handover(listener))
        either: set[asyncio.Future[Any]] = {self._lost, handed}
        await asyncio.wait(either, timeout=START_TIMEOUT, return_when="FIRST_COMPLETED")
        if not handed.done():
            handed.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await handed
            raise ArmError("ExaBGP did not start", "see its messages above; try `arm check`")
        fds = handed.result()
        if len(fds) != 2:
            raise ArmError("ExaBGP did not hand over its pipe", "see its messages above")
        self._pulse, self._half_answered = Pulse(self._speaker.hold_time), False
        self._lines = Lines(fds[0], fds[1], self._take, self._lose)
        self._pause = Pause(asyncio.get_running_loop().time())
        assert self._control is not None
        # It only ever closes.
        asyncio.get_running_loop().add_reader(self._control, self._lose, "lost its pipe's process")

    async def _handover(self, listener: socket.socket) -> list[int]:
        """Both descriptors; fewer if their sender died."""
        loop = asyncio.get_running_loop()
        self._control, _ = await loop.sock_accept(listener)
        readable = asyncio.Event()
        loop.add_reader(self._control, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._control)
        self._control.setblocking(False)
        return socket.recv_fds(self._control, 64, 2)[1]

    def _lose(self, reason: str) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)

    async def _kill(self) -> None:
        self._pause = None
        if self._process is not None:
            # First of all: what sees its pipe close still has the time for a NOTIFICATION.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        if self._lines is not None:
            self._lines.close()
            self._lines = None
        if self._process is not None:
            await self._process.wait()
            await self._logging
            self._process = None

    async def _relay_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            text = line.decode(errors="replace").strip()
            if text:
                # Of a connection: each attempt that fails is worth a few lines to ExaBGP.
                tell = log.debug if text.startswith("outgoing-") else log.warning
                tell("ExaBGP says", line=text[-500:])
        self._lose("ended")

    # --- what it says -------------------------------------------------------------------------------

    def _take(self, lines: list[bytes]) -> None:
        self._pulse.heard()
        if self._pulse.asked:
            lines = [line for line in lines if not self._is_answer(line)]
        if lines:
            self._on_lines(lines)

    def _is_answer(self, line: bytes) -> bool:
        """Whether the line is for us: the version, and the `done` that follows."""
        if self._half_answered:
            self._half_answered = False
            self._pulse.answered()
            return line == b"done"
        self._half_answered = self._pulse.asked and line.startswith(ANSWER)
        return self._half_answered


def _write(path: Path, text: str) -> None:
    """Only what is new: on a full disk a restart must not lose what is there."""
    if not path.exists() or path.read_bytes() != text.encode():
        path.write_text(text)
