"""Which platform this is, and the watch that asks it in a thread, so that the event loop never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from shutil import which

import structlog

from arm.fib import cumulus, sonic
from arm.fib.cumulus import Cumulus
from arm.fib.devlink import Devlink
from arm.fib.hardware import Platform, Reading
from arm.fib.sonic import Sonic
from arm.model import ArmError

log = structlog.get_logger("hardware")


class Unasked:
    """A platform that is there, but cannot be asked."""

    interval = 3600.0  # seconds: nothing but a restart changes it

    def __init__(self, name: str, error: ArmError) -> None:
        self.name = name
        self._error = error

    def read(self) -> Reading:
        """Always the error."""
        raise self._error

    def close(self) -> None:
        """There is nothing to close."""


def platform(word: str) -> Platform | None:
    """The platform of `fib.hardware`; None where nobody can be asked. Blocks for a moment.

    ArmError if it was named and cannot be; with "auto" that is what every reading says.
    """
    if word == "sonic":
        return Sonic()
    if word == "cumulus":
        return Cumulus()
    if word == "devlink":
        return Devlink()
    if word != "auto":
        return None
    if sonic.DATABASES.exists():
        try:
            return Sonic()
        except ArmError as error:
            return Unasked(Sonic.name, error)
    if cumulus.PROGRAM.exists():
        return Cumulus()
    return _devlink()


def _devlink() -> Platform | None:
    """devlink, if it has a device with a FIB."""
    if which("devlink") is None:
        return None
    found = Devlink()
    try:
        return found if found.read().usage else None
    except ArmError:
        return None


class HardwareWatch:
    """Asks until cancelled. `on_reading` for every answer, in parts; `on_error` when there is none any more,
    and when the reason changes. Both are called by the event loop."""

    def __init__(
        self,
        asked: Platform,
        on_reading: Callable[[Reading], None],
        on_error: Callable[[ArmError], None],
    ) -> None:
        self._platform = asked
        self._on_reading = on_reading
        self._on_error = on_error
        self._error: str | None = None

    async def run(self) -> None:
        """Ask for ever."""
        log.info("hardware", platform=self._platform.name)
        try:
            while True:
                try:
                    reading = await asyncio.to_thread(self._platform.read)
                except ArmError as error:
                    self._failed(error)
                except Exception as error:  # a fault of ARM's own must not end the watch
                    log.exception("reading the hardware failed")
                    self._failed(ArmError(f"reading the hardware failed ({error!r})", "report it"))
                else:
                    self._error = None
                    for part in reading.parts():
                        self._on_reading(part)
                        await asyncio.sleep(0)
                await asyncio.sleep(self._platform.interval)
        finally:
            self._platform.close()

    def _failed(self, error: ArmError) -> None:
        if self._error != str(error):
            self._error = str(error)
            self._on_error(error)
