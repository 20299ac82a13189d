"""What the rooms know of one family, for `look`: a loop, its table and kernel, and entries by prefix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from arm.board import Board
from arm.explain import Known, explain, look
from arm.explain_seen import Explanation
from arm.family import Valuation
from arm.fib.compare import Differences
from arm.freeze.reasons import Reason
from arm.lifecycle import State
from arm.model import Attributes, Entry, Family, KernelRoute, Prefix
from arm.picture import Watched
from arm.selection.policy import Policy
from tests.familyworld import Around, address, neighbour
from tests.web.daemon import Daemon


def host(family: Family, where: Prefix, number: int = 9) -> Prefix:
    """One address as a prefix."""
    return Prefix(f"{address(where, number)}/{family.bits}")


class Asked:
    """IPv4 or IPv6: the kernel's default goes to neighbour 1."""

    def __init__(
        self, family: Family, valuation: Valuation | None = None, policy: Policy | None = None
    ) -> None:
        self.family = family
        self.around = Around(family, valuation, policy)
        self.wanted: dict[Prefix, Entry] = {}
        self.standing: dict[Prefix, Entry] = {}
        self.kernel: dict[Prefix, KernelRoute] = {}
        self.active: Sequence[tuple[Prefix, float]] = ()
        self.state = State.ACTIVE
        self.reasons: Sequence[Reason] = ()
        self.blocked = False

    def want(self, where: Prefix, number: int | None) -> Entry:
        """Chosen, not announced; None: a guard."""
        next_hop = None if number is None else neighbour(self.family, number)
        entry = Entry.guard(where) if next_hop is None else Entry(where, next_hop, Attributes())
        self.wanted[where] = entry
        return entry

    def tell(self, where: Prefix, number: int | None) -> None:
        """Chosen and announced, not in the kernel."""
        self.standing[where] = self.want(where, number)

    def install(
        self, where: Prefix, number: int | None, *, offloaded: bool = False, failed: bool = False
    ) -> None:
        """Chosen, announced and in the kernel, where a guard goes as the default does."""
        self.tell(where, number)
        gateways = (neighbour(self.family, number or 1),)
        self.kernel[where] = KernelRoute(where, gateways, 12, offloaded, failed)
        self.around.install(where, number or 1)

    def ask(self, where: Prefix, sizes: Mapping[str, float] | None = None) -> Explanation:
        """Two seconds of traffic, and a question."""
        around = self.around
        around.refresh()
        around.measure(sizes or {}, 0.0)
        around.measure(sizes or {}, 1.0)
        watched = Watched(
            loop=around.loop,
            active=self.active,
            state=self.state,
            capacity=10,
            rib_routes=len(around.table),
            table=around.table,
            default_route=around.default is not None,
            wanted=self.wanted,
            told=self.standing,
            kernel=self.kernel,
            installed=len(self.standing.keys() & self.kernel.keys()),
            differences=Differences([], [], []),
            reasons=self.reasons,
        )
        since = dict.fromkeys(self.kernel, 1e9)
        return explain(look(Known(watched, around.default, self.standing, since, self.blocked, 100.0), where))


class ExplainingDaemon(Daemon):
    """A daemon whose board can explain."""

    def __init__(self, strategy: str = "safe") -> None:
        super().__init__(strategy)
        rooms = self._rooms(strategy)
        rooms.speaker.blocked = list  # type: ignore[method-assign]
        self.board = Board(rooms)
