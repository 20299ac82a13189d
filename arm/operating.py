"""What an operator may do while ARM runs: pins, denials, the mode, a reload. Each is kept, done, and told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import structlog

from arm import orders_file
from arm.config import Config
from arm.config_selection import Rule
from arm.history_log import EventLog
from arm.model import ArmError, Family, Operated, Prefix
from arm.orders import Mode, ModeOrder, Order, OrderError, Orders, Verdict, prefix_of
from arm.reload import Outcome

log = structlog.get_logger("arm")

OPTIONS: Mapping[Verdict, str] = {"pin": "selection.pins", "denial": "selection.denials"}


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """A pin or a denial, whoever gave it; of `prefix`, `asn` and `community` one is there."""

    verdict: Verdict
    prefix: Prefix | None
    asn: int | None
    community: str | None
    until: float | None  # Unix seconds
    reason: str
    source: Literal["file", "api"]
    who: str | None = None  # None: of the file
    since: float | None = None
    in_table: bool | None = None  # the BGP table has that prefix now; None: it is about others


@dataclass(frozen=True, slots=True)
class ModeSeen:
    """The mode, and where it is from."""

    mode: Mode
    source: Literal["file", "api"]
    file: Mode  # what the configuration says
    reason: str = ""
    who: str | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the operator's words act on."""

    config: Callable[[], Config]
    apply: Callable[[], None]  # the rules are others now
    reload: Callable[[], Outcome]
    in_table: Callable[[Prefix], bool]
    log: EventLog


class Operator:
    """Holds the orders. All calls belong to the event loop."""

    def __init__(self, directory: Path, wiring: Wiring) -> None:
        self._directory = directory
        self._wiring = wiring
        self._lock = asyncio.Lock()
        self.orders, error = orders_file.load(directory)
        self.orders = self.orders.without(self.orders.over(time.time()))
        if error is not None:
            log.warning(error.problem, remedy=error.remedy)

    # --- what there is ------------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        return self.orders.mode.mode if self.orders.mode is not None else self._wiring.config().announce.mode

    def mode_seen(self) -> ModeSeen:
        file, order = self._wiring.config().announce.mode, self.orders.mode
        if order is None:
            return ModeSeen(file, "file", file)
        return ModeSeen(order.mode, "api", file, order.reason, order.who, order.since)

    def rules(self, verdict: Verdict) -> list[RuleSeen]:
        """All that apply now: those of the file first."""
        now = time.time()
        found = [
            self._of_file(verdict, each)
            for each in self._of_config(verdict)
            if each.until is None or each.until > now
        ]
        return found + [self._given(each) for each in self.orders.rules if each.verdict == verdict]

    def summary(self) -> Operated:
        """For the status."""
        numbers = {verdict: len(self.rules(verdict)) for verdict in OPTIONS}
        given = [each.verdict for each in self.orders.rules]
        return Operated(
            self.mode,
            self.orders.mode is not None,
            numbers["pin"],
            numbers["denial"],
            given.count("pin"),
            given.count("denial"),
        )

    # --- what can be done ---------------------------------------------------------------------------

    async def give(
        self, verdict: Verdict, written: str, seconds: float | None, reason: str, who: str
    ) -> RuleSeen:
        """A pin or a denial of exactly this prefix, in place of what was said about it before at run time.
        OrderError, or ArmError if it cannot be kept."""
        try:
            prefix = prefix_of(written)
        except ValueError as error:
            raise OrderError(str(error)) from None
        if verdict == "pin" and any(rule.prefix == prefix for rule in self._of_config("denial")):
            raise OrderError(
                f"{prefix} is in {OPTIONS['denial']}, which beats a pin: change the file and reload"
            )
        now = time.time()
        until = None if seconds is None else now + seconds
        order = Order(verdict, prefix, until, reason, who, now)
        async with self._lock:
            try:
                orders = self.orders.given(order)
            except ValueError as error:
                raise OrderError(str(error)) from None
            await self._keep(orders)
            self._wiring.apply()
        left = "" if seconds is None else f" for {seconds:.0f} s"
        self._tell(f"{verdict} of {prefix}{left}", who, reason, prefix)
        return self._given(order)

    async def take_back(self, verdict: Verdict, written: str, reason: str, who: str) -> RuleSeen:
        """No such pin or denial any more. OrderError, or ArmError."""
        try:
            prefix = prefix_of(written)
        except ValueError as error:
            raise OrderError(str(error)) from None
        async with self._lock:
            order = self.orders.rule(prefix)
            if order is None or order.verdict != verdict:
                if any(rule.prefix == prefix for rule in self._of_config(verdict)):
                    raise OrderError(f"{prefix} is in {OPTIONS[verdict]}: change the file and reload")
                raise OrderError(f"there is no {verdict} of {prefix}", missing=True)
            await self._keep(self.orders.taken_back(prefix))
            self._wiring.apply()
        self._tell(f"{verdict} of {prefix} taken back", who, reason, prefix)
        return self._given(order)

    async def set_mode(self, mode: Mode, reason: str, who: str) -> ModeSeen:
        """From now on; what the configuration says anyway is nothing on top of it. ArmError."""
        async with self._lock:
            order = ModeOrder(mode, reason, who, time.time())
            same = mode == self._wiring.config().announce.mode
            await self._keep(replace(self.orders, mode=None if same else order))
        self._tell(f"mode {mode}", who, reason)
        return self.mode_seen()

    async def reload(self, who: str) -> tuple[bool, list[str]]:
        """Read the configuration again; whether it is in force now, and what there is to say about it. What
        was said at run time stays on top of it."""
        self._tell("reload", who, "")
        outcome = self._wiring.reload()
        return outcome.ok, outcome.lines()

    def tick(self) -> None:
        """Forget the rules whose time is over."""
        over = self.orders.over(time.time())
        if over and not self._lock.locked():
            self.orders = self.orders.without(over)
            self._wiring.apply()
            for each in over:
                self._tell(f"{each.verdict} of {each.prefix} is over", each.who, each.reason, each.prefix)

    # --- how ----------------------------------------------------------------------------------------

    async def _keep(self, orders: Orders) -> None:
        try:
            await asyncio.to_thread(orders_file.save, self._directory, orders)
        except ArmError as error:
            log.error(error.problem, remedy=error.remedy)
            raise
        self.orders = orders

    def _tell(self, what: str, who: str, reason: str, prefix: Prefix | None = None) -> None:
        log.info("operator", what=what, who=who, reason=reason)
        why = f": {reason}" if reason else ""
        family = None if prefix is None else Family.of(prefix)
        text = f"{what}, by {who}{why}"
        self._wiring.log.add(time.time(), "operator", text, family, who=who, prefix=prefix, reason=reason)

    def _of_config(self, verdict: Verdict) -> tuple[Rule, ...]:
        selection = self._wiring.config().selection
        return selection.pins if verdict == "pin" else selection.denials

    def _of_file(self, verdict: Verdict, rule: Rule) -> RuleSeen:
        community = None if rule.community is None else ":".join(map(str, rule.community))
        known = None if rule.prefix is None else self._wiring.in_table(rule.prefix)
        return RuleSeen(
            verdict, rule.prefix, rule.asn, community, rule.until, rule.note, "file", in_table=known
        )

    def _given(self, order: Order) -> RuleSeen:
        return RuleSeen(
            order.verdict,
            order.prefix,
            None,
            None,
            order.until,
            order.reason,
            "api",
            order.who,
            order.since,
            self._wiring.in_table(order.prefix),
        )
