"""Reasons to hold a family's choice still, and when each of them ends. Pure.

| reason          | its cause                                                                 | longest    |
|-----------------|---------------------------------------------------------------------------|------------|
| sflow-silent    | no datagram, or no sample, for longer than `sflow_silence`                | -          |
| sflow-collapsed | samples a second fell by more than `traffic_drop` of what was usual       | `patience` |
| reflector-down  | the session that BIRD's table is learned from is down                     | -          |
| netlink-lost    | what the kernel has is not known                                          | -          |
| check-failed    | the last choice failed its proof                                          | -          |
| shrunken-table  | the table has lost more than `table_drop` of the routes that it had       | `patience` |
| shrunken-choice | the last choice has fewer entries by more than `choice_drop` than present | `patience` |
| hardware-full   | the hardware refuses entries                                              | a back-off |

Rules above the table: every reason ends by itself, `HOLD` after its cause did, so that none flaps. A drop may
be meant: an operator has parted with a peer, or customers have left. So one that lasts for `patience` is the
new normal. Silence never is: who measures nothing does not know what may go.

A few routes or entries come and go by chance: from fewer than `FEW` no drop is judged.

Times are those of the steady clock (timers.py): a leap of the real one ends no reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from arm.freeze.samples import Samples
from arm.freeze.timers import Backoff, Watch

HOLD = 5.0  # seconds that a reason outlives its cause
FEW = 100  # routes or entries

_SESSION = "BIRD connects by itself; see `birdc show protocols` and the log of ARM"
_MEANT = "if it is meant, wait: after freeze.patience it is taken for the new normal"
REMEDIES = {
    "sflow-silent": "check the sFlow agents and the collector address that they send to (sflow.listen)",
    "sflow-collapsed": f"check whether an sFlow agent is gone; {_MEANT}",
    "reflector-down": _SESSION,
    "netlink-lost": "ARM opens its socket anew by itself; see its log",
    "check-failed": "report it with the file misforwarding-*.npz in state.directory",
    "shrunken-table": f"check BIRD's sessions with the peers, and its filters; {_MEANT}",
    "shrunken-choice": f"check BIRD's table and the traffic that ARM sees; {_MEANT}",
    "hardware-full": "set the capacity in arm.toml to what the hardware has room for",
}
_PATIENT = ("sflow-collapsed", "shrunken-table", "shrunken-choice")


@dataclass(frozen=True, slots=True)
class Limits:
    """The options of the section `freeze`, by their names. A drop of 1 freezes never."""

    sflow_silence: float = 15.0  # seconds
    traffic_drop: float = 0.9  # shares
    table_drop: float = 0.5
    choice_drop: float = 0.5
    patience: float = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Vitals:
    """How everything is that a family's choice rests on. As it stands here, nothing is wrong."""

    silent: float = 0.0  # seconds since the last sFlow datagram
    sample_rate: float | None = None  # samples per second of the switch since the last look; None: unknown
    reflector: bool = True  # the session is up
    netlink: bool = True  # the kernel's routes are known
    routes: int | None = None  # of the table in use; None: none has been learned yet
    refused: int = 0  # entries in the kernel that the hardware refused
    accepted: int = 0  # ARM's entries that the hardware holds


WELL = Vitals()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a family is frozen, since when (in the caller's time), and what to do about it."""

    name: str  # a stable word for metrics and documentation
    text: str
    remedy: str
    since: float
    left: float | None  # seconds after which it ends though its cause may last; None: it does not


class Freeze:
    """One family's reasons."""

    def __init__(self, limits: Limits, routes: int | None = None) -> None:
        """`routes`: of its table in an earlier run. `limits` may be replaced at any time."""
        self.limits = limits
        self.hardware = Backoff()
        self.unmeasured = 0.0  # seconds without measurement worth its name that have just ended; 0: none
        self._watches = {name: Watch(HOLD) for name in REMEDIES}
        self._samples: Samples | None = None
        self._lost: float | None = None  # since when there has been no such measurement
        self._routes = float(routes or 0)  # of the table when it was whole
        self._verdict: tuple[str, str] | None = None  # on the last choice: the reason to doubt it, in words

    def advance(
        self, vitals: Vitals, window: float, elapsed: float, clock: float, now: float
    ) -> tuple[Reason, ...]:
        """The reasons that hold at `clock`, `elapsed` seconds after the last look. `window`: of measuring, in
        seconds; `now`: the caller's time."""
        if self._samples is None:
            self._samples = Samples(clock)
        if vitals.sample_rate is not None:
            self._samples.add(vitals.sample_rate, elapsed, window, clock)
        else:
            self._samples.last = clock
        causes = dict(self._causes(vitals, self._samples, clock))
        for name, watch in self._watches.items():
            watch.look(causes.get(name), self._patience(name), clock, now)
        self._get_used(vitals.routes, self._samples, elapsed)
        self._regain(self._samples.last, clock)
        return tuple(self._reasons(clock))

    @property
    def routes(self) -> int:
        """Of the table when it was whole; 0 if it never was."""
        return round(self._routes)

    def shrinks(self, routes: int) -> bool:
        """Would a table of so many routes be a reason to freeze?"""
        return self._routes >= FEW and routes < self._routes * (1.0 - self.limits.table_drop)

    def judge(self, present: int, wanted: int, proven: bool) -> bool:
        """A choice of `wanted` entries was made where there could be `present`. Is there no doubt about it? A
        doubt stays until the next choice."""
        self._verdict = None
        if not proven:
            self._verdict = ("check-failed", "the last choice failed its proof and was held back")
        elif present >= FEW and wanted < present * (1.0 - self.limits.choice_drop):
            self._verdict = ("shrunken-choice", f"{wanted} entries were chosen in place of {present}")
            return self._watches["shrunken-choice"].tolerated
        return proven

    def _causes(self, vitals: Vitals, samples: Samples, clock: float) -> Iterator[tuple[str, str]]:
        """What is wrong: the reason, and how to put it."""
        limits = self.limits
        if vitals.silent > limits.sflow_silence:
            yield "sflow-silent", "no sFlow datagrams arrive: the choice of entries rests on older traffic"
        elif samples.silent(limits.sflow_silence, clock):
            yield "sflow-silent", "sFlow brings no samples: the choice of entries rests on older traffic"
        if samples.collapsed(limits.traffic_drop):
            text = f"{samples.recent:.0f} samples a second come where {samples.usual:.0f} are usual"
            yield "sflow-collapsed", text
        if not vitals.reflector:
            yield "reflector-down", "the reflector session is down: changes of routing are not seen"
        if not vitals.netlink:
            yield "netlink-lost", "the kernel's routes cannot be read"
        if self._verdict is not None:
            yield self._verdict
        if vitals.routes is not None and self.shrinks(vitals.routes):
            yield "shrunken-table", f"the BGP table fell from {self._routes:.0f} to {vitals.routes} routes"
        if self.hardware.advance(vitals.refused, vitals.accepted, clock):
            yield "hardware-full", "the hardware refuses entries: it is full"

    def _patience(self, name: str) -> float | None:
        return self.limits.patience if name in _PATIENT else None

    def _get_used(self, routes: int | None, samples: Samples, elapsed: float) -> None:
        """What has lasted long enough is what later drops are measured by."""
        if self._watches["sflow-collapsed"].tolerated:
            samples.get_used()
            self._lost = None  # so little it is, but it has been measured
        shrunken = self._watches["shrunken-table"]
        if routes is None or shrunken.held:
            return
        # Slowly, so that several small losses in a row count as the big one that they are.
        fading = 0.0 if shrunken.tolerated else math.exp(-elapsed / self.limits.patience)
        self._routes = max(float(routes), routes + (self._routes - routes) * fading)

    def _regain(self, sampled: float, clock: float) -> None:
        """See for how long nothing was measured, once it is again. `sampled`: when the last sample came."""
        self.unmeasured = 0.0
        if self._watches["sflow-silent"].held or self._watches["sflow-collapsed"].held:
            if self._lost is None:
                self._lost = sampled
        elif self._lost is not None:
            self.unmeasured, self._lost = clock - self._lost, None

    def _reasons(self, clock: float) -> Iterator[Reason]:
        for name, watch in self._watches.items():
            if watch.held:
                patience = self._patience(name)
                left = None if patience is None else watch.left(patience, clock)
                if name == "hardware-full":
                    left = self.hardware.left(clock)
                yield Reason(name, watch.text, REMEDIES[name], watch.since, left)
