"""A picture, and a small world of its own that can be asked all that only the rooms know."""

from __future__ import annotations

from typing import Any

from tests.explaining import ExplainingDaemon
from tests.web.picture import FakeSource

ASKED = ("explain", "curve", "map", "entries", "peers", "plan")  # methods of the board


class WithRooms(FakeSource):
    """Of IPv4 it knows traffic, an entry and routes; nothing of IPv6."""

    def __init__(self, *picture: Any) -> None:
        super().__init__(*picture)
        daemon = ExplainingDaemon()
        daemon.install("20.0.0.0/16", 1)
        daemon.tick({"20.0.0.1": 6000.0})
        daemon.tick({"20.0.0.1": 6000.0})
        for name in ASKED:
            setattr(self, name, getattr(daemon.board, name))
