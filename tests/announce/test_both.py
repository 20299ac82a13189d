"""Both families at once, in pools that they share and that become smaller while ARM runs."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce.speaker import Speaker
from arm.model import Entry, Family, Pool, Prefix
from arm.rib.prefixmap import PrefixMap, key
from tests.announce.world import World, entry

PLACES = {
    Family.IPV4: [f"20.{n >> 4}.{n & 15}.0/24" if n % 3 else f"20.{n}.0.0/16" for n in range(12)],
    Family.IPV6: [f"2a00:{n:x}::/{32 + 16 * (n % 2)}" for n in range(1, 13)],
}
HOPS = {Family.IPV4: ("10.0.0.1", "10.0.0.2"), Family.IPV6: ("2001:db8::1", "2001:db8::2")}
PACE = 8


def pools(shared: int, own: int) -> list[Pool]:
    """One for all, in which IPv6 takes two slots, and four behind /40; and one for IPv4's /24s."""
    long = tuple(int(n >= 24) for n in range(33))
    both = {Family.IPV4: (1,) * 33, Family.IPV6: tuple(2 + 2 * (n > 40) for n in range(129))}
    return [Pool("shared", shared, both), Pool("long", own, {Family.IPV4: long})]


def cost(pools: Iterable[Pool], prefixes: Iterable[Prefix]) -> list[int]:
    held = [(Family.of(prefix), key(prefix)[1]) for prefix in prefixes]
    return [sum(pool.cost(*each) for each in held) for pool in pools]


class Hardware:
    """The world, with an eye on slots and pace."""

    def __init__(self, shared: int, own: int, seed: int) -> None:
        self.pools = pools(shared, own)
        self.speaker = Speaker("neighbor 127.0.0.1 local-ip 127.0.0.2", 65000, self.pools, PACE)
        self.world = World(self.speaker, Family.IPV4, seed)
        self.most = [pool.slots for pool in self.pools]  # more than there are slots right after a resize
        for family in Family:
            self.speaker.want(family, PrefixMap(family))
        self.world.session(up=True)

    def held(self) -> list[int]:
        """What the kernel has, or may come to have."""
        prefixes = set(self.world.kernel)
        for family in Family:
            prefixes |= {*self.speaker.standing(family), *self.speaker.leaving(family)}
        return cost(self.pools, prefixes)

    def want(self, picks: Iterable[tuple[Family, int, int]]) -> None:
        """As much of this as fits, in this order."""
        wanted = {family: PrefixMap[Entry](family) for family in Family}
        left = [pool.slots for pool in self.pools]
        for family, place, hop in picks:
            each = entry(PLACES[family][place], HOPS[family][hop])
            needs = cost(self.pools, [each.prefix])
            fits = all(need <= free for need, free in zip(needs, left, strict=True))
            if fits and each.prefix not in wanted[family]:
                wanted[family][each.prefix] = each
                left = [free - need for need, free in zip(needs, left, strict=True)]
        for family, entries in wanted.items():
            self.speaker.want(family, entries)

    def repair(self, family: Family, place: int, hop: int) -> None:
        """Of what stands; or of what does not, as a routing change may need it, if there is room."""
        each = entry(PLACES[family][place], HOPS[family][hop])
        if each.prefix in self.speaker.standing(family) or self.speaker.fits([each.prefix]):
            self.speaker.correct(each.prefix, each)
        if each.prefix in self.speaker.wanted(family) or self.speaker.wanted_fits([each.prefix]):
            self.speaker.amend(each.prefix, each)

    def resize(self, shared: int, own: int) -> None:
        held = self.held()
        self.pools = pools(shared, own)
        self.speaker.resize(self.pools, PACE)
        self.most = [max(pool.slots, had) for pool, had in zip(self.pools, held, strict=True)]

    def step(self) -> None:
        self.world.step()
        taken = cost(self.pools, self.world.kernel)
        assert all(own <= most for own, most in zip(taken, self.most, strict=True)), "over capacity"
        held = zip(self.pools, self.most, self.held(), strict=True)
        self.most = [max(pool.slots, min(most, had)) for pool, most, had in held]  # it never grows again


place = st.tuples(st.sampled_from(Family), st.integers(0, 11), st.integers(0, 1))
sizes = st.tuples(st.integers(0, 14), st.integers(0, 4))
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("want"), st.lists(place, max_size=14)),
        st.tuples(st.just("want"), st.lists(place, max_size=14)),
        st.tuples(st.just("repair"), place),
        st.tuples(st.just("resize"), sizes),
        st.tuples(st.just("flap"), st.just(())),
        st.tuples(st.just("steps"), st.integers(1, 40)),
        st.tuples(st.just("steps"), st.integers(1, 40)),
    ),
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(sizes, happenings, st.lists(place, max_size=14), st.integers(0, 2**32))
def test_at_no_moment_there_is_more_than_fits_and_in_the_end_all_that_is_wanted(
    first: tuple[int, int],
    history: list[tuple[str, object]],
    last: list[tuple[Family, int, int]],
    seed: int,
) -> None:
    hardware = Hardware(*first, seed)
    for what, value in history:
        if what == "steps":
            assert isinstance(value, int)
            for _ in range(value):
                hardware.step()
        elif what == "flap":
            hardware.world.session(up=False)
            hardware.step()
            hardware.world.session(up=True)
        elif what == "want":
            assert isinstance(value, list)
            hardware.want(value)
        else:
            assert isinstance(value, tuple)
            getattr(hardware, what)(*value)
    hardware.want(last)
    wanted = {p: e.next_hop for f in Family for p, e in hardware.speaker.wanted(f).items()}
    for _ in range(200):
        hardware.step()
    hardware.world.settle()
    assert hardware.world.kernel == wanted
    taken = cost(hardware.pools, wanted)
    assert all(own <= pool.slots for pool, own in zip(hardware.pools, taken, strict=True))
