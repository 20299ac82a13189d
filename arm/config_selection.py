"""Section [selection]: which prefixes are installed, and the operator's word about single ones."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from arm.config_faults import Fault, key_text
from arm.config_values import (
    AbsolutePathOrNone,
    AsNumberOrNone,
    BitsPerSecond,
    Bytes,
    Entries,
    Factors,
    Meant,
    Seconds,
    SecondsOrAuto,
    Section,
    Share,
)
from arm.model import Family, Prefix

# --- text to value ------------------------------------------------------------------------------------


def _prefix(text: str | None) -> Prefix | None:
    """In the form of the BGP table. The default route is never chosen, so no rule can be about it."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9a-fA-F.:]+/[0-9]{1,3}", text):
        raise ValueError
    network = ip_network(text)
    if not network.prefixlen:
        raise ValueError
    address = socket.inet_ntop(Family.of(text).af, network.network_address.packed)
    return Prefix(f"{address}/{network.prefixlen}")


def _community(written: object) -> tuple[int, ...]:
    """As on the wire: two numbers of 16 bits (RFC 1997), or three of 32 (RFC 8092)."""
    if not isinstance(written, str) or not re.fullmatch(r"[0-9]{1,10}(:[0-9]{1,10}){1,2}", written):
        raise ValueError
    community = tuple(map(int, written.split(":")))
    if max(community) >= (1 << 16 if len(community) == 2 else 1 << 32):
        raise ValueError
    return community


def _unix_time(written: object) -> float:
    """A time without offset could mean any time zone's."""
    if not isinstance(written, datetime) or written.tzinfo is None:
        raise ValueError
    return written.timestamp()


def _note(text: str) -> str:
    if len(text) > 200 or not text.isprintable():
        raise ValueError
    return text


PrefixOrNone = Annotated[
    Prefix | None,
    AfterValidator(_prefix),
    Meant("a prefix without host bits, longer than the default route's", '"203.0.113.0/24"'),
]
CommunityOrNone = Annotated[
    tuple[int, ...] | None,
    BeforeValidator(_community),
    Meant("a community of two numbers to 65535 or three to 4294967295", '"65000:666"'),
]
TimeOrNone = Annotated[
    float | None,
    BeforeValidator(_unix_time),
    Meant("a date and time with its offset from UTC", "2026-12-31T00:00:00Z"),
]
Note = Annotated[str, AfterValidator(_note), Meant("a text of at most 200 printable characters", '"why"')]


# --- the section --------------------------------------------------------------------------------------


class Rule(Section):
    """Routes that the operator decides about: those of one prefix, origin AS or community."""

    prefix: PrefixOrNone = Field(default=None, description="Exactly this prefix, not those inside it.")
    asn: AsNumberOrNone = Field(
        default=None, alias="as", ge=1, le=4294967294, description="Routes that this AS originates."
    )
    community: CommunityOrNone = Field(default=None, description="Routes with this (large) community.")
    until: TimeOrNone = Field(default=None, description="When the rule ends; without it, never.")
    note: Note = Field(default="", description="Why, for those who come after.")

    @property
    def target(self) -> tuple[Prefix | None, int | None, tuple[int, ...] | None]:
        """What it is about; exactly one of the three is there."""
        return self.prefix, self.asn, self.community

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if sum(each is not None for each in self.target) != 1:
            raise ValueError
        return self


OneRule = Annotated[
    Rule,
    Meant("a table with exactly one of prefix, as and community", '{ prefix = "203.0.113.0/24" }'),
]
Rules = Annotated[
    tuple[OneRule, ...], Meant("a list of tables, each with exactly one of prefix, as and community")
]


class Selection(Section):
    """Which prefixes are installed."""

    strategy: Annotated[Literal["safe", "optimal", "top"], Meant("a known strategy")] = Field(
        default="safe",
        description="How to choose. `safe`: prefixes of the BGP table only, each with its own next hop or as "
        "a guard that follows the default; never misforwards. `optimal`: any prefix, most traffic per entry, "
        "never misforwards. `top`: the heaviest prefixes; sends traffic of hidden more-specific routes the "
        "wrong way, and says how much.",
    )
    interval: Seconds = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="Seconds from one choice to the next, at least: see docs/tuning.md.",
    )
    window: SecondsOrAuto = Field(
        default=None,
        ge=5,
        le=86400,
        description="Seconds that traffic is remembered; `auto` takes what suits the rate of samples.",
    )
    hysteresis: Share = Field(
        default=0.5,
        ge=0,
        le=0.95,
        description="An installed entry's price is this share less than a new one's (0.5: it stays until its "
        "traffic is below half of what a new entry must carry).",
    )
    minimum_rate: BitsPerSecond = Field(
        default=0.0, ge=0, le=1_000_000_000_000, description="Bit/s below which a prefix is not installed."
    )
    weight: Annotated[Literal["bytes", "packets"], Meant("a known weight")] = Field(
        default="bytes", description="What counts as traffic."
    )
    factors: Factors = Field(
        default={},
        description="Traffic towards a next hop counts this many times; by next hop of the BGP table.",
    )
    changes_per_second: Entries = Field(
        default=2000,
        ge=1,
        le=1_000_000,
        description="Entries that a new choice may change per second; repairs after routing changes are not "
        "held back.",
    )
    pins: Rules = Field(
        default=(), strict=False, description="Always installed while the BGP table has them."
    )
    denials: Rules = Field(
        default=(),
        strict=False,
        description="Never installed, their traffic follows the default; a denial beats a pin.",
    )
    record: AbsolutePathOrNone = Field(
        default=None,
        description="File to which traffic is recorded for `arm simulate --replay`; empty: none.",
    )
    record_limit: Bytes = Field(
        default=1_000_000_000,
        ge=1_000_000,
        le=1_000_000_000_000,
        description="Most bytes that the record may take.",
    )


# --- checks between options ---------------------------------------------------------------------------


def window_faults(interval: float, window: float | str | None) -> Iterator[Fault]:
    if isinstance(window, int | float) and window < interval:
        problem = f"shorter than selection.interval = {interval:g}, so traffic is forgotten before it is used"
        yield Fault("selection.window", window, problem, "write a longer window or a shorter interval")


def rule_faults(option: str, written: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """The same twice is a slip of the pen: two rules may have been meant, and which `until` is right?"""
    first: dict[object, int] = {}
    for index, each in enumerate(written):
        target = Rule.model_validate(each).target
        if target in first:
            key = next(key for key in ("prefix", "as", "community") if key in each)
            problem = f"the same as {option}[{first[target]}].{key}"
            yield Fault(f"{option}[{index}].{key}", each[key], problem, "keep one of them")
        first.setdefault(target, index)


def factor_faults(written: Mapping[str, float]) -> Iterator[Fault]:
    """One next hop in two forms would count by whichever stands last."""
    first: dict[object, str] = {}
    for text, factor in written.items():
        other = first.setdefault(ip_address(text), text)
        if other != text:
            place = f"selection.factors.{key_text(text)}"
            yield Fault(place, factor, f"the same next hop as {key_text(other)}", "keep one of them")
