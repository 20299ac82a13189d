"""An operator's desk over a configuration and a table that are plain values."""

from __future__ import annotations

from pathlib import Path

from arm.config import Config, parse
from arm.history_log import EventLog
from arm.model import Prefix
from arm.operating import Operator, Wiring
from arm.reload import Outcome
from tests.config.build import REQUIRED

TOKEN = "0123456789abcdef0123"


class Desk:
    """`applied` counts how often the rules were told; `outcome` is what a reload comes to."""

    def __init__(self, directory: Path, **sections: object) -> None:
        self.config: Config = parse(REQUIRED | sections)
        self.applied = 0
        self.table = {Prefix("20.0.0.0/16")}
        self.outcome = Outcome(self.config)
        self.log = EventLog()
        self.operator = Operator(
            directory,
            Wiring(lambda: self.config, self._apply, lambda: self.outcome, self.table.__contains__, self.log),
        )

    def _apply(self) -> None:
        self.applied += 1

    def said(self) -> list[str]:
        """The events, the newest first."""
        return [event.text for event in self.log.latest()]


def token_file(directory: Path) -> Path:
    path = directory / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o640)
    return path
