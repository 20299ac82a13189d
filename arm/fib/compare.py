"""What was announced against what the kernel and the hardware hold: each difference, its class and age. Pure.

| class             | BIRD was told | kernel                          | hardware | first aid                 |
|-------------------|---------------|---------------------------------|----------|---------------------------|
| wrong-next-hop    | yes           | sends it where it does not lead | -        | announce it again         |
| hardware-refused  | yes           | right                           | refused  | want less |
| not-offloaded     | yes           | right                           | has not  | wait                      |
| missing-in-kernel | yes           | has it not                      | -        | announce it again         |
| stuck             | withdrawn     | has it still                    | -        | withdraw it again         |
| unexpected        | never         | has it, from BIRD               | -        | a fixed entry: let it be  |

Classes are looked for in this order; a prefix has one. A difference that is younger than its class allows is
a delay, not a fault. What BIRD itself has is known by number only (`BirdView.channel(…).imported`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, field
from enum import Enum

from arm.model import Entry, KernelRoute, Prefix

GRACE = 5.0  # seconds from telling BIRD to the kernel's route: longer is a fault, not a delay
OFFLOAD_GRACE = 30.0  # seconds from the kernel to the hardware, which may take 47 routes a second only

Gateways = tuple[str, ...]  # addresses, sorted


class Fault(Enum):
    """See the table above."""

    MISSING = "missing-in-kernel"
    WRONG_NEXT_HOP = "wrong-next-hop"
    REFUSED = "hardware-refused"
    NOT_OFFLOADED = "not-offloaded"
    STUCK = "stuck"
    UNEXPECTED = "unexpected"

    @property
    def grace(self) -> float:
        """Seconds that it may last before it is one."""
        return {Fault.REFUSED: 0.0, Fault.NOT_OFFLOADED: OFFLOAD_GRACE}.get(self, GRACE)


@dataclass(frozen=True, slots=True)
class Books:
    """One family's state at one moment."""

    told: Mapping[Prefix, Entry]  # announced, and meant to be there
    leaving: Collection[Prefix]  # withdrawn, and not yet taken for gone
    kernel: Mapping[Prefix, KernelRoute]  # BIRD's routes
    expected: Callable[[str], Gateways | None]
    """Where an entry's next hop leads now; None: cannot be said. BIRD resolves what follows the default
    through one path of it, so any part of an ECMP group will do."""
    touched: Collection[Prefix] | None = None
    """Where `told` or `kernel` may be others than at the last comparison; None: anywhere."""


@dataclass(frozen=True, slots=True)
class Differences:
    """One family's comparison."""

    missing: list[Prefix]
    unexpected: list[Prefix]
    failed: list[Prefix]  # in the kernel, refused by the hardware
    wrong_next_hop: list[Prefix] = field(default_factory=list)
    not_offloaded: list[Prefix] = field(default_factory=list)
    stuck: list[Prefix] = field(default_factory=list)
    since: Mapping[Prefix, float] = field(default_factory=dict)  # of each of these, in the clock of `now`

    def of(self, fault: Fault) -> list[Prefix]:
        """The prefixes of one class."""
        return {
            Fault.MISSING: self.missing,
            Fault.WRONG_NEXT_HOP: self.wrong_next_hop,
            Fault.REFUSED: self.failed,
            Fault.NOT_OFFLOADED: self.not_offloaded,
            Fault.STUCK: self.stuck,
            Fault.UNEXPECTED: self.unexpected,
        }[fault]


class Reconciler:
    """One family's comparison over time. `now` in seconds, never backwards."""

    def __init__(self) -> None:
        self._open: dict[Prefix, tuple[Fault, float]] = {}  # differences, and when each was first seen
        self._ours: set[Prefix] = set()  # told once, and in the kernel ever since
        self._offloads = False  # the platform says what its hardware has
        self._hops = _Hops(lambda _: None)  # as they were at the last comparison

    def hardware_unknown(self) -> None:
        """The platform does not tell any more what its hardware has."""
        self._offloads = False

    def compare(self, books: Books, now: float) -> Differences:
        """Compare; the oldest differences of each class come first."""
        places = self._suspects(books)
        told = {prefix: books.told[prefix] for prefix in places if prefix in books.told}
        kernel = {prefix: books.kernel[prefix] for prefix in places if prefix in books.kernel}
        found = self._differences(told, kernel, books.leaving)
        ours = {prefix for prefix in kernel if prefix in told or prefix in self._ours}
        self._ours.difference_update(places)
        self._ours |= ours
        known = self._open
        self._open = {}
        lists: dict[Fault, list[Prefix]] = {fault: [] for fault in Fault}
        since: dict[Prefix, float] = {}
        for prefix, fault in found.items():
            before = known.get(prefix)
            entry = before if before is not None and before[0] is fault else (fault, now)
            self._open[prefix] = entry
            if now - entry[1] >= fault.grace:
                lists[fault].append(prefix)
                since[prefix] = entry[1]
        for prefixes in lists.values():
            prefixes.sort(key=lambda prefix: (since[prefix], prefix))
        return Differences(
            missing=lists[Fault.MISSING],
            unexpected=lists[Fault.UNEXPECTED],
            failed=lists[Fault.REFUSED],
            wrong_next_hop=lists[Fault.WRONG_NEXT_HOP],
            not_offloaded=lists[Fault.NOT_OFFLOADED],
            stuck=lists[Fault.STUCK],
            since=since,
        )

    def _suspects(self, books: Books) -> Set[Prefix]:
        """Where something may be else than it was at the last comparison, and where that found differences:
        every second there are 20,000 entries to look at, and nearly all are what they were."""
        told, kernel = books.told, books.kernel
        touched = books.touched
        if touched is None:
            touched = told.keys() | kernel.keys() | self._ours
        places = {*touched, *self._open}
        hops = _Hops(books.expected)
        moved = [next_hop for next_hop, gateways in self._hops.items() if hops[next_hop] != gateways]
        self._hops = hops
        shown = (kernel[prefix] for prefix in touched if prefix in kernel)
        tells = not self._offloads and any(each.offloaded or each.offload_failed for each in shown)
        self._offloads = self._offloads or tells
        return told.keys() | kernel.keys() | places if moved or tells else places

    def _differences(
        self, told: Mapping[Prefix, Entry], kernel: Mapping[Prefix, KernelRoute], leaving: Collection[Prefix]
    ) -> dict[Prefix, Fault]:
        """Every difference there is, however young."""
        hops = self._hops
        found = dict.fromkeys(told.keys() - kernel.keys(), Fault.MISSING)
        refused = [prefix for prefix, route in kernel.items() if route.offload_failed]
        if self._offloads:
            bare = {prefix for prefix, route in kernel.items() if not route.offloaded}
            found |= dict.fromkeys(bare & told.keys(), Fault.NOT_OFFLOADED)
        found |= dict.fromkeys((prefix for prefix in refused if prefix in told), Fault.REFUSED)
        found |= dict.fromkeys(
            (
                prefix
                for prefix, entry in told.items()
                if (gateways := hops[entry.next_hop]) is not None
                and (route := kernel.get(prefix)) is not None
                and route.gateways != gateways
                and not (route.gateways and set(route.gateways) <= set(gateways))
            ),
            Fault.WRONG_NEXT_HOP,
        )
        for prefix in (kernel.keys() - told.keys()).difference(leaving):
            found[prefix] = Fault.STUCK if prefix in self._ours else Fault.UNEXPECTED
        for prefix in leaving:
            if prefix in kernel:
                found[prefix] = Fault.STUCK
        return found


class _Hops(dict[str, Gateways | None]):
    """Each next hop is resolved once per comparison."""

    def __init__(self, expected: Callable[[str], Gateways | None]) -> None:
        self._expected = expected

    def __missing__(self, next_hop: str) -> Gateways | None:
        gateways = self[next_hop] = self._expected(next_hop)
        return gateways
