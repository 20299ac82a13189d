"""What packets prove: each one that reached a neighbour, against where the full table and the default lead.

Recorded while a lab runs, judged afterwards: BIRD's full table and the kernel's default route, looked at
again and again, and the packets that the neighbours counted in between. Nothing of it is ARM's own word.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address

from pytricia import PyTricia

from arm.model import Family
from lab.lab import Lab
from lab.plan import NEIGHBOURS, LabError

GRACE = 2.0  # seconds that a change of the full table may take to the kernel
_IN_FLIGHT = 0.05  # seconds from the switch's decision to the neighbour's counter, at the very most
_BEST = re.compile(r"^([0-9a-f.:]+/\d+) +unicast .*\n\s+via (\S+) ", re.M)
_NEIGHBOUR = {(each.name, family): each.address(family) for each in NEIGHBOURS for family in Family}


@dataclass(frozen=True, slots=True)
class View:
    """Where packets may go: the best route of every prefix, and the gateways of the kernel's default."""

    routes: Mapping[str, str]  # prefix, the default too → next hop
    defaults: Mapping[Family, frozenset[str]]

    def changed_from(self, other: View) -> frozenset[str]:
        """Prefixes that lead elsewhere now, came or went."""
        changed = {prefix for prefix, _ in self.routes.items() ^ other.routes.items()}
        changed |= {family.default for family in Family if self.defaults[family] != other.defaults[family]}
        return frozenset(changed)


@dataclass(frozen=True, slots=True)
class Version:
    """A view that became true at some time between `began` and `settled`, in seconds of any clock."""

    began: float
    settled: float
    view: View
    changed: frozenset[str]  # prefixes, against the version before

    def excuses(self, since: float, until: float) -> bool:
        """May packets counted between the two times have met both this version and the one before?"""
        return since < self.settled + GRACE + _IN_FLIGHT and until > self.began


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Packets that reached one neighbour at some time between `since` and `until`."""

    neighbour: str
    since: float
    until: float
    packets: Mapping[str, int]  # by destination address


@dataclass(frozen=True, slots=True)
class Stray:
    """Packets that reached neither the full table's next hop nor the default's."""

    since: float
    until: float
    address: str
    reached: str  # next hop
    belongs: str | None  # next hop; None: the full table has no route
    packets: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Packets, and what became of them."""

    packets: int  # judged
    own: int  # reached the full table's next hop
    beyond: int  # reached another next hop than the default's
    strays: tuple[Stray, ...]
    excused: int  # not judged: where they should go had just changed

    @property
    def wrong(self) -> int:
        """Packets, of those judged."""
        return sum(stray.packets for stray in self.strays)

    def __str__(self) -> str:
        return (
            f"{self.packets} packets, {self.own / self.packets:.2%} at the full table's next hop, "
            f"{self.beyond / self.packets:.2%} not at the default's; "
            f"{self.wrong} wrong, to {len({stray.address for stray in self.strays})} destinations; "
            f"{self.excused} more not judged, because their route had just changed"
        )


def judge(versions: list[Version], arrivals: Iterable[Arrivals]) -> Verdict:
    """Every packet against the version of its time; `versions` oldest first, the first from the start."""
    routes = [_Matches(version.view.routes) for version in versions]
    changed = [_Matches(dict.fromkeys(version.changed, "")) for version in versions]
    total = own = beyond = excused = 0
    strays: list[Stray] = []
    for step in arrivals:
        current = max(n for n, version in enumerate(versions) if n == 0 or version.began < step.until)
        recent = [n for n, version in enumerate(versions) if version.excuses(step.since, step.until)]
        for address, count in step.packets.items():
            if any(changed[n].longest(address) is not None for n in recent):
                excused += count
                continue
            family = Family.of(address)
            reached = _NEIGHBOUR[step.neighbour, family]
            belongs = routes[current].longest(address)
            default = reached in versions[current].view.defaults[family]
            total += count
            own += count * (reached == belongs)
            beyond += count * (not default)
            if reached != belongs and not default:
                strays.append(Stray(step.since, step.until, address, reached, belongs, count))
    return Verdict(total, own, beyond, tuple(strays), excused)


class _Matches:
    """What the longest prefix that holds an address leads to."""

    def __init__(self, leads: Mapping[str, str]) -> None:
        self._trees = {family: PyTricia(family.bits, family.af) for family in Family}
        for prefix, lead in leads.items():
            self._trees[Family.of(prefix)][prefix] = lead
        self._known: dict[str, str | None] = {}

    def longest(self, address: str) -> str | None:
        if address not in self._known:
            self._known[address] = self._trees[Family.of(address)].get(_packed(address))
        return self._known[address]


@cache
def _packed(address: str) -> bytes:
    return ip_address(address).packed


class Recorder:
    """Watches a lab with routes and traffic, from its creation on."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._looked = self._counted = time.monotonic()
        view = view_of(lab)
        assert view is not None, "BIRD does not answer"
        self.versions = [Version(self._looked, self._looked, view, frozenset())]
        self._counts = lab.counts()
        self.arrivals: list[Arrivals] = []

    def look(self) -> bool:
        """See where packets may go now; is that news? While BIRD cannot tell, it is what it was."""
        start = time.monotonic()
        view = view_of(self._lab)
        if view is None:
            return False
        changed = view.changed_from(self.versions[-1].view)
        if changed:
            self.versions.append(Version(self._looked, time.monotonic(), view, changed))
        self._looked = start
        return bool(changed)

    def _counts_complete(self) -> dict[str, dict[str, int]]:
        """While the kernel's set grows, a listing may lack some of it: not so the next one."""
        for _ in range(10):
            counts = self._lab.counts()
            if all(before.keys() <= counts[name].keys() for name, before in self._counts.items()):
                return counts
        raise AssertionError("listings that lack what was counted before")

    def count(self) -> None:
        """See where packets went since the last time."""
        start = time.monotonic()
        counts = self._counts_complete()
        end = time.monotonic()
        for name, now in counts.items():
            before = self._counts[name]
            new = {address: count - before.get(address, 0) for address, count in now.items()}
            packets = {address: count for address, count in new.items() if count}
            self.arrivals.append(Arrivals(name, self._counted, end, packets))
        self._counts, self._counted = counts, start


def view_of(lab: Lab) -> View | None:
    """What the switch's BIRD and kernel hold now; None while BIRD is down or relearns what it forgot."""
    try:
        shown = [lab.birdc("switch", f"show route table {name} primary") for name in ("full4", "full6")]
        if "recovery in progress" in lab.birdc("switch", "show status"):
            return None
    except LabError:
        return None
    routes = {prefix: next_hop for text in shown for prefix, next_hop in _BEST.findall(text)}
    defaults = {family: frozenset(lab.kernel_routes(family).get(family.default, ())) for family in Family}
    return View(routes, defaults)
