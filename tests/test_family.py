"""One family's routes, kernel and rules as numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from arm.model import AsPathSegment, Attributes, Family, KernelRoute, Prefix, Route
from arm.rib.hops import RAW_LOCAL
from arm.rib.hoptable import DEFAULT
from arm.selection.policy import Policy, Rule
from tests.familyworld import Around, neighbour, places, prefix

PATHS = [(1,), (1, 1), (1, 1, 1), (1, 2), (2,), (2, 1)]
UNREACHABLE = {Family.IPV4: "198.51.100.1", Family.IPV6: "2001:db8:1::1"}
WORDS = ("nothing", "pinned", "denied")  # AS 1, 2 and 3


def origin(word: str) -> Attributes:
    return Attributes(as_path=(AsPathSegment("as-sequence", (WORDS.index(word) + 1,)),))


@dataclass(slots=True)
class Twin:
    """The same by single prefixes. A next hop is its gateways; None is the default's."""

    family: Family
    routes: dict[Prefix, tuple[str, str]] = field(default_factory=dict)  # next hop, and what rules say
    fixed: dict[Prefix, tuple[str, ...]] = field(default_factory=dict)
    default: tuple[str, ...] = ()

    def meaning(self, gateways: tuple[str, ...]) -> tuple[str, ...] | None:
        elsewhere = UNREACHABLE[self.family] in gateways
        return None if gateways and (gateways == self.default or elsewhere) else gateways

    def does(self, where: tuple[int, ...]) -> tuple[str, ...] | None:
        """With the first address of a prefix that has no longer one at that address."""
        chain = [prefix(self.family, *where[:n]) for n in range(len(where), 0, -1)]
        for each in chain:
            if each in self.fixed:
                return self.meaning(self.fixed[each])
            if each in self.routes:
                next_hop, word = self.routes[each]
                return None if word == "denied" else self.meaning((next_hop,))
        return None


CHANGES = st.tuples(
    st.sampled_from(["announce", "announce", "announce", "withdraw", "fix", "unfix", "default", "refresh"]),
    st.sampled_from(PATHS),
    st.integers(0, 4),
    st.sampled_from(WORDS),
)


@given(st.sampled_from(Family), st.lists(CHANGES, max_size=30))
def test_the_full_table_is_routes_fixed_entries_and_rules(
    family: Family, changes: list[tuple[str, tuple[int, ...], int, str]]
) -> None:
    around = Around(family, policy=Policy([Rule(asn=2)], [Rule(asn=3)]))
    twin = Twin(family, default=(neighbour(family, 1),))
    hops = [UNREACHABLE[family], *(neighbour(family, number) for number in range(1, 4))]
    for what, path, number, word in (*changes, ("refresh", (1,), 0, "nothing")):
        where = prefix(family, *path)
        if what == "announce":
            around.table.set(Route(where, hops[number % 4], origin(word)))
            twin.routes[where] = hops[number % 4], word
        elif what == "withdraw":
            around.table.remove(where)
            twin.routes.pop(where, None)
        elif what == "fix":
            around.fixed[where] = twin.fixed[where] = tuple(sorted(hops[1 : 1 + number]))
        elif what == "unfix":
            around.fixed.pop(where, None)
            twin.fixed.pop(where, None)
        elif what == "default":
            gateways = tuple(sorted(hops[1 : 1 + number % 3]))
            around.default = KernelRoute(family.default, gateways, 12) if gateways else None
            twin.default = gateways
        else:
            around.refresh()
            look(around, twin)


def look(around: Around, twin: Twin) -> None:
    """Everything that selection is told of the table."""
    family, loop = around.family, around.loop
    asked = [(*path, *[9] * (3 - len(path))) for path in PATHS] + [(3, 1, 1)]
    for path in asked:
        should = twin.does(path)
        number = DEFAULT if should is None else loop.hop(should)
        assert around.does(prefix(family, *path)) == [number]
    demand = loop.demand(loop.incumbents(()))
    assert demand.local == RAW_LOCAL
    fixed = {where: twin.meaning(gateways) for where, gateways in twin.fixed.items()}
    numbers = {where: DEFAULT if hop is None else loop.hop(hop) for where, hop in fixed.items()}
    assert places(demand.fixed, family) == dict(loop.fixed_hops().items()) == numbers
    pinned = {where for where, (_, word) in twin.routes.items() if word == "pinned"} - set(twin.fixed)
    pins = places(demand.pins, family)
    assert set(pins) == pinned
    for where in pinned:
        next_hop = twin.meaning((twin.routes[where][0],))
        assert pins[where] == (DEFAULT if next_hop is None else loop.hop(next_hop))
    for where, (_, word) in twin.routes.items():
        route = around.table.get(where)
        assert route is not None
        next_hop = twin.meaning((route.next_hop,))
        assert loop.hop_of(route) == (DEFAULT if word == "denied" or next_hop is None else loop.hop(next_hop))
