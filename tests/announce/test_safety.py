"""No table on the way misforwards or takes more slots than there are, however ExaBGP and BIRD shuffle and
delay what they are told, while routes change, sessions flap, and commands are refused."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce.mend import mend
from arm.announce.speaker import Speaker
from arm.model import Entry, Family, Kind, Pool, Prefix, Route
from arm.rib.prefixmap import PrefixMap, key
from arm.rib.table import RouteTable
from tests.announce.world import ATTRIBUTES, World
from tests.selection.universe import DEFAULT, HOPS, UNIVERSES, Universe

SLOTS = 7
LATE = 1.5  # seconds that the kernel may take to show what BIRD was told
# Seconds until a repair has surely arrived: every stage takes up to LATEST, the end of a withdrawal 2.
PATIENCE = 4.0


class Numbers:
    """Next hops by number, and what the full table says."""

    def __init__(self, universe: Universe) -> None:
        self.universe, self.family = universe, universe.family
        base = "10.0.0." if self.family is Family.IPV4 else "2001:db8::"
        self.next_hops = [self.family.guard_next_hop, *(f"{base}{number + 1}" for number in range(HOPS))]
        self.table = RouteTable(self.family)
        self.routes: dict[Prefix, int] = {}
        self.truths: list[tuple[float, list[int]]] = [(0.0, universe.forward({}))]

    def change(self, prefix: Prefix, hop: int | None, now: float) -> None:
        if hop is None:
            self.routes.pop(prefix, None)
            self.table.remove(prefix)
        else:
            self.routes[prefix] = hop
            self.table.set(Route(prefix, self.next_hops[hop], ATTRIBUTES))
        self.truths.append((now, self.universe.forward(self.routes)))

    def hop_of(self, route: Route) -> int:
        return self.next_hops.index(route.next_hop)

    def entry_hop(self, entry: Entry) -> int:
        return self.next_hops.index(entry.next_hop)

    def fixed_hops(self) -> PrefixMap[int]:
        return PrefixMap(self.family)

    def entry(self, prefix: Prefix, hop: int, table: RouteTable) -> Entry:
        assert table is self.table
        kind = Kind.GUARD if hop == DEFAULT else Kind.SYNTHESISED
        return Entry(prefix, self.next_hops[hop], ATTRIBUTES, kind)

    def allowed(self, now: float) -> list[set[int]]:
        """By address, where it may go: where some table of the last seconds sends it, or to the default."""
        since = max((at for at, _ in self.truths if at <= now - PATIENCE), default=0.0)
        recent = [truth for at, truth in self.truths if at >= since]
        return [{DEFAULT, *hops} for hops in zip(*recent, strict=True)]


class Life:
    """One history."""

    def __init__(self, universe: Universe, seed: int, pace: float) -> None:
        self.numbers = Numbers(universe)
        self.family = universe.family
        # Some lengths take two slots.
        self.costs = tuple(1 + length % 2 for length in range(self.family.bits + 1))
        pool = Pool("lpm", SLOTS, {self.family: self.costs})
        speaker = Speaker("neighbor 127.0.0.1 local-ip 127.0.0.2", 65000, (pool,), pace)
        self.world = World(speaker, self.family, seed)
        self.down_at = self.up_at = 0.0

    def begin(self) -> None:
        self.world.speaker.want(self.family, PrefixMap(self.family))
        self.world.session(up=True)

    def want(self, picks: list[tuple[int, int]]) -> None:
        numbers, universe = self.numbers, self.numbers.universe
        chosen: dict[Prefix, int] = {}
        free = SLOTS
        for place, pick in picks:
            prefix = universe.prefixes[place % len(universe.prefixes)]
            cost = self.costs[key(prefix)[1]]
            if prefix not in chosen and cost <= free:
                chosen[prefix] = pick
                free -= cost
        safe = universe.safe(chosen.items(), numbers.truths[-1][1])
        entries = {prefix: numbers.entry(prefix, hop, numbers.table) for prefix, hop in safe.items()}
        self.world.speaker.want(self.family, PrefixMap(self.family, entries))

    def route(self, place: int, hop: int) -> None:
        numbers = self.numbers
        prefix = numbers.universe.prefixes[place % len(numbers.universe.prefixes)]
        numbers.change(prefix, hop if hop <= HOPS else None, self.world.now)
        mend(self.world.speaker, prefix, numbers.table, numbers)

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.world.step()
            self.find_lost()
            self.check()

    def flap(self, count: int) -> None:
        self.world.session(up=False)
        self.steps(count)
        self.world.session(up=True)
        # Nothing could be repaired in the meantime, so the clock of what changed then starts now.
        numbers = self.numbers
        numbers.truths = [(at if at < self.up_at else self.world.now, t) for at, t in numbers.truths]
        self.up_at = self.world.now

    def limit(self, limited: bool) -> None:
        """BIRD's import limit is hit, or is over."""
        self.world.limited = limited
        self.world.speaker.block(self.family, limited)

    def find_lost(self) -> None:
        speaker, numbers = self.world.speaker, self.numbers
        told = speaker.told_at(self.family).items()
        late = [each for each, at in told if self.world.now - at > LATE and each not in self.world.kernel]
        if not speaker.lost(self.family, late, self.world.now):
            return
        standing = speaker.standing(self.family)
        hops = {prefix: numbers.entry_hop(entry) for prefix, entry in standing.items()}
        for address in numbers.universe.misforwarded(hops, numbers.truths[-1][1]):
            place = numbers.universe.match(hops, address)
            assert place is not None
            speaker.correct(place, Entry.guard(place))

    def check(self) -> None:
        numbers, world = self.numbers, self.world
        assert world.taken(self.costs) <= SLOTS, "more entries than the hardware has room for"
        self.check_accounts()
        if not world.speaker.up:
            return
        installed = {prefix: numbers.next_hops.index(hop) for prefix, hop in world.kernel.items()}
        for hop, allowed in zip(numbers.universe.forward(installed), numbers.allowed(world.now), strict=True):
            assert hop in allowed, "misforwarded"

    def check_accounts(self) -> None:
        """What is kept up to date change by change is what it would be if looked up anew."""
        speaker, kernel = self.world.speaker, self.world.kernel.keys()
        assert speaker.absent(self.family) == speaker.told_at(self.family).keys() - kernel
        book = speaker._books[self.family]
        assert book.foreign == kernel - speaker.standing(self.family).keys() - book.leaving.keys()


picks = st.lists(st.tuples(st.integers(0, 62), st.integers(0, 3)), max_size=8)
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("want"), picks),
        st.tuples(st.just("route"), st.tuples(st.integers(0, 62), st.integers(0, HOPS + 1))),
        st.tuples(st.just("flap"), st.integers(1, 10)),
        st.tuples(st.just("refuse"), st.sampled_from((0.0, 0.2))),
        st.tuples(st.just("limit"), st.booleans()),
        st.tuples(st.just("steps"), st.integers(1, 60)),
    ),
    max_size=25,
)
nested = st.sampled_from([universe for universe in UNIVERSES if universe.length])  # no entry for the default


@settings(max_examples=300, deadline=None)
@given(nested, happenings, st.integers(0, 2**32), st.sampled_from((2.0, 1000.0)))
def test_no_moment_misforwards_or_overfills(
    universe: Universe, history: list[tuple[str, Any]], seed: int, pace: float
) -> None:
    life = Life(universe, seed, pace)
    life.begin()
    for what, value in history:
        if what == "route":
            life.route(*value)
        elif what == "refuse":
            life.world.refuse = value
        else:
            getattr(life, what)(value)
    life.world.refuse = 0.0
    life.limit(False)
    life.steps(60)
    wanted = dict(life.world.speaker.wanted(life.family))
    life.world.now += 100.0  # what was refused gets its second chance
    life.world.settle()
    assert life.world.kernel == {prefix: entry.next_hop for prefix, entry in wanted.items()}
    life.numbers.truths = life.numbers.truths[-1:]
    life.check()
