"""What a restart begins with: read once, then saved every few seconds beside the event loop."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import structlog

from arm.model import ArmError, Family
from arm.routing import Tables
from arm.state.file import load, save
from arm.state.saved import Saved, SavedEntry, SavedFamily

log = structlog.get_logger("arm")


class Keeper:
    """`found` is what an earlier run saved, if it did."""

    def __init__(self, directory: Path, interval: float) -> None:
        self._directory = directory
        self.interval = interval  # seconds between saves
        self._saved_at: float | None = None  # loop time
        self._task: asyncio.Task[None] | None = None
        self.error: ArmError | None = None  # why the last save failed
        self.found, error = load(directory)
        if error is not None:
            log.warning(error.problem, remedy=error.remedy)

    def routes(self, family: Family) -> int | None:
        """Routes of the table of the earlier run."""
        return self.found.families[family].routes if self.found and family in self.found.families else None

    def restore(self, tables: Tables, now: float) -> None:
        """Let the meters go on where those of the earlier run were."""
        if self.found is None:
            return
        age = self.found.age(time.time())
        for family, saved in self.found.families.items():
            if saved.memory is not None:
                tables.loops[family].meter.restore(saved.memory, age, now)
        log.info("going on from an earlier run", seconds_ago=round(age))

    def tick(self, tables: Tables, now: float) -> None:
        """Save if it is time to. What there is to save exists once the table has been learned."""
        if self._saved_at is None:
            self._saved_at = now  # at first there is nothing that would be worth more than the file
        due = now - self._saved_at >= self.interval and (self._task is None or self._task.done())
        if due and all(not tables.feed.learning(family) for family in Family):
            self._saved_at = now
            self._task = asyncio.create_task(self._save(self._picture(tables)), name="save")

    async def finish(self, tables: Tables) -> None:
        """A last save, at the end."""
        if self._task is not None:
            await self._task
        if all(len(tables.feed.table(family)) for family in Family):
            await self._save(self._picture(tables))

    def _picture(self, tables: Tables) -> Saved:
        families = {
            family: SavedFamily(
                tuple(map(SavedEntry.of, tables.speaker.wanted(family).values())),
                loop.meter.dump(),
                len(tables.feed.table(family)),
            )
            for family, loop in tables.loops.items()
        }
        return Saved(time.time(), families)

    async def _save(self, saved: Saved) -> None:
        before, self.error = self.error, await asyncio.to_thread(save, self._directory, saved)
        if self.error is not None and before is None:
            log.error(self.error.problem, remedy=self.error.remedy)
        elif self.error is None and before is not None:
            log.info("state is saved again")
