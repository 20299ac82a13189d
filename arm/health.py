"""Reasons why things are not well, each with the time since when and a remedy. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from arm.model import Concern, Family


@dataclass(frozen=True, slots=True)
class Finding:
    """A concern as it is found, before it is known since when."""

    name: str
    text: str
    remedy: str
    family: Family | None = None
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What is new since the last report."""

    raised: list[Concern]
    cleared: list[Concern]


class Health:
    """The current concerns, in the order found."""

    def __init__(self) -> None:
        self._concerns: dict[tuple[str, Family | None], Concern] = {}

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """Critical ones first, otherwise as reported."""
        return tuple(sorted(self._concerns.values(), key=lambda concern: not concern.critical))

    def report(self, findings: Iterable[Finding], now: float) -> Change:
        """Replace what is known by `findings`; a concern keeps its time while it lasts. `now`: Unix time."""
        old, new = self._concerns, {}
        for f in findings:
            known = old.get((f.name, f.family))
            since = known.since if known is not None else now
            new[f.name, f.family] = Concern(f.name, f.text, f.remedy, since, f.family, f.critical)
        self._concerns = new
        return Change(
            raised=[concern for key, concern in new.items() if key not in old],
            cleared=[concern for key, concern in old.items() if key not in new],
        )
