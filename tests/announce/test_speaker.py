"""The speaker's three rules, in a world that delays and reorders whatever it may."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce.speaker import Speaker
from arm.model import Attributes, Entry, Family, Pool, Prefix
from arm.rib.prefixmap import PrefixMap
from tests.announce.world import ATTRIBUTES, World, entry

CAPACITY = 6
PACE = 1000.0
PREFIXES = {
    Family.IPV4: [f"20.{n}.0.0/16" for n in range(14)],
    Family.IPV6: [f"2a00:{n:x}::/32" for n in range(1, 15)],
}
HOPS = {Family.IPV4: ("10.0.0.1", "10.0.0.2"), Family.IPV6: ("2001:db8::1", "2001:db8::2")}
# Two sets, so that ExaBGP has several groups to reorder.
SETS = (ATTRIBUTES, Attributes(med=7))


def make(family: Family, seed: int = 0, capacity: int = CAPACITY) -> World:
    pools = [Pool(each.label, capacity, {each: (1,) * (each.bits + 1)}) for each in Family]
    return World(Speaker("neighbor 127.0.0.1 local-ip 127.0.0.2", 65000, pools, PACE), family, seed)


def table(family: Family, choice: list[tuple[int, int, int]], room: int = CAPACITY) -> PrefixMap[Entry]:
    """A choice: index of prefix, next hop and attributes, at most `room` prefixes."""
    wanted: PrefixMap[Entry] = PrefixMap(family)
    for prefix, hop, attributes in choice:
        if len(wanted) == room:
            break
        each = entry(PREFIXES[family][prefix], HOPS[family][hop], SETS[attributes])
        wanted[each.prefix] = each
    return wanted


choices = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 1), st.integers(0, 1)), max_size=10)
# What happens: a word, and a list of numbers that it needs.
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("want"), choices),
        st.tuples(
            st.just("repair"),
            st.lists(st.tuples(st.integers(0, 13), st.integers(0, 2), st.just(0)), max_size=2),
        ),
        st.tuples(st.sampled_from(("flap", "refuse")), st.just([])),
        st.tuples(st.just("steps"), st.lists(st.just((0, 0, 0)), min_size=1, max_size=30)),
    ),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(Family), happenings, st.integers(0, 2**32))
def test_never_over_capacity_and_always_where_it_should_end(
    family: Family, history: list[tuple[str, list[tuple[int, int, int]]]], seed: int
) -> None:
    world = make(family, seed)
    speaker = world.speaker
    speaker.want(family, PrefixMap(family))
    world.session(up=True)
    for what, value in history:
        if what == "want":
            speaker.want(family, table(family, value))
        elif what == "repair":
            for number, hop, _ in value:
                prefix = Prefix(PREFIXES[family][number])
                moved = entry(prefix, HOPS[family][hop]) if hop < 2 else None
                if prefix in speaker.standing(family):
                    speaker.correct(prefix, moved)
                if prefix in speaker.wanted(family):
                    speaker.amend(prefix, moved)
        elif what == "flap":
            world.session(up=False)
            for _ in range(5):
                world.step()
            world.session(up=True)
        elif what == "refuse":
            world.refuse = 0.2
        else:
            for _ in value:
                world.step()
        assert len(world.kernel) <= CAPACITY, "more entries than the hardware has room for"
    wanted = dict(speaker.wanted(family))
    world.settle()
    world.now += 100.0  # entries that were refused get their second chance
    speaker.want(family, PrefixMap(family, wanted))
    world.settle()
    assert world.bird == {prefix: each.next_hop for prefix, each in wanted.items()}
    assert world.kernel.keys() == wanted.keys()
    assert speaker.occupied(family) == len(wanted)


@pytest.mark.parametrize("family", Family)
def test_nothing_is_said_before_there_is_a_choice(family: Family) -> None:
    world = make(family)
    world.session(up=True)
    assert world.speaker.next(0.0) == [], "not even end-of-RIB: BIRD keeps what the last run left"


@pytest.mark.parametrize("family", Family)
def test_a_restart_keeps_what_stays_and_drops_the_rest_at_end_of_rib(family: Family) -> None:
    world = make(family)
    old = table(family, [(n, 0, 0) for n in range(6)])
    for prefix in old:  # left by an earlier run
        world.bird[prefix] = HOPS[family][0]
        world.kernel[prefix] = HOPS[family][0]
        world.speaker.kernel(family, prefix, True)
    world.stale = set(world.bird)
    new = table(family, [(n, 0, 0) for n in range(3, 9)])
    world.speaker.want(family, PrefixMap(family, new))
    world.session(up=True)
    world.settle()
    assert world.kernel.keys() == new.keys()


@pytest.mark.parametrize("family", Family)
def test_same_choice_again_says_nothing(family: Family) -> None:
    world = make(family)
    wanted = table(family, [(n, n % 2, n % 2) for n in range(6)])
    world.speaker.want(family, PrefixMap(family, wanted))
    world.session(up=True)
    world.settle()
    before = world.speaker.commands
    world.speaker.want(family, PrefixMap(family, wanted))
    world.settle()
    assert world.speaker.commands == before


@pytest.mark.parametrize("family", Family)
def test_a_repair_is_the_next_thing_said(family: Family) -> None:
    world = make(family)
    first = table(family, [(n, 0, 0) for n in range(6)])
    world.speaker.want(family, PrefixMap(family, first))
    world.session(up=True)
    world.settle()
    world.speaker.want(family, table(family, [(n, 1, 0) for n in range(6)]))  # five others to move
    moved = list(first)[5]
    world.speaker.correct(moved, entry(moved, "10.9.9.9"))
    line = world.speaker.next(world.now)[0]
    assert "10.9.9.9" in line
    assert line.endswith(f"nlri {moved}")


def test_a_new_entry_waits_until_the_kernel_shows_room() -> None:
    family = Family.IPV4
    world = make(family, capacity=1)
    world.speaker.want(family, table(family, [(0, 0, 0)]))
    world.session(up=True)
    world.settle()
    world.speaker.want(family, table(family, [(1, 0, 0)], room=1))
    (line,) = world.speaker.next(world.now)
    assert "withdraw" in line
    world.pipe.append((world.now, line))
    world.exabgp_reads()
    world.exabgp_writes()
    assert world.speaker.next(world.now) == [], "BIRD knows, but the hardware still holds the old entry"
    world.kernel_follows()
    (line,) = world.speaker.next(world.now)
    assert "announce" in line
    assert PREFIXES[family][1] in line


def test_refused_entries_are_named_and_retried_later() -> None:
    family = Family.IPV4
    world = make(family)
    wanted = table(family, [(0, 0, 1)])
    world.speaker.want(family, PrefixMap(family))
    world.session(up=True)
    world.settle()
    world.speaker.want(family, PrefixMap(family, wanted))
    world.speaker.next(world.now)
    assert world.speaker.answer(False, world.now) == tuple(wanted)
    (line,) = world.speaker.next(world.now + 1.0)
    assert "med 7" not in line, "tried again without attributes"
    assert world.speaker.answer(False, world.now + 1.0) == tuple(wanted)
    world.speaker.want(family, PrefixMap(family, wanted))
    assert world.speaker.next(world.now + 2.0) == []
    world.speaker.want(family, PrefixMap(family, wanted))
    assert any("announce attributes" in line for line in world.speaker.next(world.now + 62.0))


def test_what_exabgp_reads_between_two_sessions_is_waited_for() -> None:
    """It answers while the session is down, and writes when it is up: not behind a newer change."""
    family = Family.IPV4
    world = make(family)
    wanted = table(family, [(0, 0, 0)])
    world.speaker.want(family, PrefixMap(family, wanted))
    world.session(up=True)
    world.settle()
    world.speaker.want(family, PrefixMap(family))
    world.speak()
    world.session(up=False)
    world.exabgp_reads()
    world.speaker.want(family, PrefixMap(family, wanted))
    world.session(up=True)
    assert not any("announce attributes" in line for line in world.speaker.next(world.now))
    world.settle()
    assert set(world.bird) == set(wanted)


def test_one_plan_at_a_time() -> None:
    """Two would keep the event loop from its sockets for twice as long."""
    speaker = make(Family.IPV4).speaker
    speaker.session(True, 0.0)
    for family in Family:
        speaker.want(family, PrefixMap(family))
    while lines := speaker.next(0.0):  # the ends of RIB
        for _ in lines:
            speaker.answer(True, 0.0)
    for family in Family:
        speaker.want(family, table(family, [(0, 0, 0)]))
    told = []
    for goes_on in (True, False, False):
        told.append(speaker.next(1.0))
        assert speaker.goes_on == goes_on
    assert [
        [PREFIXES[family][0] in line for line in lines] for family, lines in zip(Family, told, strict=False)
    ] == [
        [True],
        [True],
    ]
    assert told[2] == []
