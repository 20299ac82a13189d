"""The log: one line per event on stderr, `time [level] event key=value ...`, times in UTC.

A traceback follows its event's line; it means a fault in ARM itself. Under systemd the journal has its own
clock, so ARM leaves the time out.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Hashable
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor

LEVELS: Final = ("debug", "info", "warning", "error")


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send ARM's own events and those of its libraries from `level` up to `stream` (stderr)."""
    stream = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    stamp: list[Processor] = []
    if "JOURNAL_STREAM" not in os.environ:
        stamp = [structlog.processors.TimeStamper(fmt="iso", utc=True)]
    shared: list[Processor] = [structlog.processors.add_log_level, *stamp, one_line]
    # No padding of events (first argument, whose name differs between versions): keys follow at once.
    render = structlog.dev.ConsoleRenderer(
        0, colors=stream.isatty(), sort_keys=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,  # loggers made before this call follow it too
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)


def printable(text: str) -> str:
    """`text` on one line, without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def one_line(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Values may come from the network: none may start a line of its own or pass for another key."""
    for key, value in event.items():
        if key in ("exc_info", "stack_info") or key.startswith("_"):
            continue  # structlog's own, for the renderer
        text = printable(str(value))
        event[key] = text if key in ("event", "level", "timestamp") else _Shown(text)
    return event


class _Shown:
    """A value that renders as it is: structlog's own quoting of text differs between its versions."""

    def __init__(self, text: str) -> None:
        plain = text and not any(character in " '\"=" for character in text)
        self.text = text if plain else '"' + text.replace('"', '\\"') + '"'

    def __repr__(self) -> str:
        return self.text


class RateLimit:
    """Lets one event per key through every `per_seconds` and counts the rest.

    Holds at most `keys` keys; the one let through longest ago is forgotten first, as it is the nearest to
    being let through again.
    """

    def __init__(self, per_seconds: float, keys: int = 1000) -> None:
        self.per_seconds = per_seconds
        self.keys = keys
        self._passed: dict[Hashable, tuple[float, int]] = {}  # oldest first: (when, suppressed since)

    def __len__(self) -> int:
        return len(self._passed)

    def allow(self, key: Hashable, now: float) -> int | None:
        """How many were suppressed since the last one let through; None: suppress this one as well.

        `now` is in seconds. If it goes back, the event is let through: a log too long beats silence.
        """
        when, suppressed = self._passed.get(key, (None, 0))
        if when is not None and 0 <= now - when < self.per_seconds:
            self._passed[key] = (when, suppressed + 1)
            return None
        self._passed.pop(key, None)
        self._passed[key] = (now, 0)
        if len(self._passed) > self.keys:
            del self._passed[next(iter(self._passed))]
        return suppressed
