"""What a restart begins with: read once, then saved every few seconds beside the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from arm.history_record import Record
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
        self.record = Record(self.found.sections if self.found is not None else {})
        for fault in self.record.faults:
            log.warning(fault)

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
        """Save if it is time to. What there is to save exists once a table has been learned."""
        if self._saved_at is None:
            self._saved_at = now  # at first there is nothing that would be worth more than the file
        due = now - self._saved_at >= self.interval and (self._task is None or self._task.done())
        if due and any(map(tables.feed.complete, Family)):
            self._saved_at = now
            self._task = asyncio.create_task(self._save(self._picture(tables)), name="save")

    async def finish(self, tables: Tables) -> None:
        """A last save, at the end."""
        if self._task is not None:
            await self._task
        if any(map(tables.feed.complete, Family)):
            await self._save(self._picture(tables))

    def _picture(self, tables: Tables) -> Callable[[], Saved]:
        """What there is to save now. It is put together where nobody waits: of 40,000 entries that takes a
        while."""
        parts = {family: self._family(family, tables) for family in Family}
        moment, record = time.time(), self.record.sections()
        return lambda: Saved(moment, {family: part() for family, part in parts.items()}, record())

    def _family(self, family: Family, tables: Tables) -> Callable[[], SavedFamily]:
        """What is not known yet in this run is what the earlier one knew."""
        found = SavedFamily()
        if self.found is not None:
            found = self.found.families.get(family, found)
        complete, memory = tables.feed.complete(family), tables.loops[family].meter.dump()
        routes = len(tables.feed.table(family)) if complete else found.routes
        if not tables.speaker.may_speak(family):
            return lambda: SavedFamily(found.entries, memory, routes)
        entries = [*tables.speaker.wanted(family).values()]
        return lambda: SavedFamily(tuple(map(SavedEntry.of, entries)), memory, routes)

    async def _save(self, picture: Callable[[], Saved]) -> None:
        before, self.error = self.error, await asyncio.to_thread(_write, self._directory, picture)
        if self.error is not None and before is None:
            log.error(self.error.problem, remedy=self.error.remedy)
        elif self.error is None and before is not None:
            log.info("state is saved again")


def _write(directory: Path, picture: Callable[[], Saved]) -> ArmError | None:
    return save(directory, picture())
