"""The past of one run and of those before it: what is kept each tick, saved, and gone on with. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from arm import history_file, history_log, history_shares_file
from arm.history import History
from arm.history_figures import NAMES, Rates, Totals, figures
from arm.history_log import EventLog
from arm.history_shares import Shares
from arm.model import Family, Ranking, Status


class Record:
    """`faults`: in words, why something that was saved could not be used; it begins anew then."""

    def __init__(self, sections: Mapping[str, bytes]) -> None:
        """`sections` of the file that survives restarts; those of others are passed over."""
        self.faults: list[str] = []
        self.history, self.log, self.shares = History(NAMES), EventLog(), Shares()
        self._rates = Rates()
        try:
            if (saved := sections.get(history_file.SECTION)) is not None:
                self.history = history_file.from_bytes(saved, NAMES)
        except ValueError as error:
            self.faults.append(f"the history of earlier runs cannot be used: {error}")
        try:
            if (saved := sections.get(history_log.SECTION)) is not None:
                self.log = EventLog(history_log.from_bytes(saved))
        except ValueError as error:
            self.faults.append(f"the events of earlier runs cannot be used: {error}")

        try:
            if (saved := sections.get(history_shares_file.SECTION)) is not None:
                self.shares = history_shares_file.from_bytes(saved)
        except ValueError as error:
            self.faults.append(f"the traffic by AS of earlier runs cannot be used: {error}")

    def take(
        self, status: Status, totals: Totals, rankings: Mapping[Family, Mapping[str, Ranking]], now: float
    ) -> None:
        """The figures of a tick; `now` in seconds of a clock that does not leap."""
        self.history.add(status.time, figures(status, totals, self._rates, now))
        self.shares.add(status.time, rankings)

    def sections(self) -> Callable[[], dict[str, bytes]]:
        """What there is to save now. What is called to get it may be called in another thread."""
        past, events = history_file.to_bytes(self.history), self.log.latest()
        shares = history_shares_file.to_bytes(self.shares)
        return lambda: {
            history_file.SECTION: past,
            history_log.SECTION: history_log.to_bytes(events),
            history_shares_file.SECTION: shares,
        }
