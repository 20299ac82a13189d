"""What takes too long for the event loop is made in another thread, and taken over here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

log = structlog.get_logger("arm")

_Made = TypeVar("_Made")

_running: set[asyncio.Task[None]] = set()  # the event loop itself only remembers tasks weakly


def beside(make: Callable[[], _Made], take: Callable[[_Made], None]) -> None:
    """Call `make` in another thread, then `take` with its result in the event loop."""

    async def both() -> None:
        try:
            take(await asyncio.to_thread(make))
        except Exception:  # a fault of ARM's own: what it was for stays as it is
            log.exception("work beside the event loop failed")

    task = asyncio.create_task(both(), name="beside")
    _running.add(task)
    task.add_done_callback(_running.discard)
