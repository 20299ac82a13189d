"""Section [capacity]: how many entries, and how the hardware's tables share them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from arm.config_faults import Fault
from arm.config_values import Entries, Meant, Section, Share, Slots
from arm.model import Family, Pool

MOST_SLOTS = 1000  # that one entry takes: far above any hardware


@dataclass(frozen=True, slots=True)
class Held:
    """Routes that live in a pool: those of `shortest` to `longest` bits, each in so many slots."""

    family: Family
    shortest: int
    longest: int
    slots: int = 1

    def title(self) -> str:
        """For a sentence: "IPv6 /65 to /128 are"."""
        if self.shortest == self.longest:
            return f"{self.family.title} /{self.shortest} is"
        return f"{self.family.title} /{self.shortest} to /{self.longest} are"

    def written(self) -> str:
        """For the file, without the slots: "ipv6 65-128"."""
        if self.shortest == self.longest:
            return f"{self.family.label} {self.shortest}"
        return f"{self.family.label} {self.shortest}-{self.longest}"


# --- text to value ------------------------------------------------------------------------------------


def _held(written: object) -> Held:
    """What a text such as "ipv4", "ipv6 64" or "ipv6 0-64: 2 slots" says."""
    if not isinstance(written, str):
        raise ValueError
    lengths, slots = r"([0-9]{1,3})(?: *- *([0-9]{1,3}))?", r"([0-9]{1,4}) +slots?"
    match = re.fullmatch(rf"(ipv4|ipv6)(?: +{lengths})?(?: *: *{slots})?", written)
    if match is None:
        raise ValueError
    label, first, last, count = match.groups()
    family = next(family for family in Family if family.label == label)
    held = Held(family, int(first or 0), int(last or first or family.bits), int(count or 1))
    if not held.shortest <= held.longest <= family.bits or not 1 <= held.slots <= MOST_SLOTS:
        raise ValueError
    return held


def _something(holds: tuple[Held, ...]) -> tuple[Held, ...]:
    if not holds:
        raise ValueError
    return holds


def _pool_name(text: str) -> str:
    """A word that may label a metric."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,31}", text):
        raise ValueError
    return text


PoolName = Annotated[
    str,
    AfterValidator(_pool_name),
    Meant("a name: at most 32 letters, digits, - and _, a letter first", '"lpm"'),
]
Holding = Annotated[
    Held,
    BeforeValidator(_held),
    Meant("a family, if need be with a range of lengths and the slots of each", '"ipv6 0-64: 2 slots"'),
]
Holdings = Annotated[tuple[Holding, ...], AfterValidator(_something), Meant("a list of what the pool holds")]


# --- the section --------------------------------------------------------------------------------------


class PoolOptions(Section):
    """One table of the hardware."""

    name: PoolName = Field(description="What the page and the metrics call it.")
    slots: Slots = Field(ge=1, le=1_000_000_000, description="Slots that ARM may fill.")
    holds: Holdings = Field(
        strict=False,
        description="What lives in it: a family, if need be a range of prefix lengths and the slots of each "
        "entry.",
    )


OnePool = Annotated[
    PoolOptions,
    Meant("a table with name, slots and holds", '{ name = "lpm", slots = 32768, holds = ["ipv4", "ipv6"] }'),
]
Pools = Annotated[tuple[OnePool, ...], Meant("a list of tables with name, slots and holds")]


class Capacity(Section):
    """What the hardware has room for."""

    ipv4: Entries = Field(
        default=20000,
        ge=0,
        le=10_000_000,
        description="IPv4 entries that ARM may install; 0 switches IPv4 off.",
    )
    ipv6: Entries = Field(
        default=20000,
        ge=0,
        le=10_000_000,
        description="IPv6 entries that ARM may install; 0 switches IPv6 off.",
    )
    reserve: Share = Field(
        default=0.01,
        ge=0,
        le=0.5,
        description="Share of the entries and slots kept free so that changes never exceed capacity.",
    )
    pools: Pools = Field(
        default=(),
        strict=False,
        description="Tables of the hardware that families share or that hold some prefix lengths only; each "
        "length in exactly one. Without any, only ipv4 and ipv6 limit.",
    )


def pools(capacity: Capacity) -> tuple[Pool, ...]:
    """All limits as pools: one for each family's entries, in the order of `Family`, then the hardware's."""
    limits = {Family.IPV4: capacity.ipv4, Family.IPV6: capacity.ipv6}
    families = [Pool(family.label, limits[family], {family: (1,) * (family.bits + 1)}) for family in Family]
    return (*families, *map(_pool, capacity.pools))


def _pool(options: PoolOptions) -> Pool:
    costs: dict[Family, list[int]] = {}
    for held in options.holds:
        by_length = costs.setdefault(held.family, [0] * (held.family.bits + 1))
        by_length[held.shortest : held.longest + 1] = [held.slots] * (held.longest + 1 - held.shortest)
    return Pool(options.name, options.slots, {family: tuple(cost) for family, cost in costs.items()})


# --- checks between options ---------------------------------------------------------------------------


def capacity_faults(ipv4: int, ipv6: int) -> Iterator[Fault]:
    if not ipv4 and not ipv6:
        remedy = "write what the hardware has room for in ipv4, ipv6 or both"
        yield Fault("capacity.ipv6", ipv6, "both families are switched off", remedy)


def pool_faults(ipv4: int, ipv6: int, written: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
    """Names that stand twice, lengths in two pools, lengths in none. Nothing without pools."""
    configured = [PoolOptions.model_validate(each) for each in written]
    owners = {family.label: f"the limit capacity.{family.label}" for family in Family}
    for number, pool in enumerate(configured):
        place = f"capacity.pools[{number}]"
        if pool.name in owners:
            problem = f"the name of {owners[pool.name]} as well"
            yield Fault(f"{place}.name", pool.name, problem, "write another name")
        owners.setdefault(pool.name, place)
    for family, room in zip(Family, (ipv4, ipv6), strict=True):
        places = {
            f"capacity.pools[{number}].holds[{index}]": (held, written[number]["holds"][index])
            for number, pool in enumerate(configured)
            for index, held in enumerate(pool.holds)
            if held.family is family
        }
        if configured and room:
            yield from _overlaps(family, places)
            yield from _gaps(family, (held for held, _ in places.values()))


def _overlaps(family: Family, places: dict[str, tuple[Held, str]]) -> Iterator[Fault]:
    for (other, (before, _)), (place, (held, text)) in combinations(places.items(), 2):
        # Length 0 is the default route, which is never chosen.
        both = Held(family, max(held.shortest, before.shortest, 1), min(held.longest, before.longest))
        if both.shortest <= both.longest:
            yield Fault(place, text, f"{both.title()} in {other} as well", "hold each length in one place")


def _gaps(family: Family, holdings: Iterable[Held]) -> Iterator[Fault]:
    after = 1  # the shortest length that nothing before holds
    for held in sorted([*holdings, Held(family, family.bits + 1, family.bits + 1)], key=lambda h: h.shortest):
        if held.shortest > after:
            gap = Held(family, after, held.shortest - 1)
            remedy = f'add "{gap.written()}" to what a pool holds'
            yield Fault("capacity.pools", None, f"{gap.title()} in no pool", remedy)
        after = max(after, held.longest + 1)
