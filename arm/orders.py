"""What an operator said while ARM runs, on top of its configuration, and as bytes for the file of it. Pure.

It stays until somebody takes it back, or its time is over: a reload or a restart changes nothing about it.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_network
from math import isfinite
from typing import Any, Literal, get_args

from arm.model import Family, Prefix

Verdict = Literal["pin", "denial"]
Mode = Literal["active", "observe", "withdraw"]

MOST = 1000  # rules
LONGEST = 200  # characters of a reason
VERSION = 1


class OrderError(Exception):
    """An order that cannot be followed, in words. `missing`: what it is about is not there."""

    def __init__(self, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Order:
    """Routes of exactly this prefix are always, or never, installed. Times are Unix seconds."""

    verdict: Verdict
    prefix: Prefix
    until: float | None  # None: until it is taken back
    reason: str
    who: str  # the address that it came from
    since: float


@dataclass(frozen=True, slots=True)
class ModeOrder:
    """This mode, whatever the configuration says."""

    mode: Mode
    reason: str
    who: str
    since: float


@dataclass(frozen=True, slots=True)
class Orders:
    """All of it. At most one rule for each prefix."""

    rules: tuple[Order, ...] = ()
    mode: ModeOrder | None = None

    def rule(self, prefix: Prefix) -> Order | None:
        return next((each for each in self.rules if each.prefix == prefix), None)

    def given(self, order: Order) -> Orders:
        """With this rule, in place of the one about that prefix. ValueError, in words, if it is too many."""
        others = tuple(each for each in self.rules if each.prefix != order.prefix)
        if len(others) >= MOST:
            raise ValueError(f"there are {MOST} rules already")
        return replace(self, rules=(*others, order))

    def taken_back(self, prefix: Prefix) -> Orders:
        """Without a rule about that prefix."""
        return replace(self, rules=tuple(each for each in self.rules if each.prefix != prefix))

    def over(self, now: float) -> list[Order]:
        """The rules whose time is over."""
        return [each for each in self.rules if each.until is not None and each.until <= now]

    def without(self, gone: Iterable[Order]) -> Orders:
        return replace(self, rules=tuple(each for each in self.rules if each not in gone))


def prefix_of(written: str) -> Prefix:
    """A prefix in the form of the BGP table. ValueError, in words, for anything else."""
    if not re.fullmatch(r"[0-9A-Fa-f.:]{2,45}/[0-9]{1,3}", written):
        raise ValueError("not a prefix")
    try:
        network = ip_network(written, strict=False)
    except ValueError:
        raise ValueError("not a prefix") from None
    address = socket.inet_ntop(Family.of(written).af, network.network_address.packed)
    prefix = Prefix(f"{address}/{network.prefixlen}")
    try:
        ip_network(written)
    except ValueError:
        raise ValueError(f"it has host bits: is {prefix} meant?") from None
    if not network.prefixlen:
        raise ValueError("the default route is never chosen")
    return prefix


# --- as bytes ---------------------------------------------------------------------------------------------


def to_bytes(orders: Orders) -> bytes:
    words = {"version": VERSION, **asdict(orders)}
    return json.dumps(words, indent=1, allow_nan=False).encode() + b"\n"


def from_bytes(content: bytes) -> Orders:
    """What was written. ValueError, in words, for anything else."""
    try:
        words = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    match words:
        case {"version": int(version), "rules": list(rules), "mode": mode}:
            if version != VERSION:
                raise ValueError(f"it has version {version}, this ARM knows {VERSION}")
        case _:
            raise ValueError("it is not what ARM writes")
    found = tuple(map(_rule, rules))
    if len({each.prefix for each in found}) != len(found) or len(found) > MOST:
        raise ValueError("a prefix has two rules, or there are too many")
    return Orders(found, None if mode is None else _mode(mode))


def _rule(words: Any) -> Order:
    match words:
        case {
            "verdict": "pin" | "denial" as verdict,
            "prefix": str(written),
            "until": None | int() | float() as until,
            "reason": str(reason),
            "who": str(who),
            "since": int() | float() as since,
        } if _is_time(since) and (until is None or _is_time(until)):
            prefix = prefix_of(written)
            return Order(verdict, prefix, until, reason[:LONGEST], who[:LONGEST], since)
    raise ValueError("it has a rule that is none")


def _mode(words: Any) -> ModeOrder:
    match words:
        case {"mode": str(mode), "reason": str(reason), "who": str(who), "since": int() | float() as since}:
            known: dict[str, Mode] = {each: each for each in get_args(Mode)}
            if mode in known and _is_time(since):
                return ModeOrder(known[mode], reason[:LONGEST], who[:LONGEST], since)
    raise ValueError("it has a mode that is none")


def _is_time(number: float) -> bool:
    return not isinstance(number, bool) and isfinite(number) and number >= 0.0
