"""What is found out about an address or prefix. Values only.

The page and the API show them by the same names.
"""

from __future__ import annotations

from dataclasses import dataclass

from arm.explain_traffic import Measured
from arm.model import Family, Prefix
from arm.rib.hops import Gateways


@dataclass(frozen=True, slots=True)
class Because:
    """One reason: a stable word from the table of explain_words.py, and a sentence."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """Where a table sends addresses: to a "next hop", as the "default" does, to "local" ones, "nowhere" (that
    is how it is without a default), or to "several" of these."""

    kind: str
    gateways: Gateways


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """A route of the BGP table; communities as people write them, large ones with three numbers."""

    prefix: Prefix
    next_hop: str
    as_path: str
    communities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntrySeen:
    """An entry of the FIB, there or on its way. Kind "foreign": not ARM's."""

    prefix: Prefix
    kind: str
    next_hop: str | None  # as announced
    gateways: Gateways  # the kernel's
    wanted: bool
    announced: bool
    in_kernel: bool
    hardware: str  # "yes", "no", "refused", or "unknown" where the platform does not tell
    since: float | None  # Unix time at which the kernel first showed it


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known about what becomes of traffic to `asked`."""

    asked: Prefix
    family: Family
    route: RouteSeen | None  # the longest match, the default route not considered
    covering: tuple[Prefix, ...]  # routes above it, the nearest first
    hidden: int  # more-specific routes, which an entry for this one alone would hide (IPv6: up to /64)
    hidden_first: tuple[Prefix, ...]
    block: Prefix | None  # that it is measured in; None: it is more than one block
    here: Measured  # the block's traffic, or that of all blocks in what was asked for
    of_route: Measured | None  # traffic of which the route is the longest match
    rank: int | None  # of the route among those with traffic; 1 is worth most to the choice
    active: int  # prefixes with traffic
    chosen: int  # entries
    capacity: int  # entries
    entry: EntrySeen | None  # the entry of the kernel that decides; None: the default does
    coming: EntrySeen | None  # a more specific one that is wanted or announced, but not in the kernel
    full: Way  # where the full table sends it
    kernel: Way  # where the kernel does
    verdict: str  # "served", "default" (where it belongs), "detour" (by the default), "astray", "several"
    reasons: tuple[Because, ...]  # why; the first is the one that decides
