"""The speaker's three rules, in a world that delays and reorders whatever it may."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce.speaker import Speaker
from arm.model import Attributes, Entry, Family, Prefix
from tests.announce.world import ATTRIBUTES, World, entry

CAPACITY = 6
PREFIXES = {
    Family.IPV4: [f"20.{n}.0.0/16" for n in range(14)],
    Family.IPV6: [f"2a00:{n:x}::/32" for n in range(1, 15)],
}
HOPS = {Family.IPV4: ("10.0.0.1", "10.0.0.2"), Family.IPV6: ("2001:db8::1", "2001:db8::2")}
# Two sets, so that ExaBGP has several groups to reorder.
SETS = (ATTRIBUTES, Attributes(med=7))


def make(family: Family, seed: int = 0, capacity: int = CAPACITY) -> World:
    speaker = Speaker("neighbor 127.0.0.1 local-ip 127.0.0.2", 65000, dict.fromkeys(Family, capacity))
    return World(speaker, family, seed)


def table(family: Family, choice: list[tuple[int, int, int]], room: int = CAPACITY) -> dict[Prefix, Entry]:
    """A choice: index of prefix, next hop and attributes, at most `room` prefixes."""
    wanted: dict[Prefix, Entry] = {}
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
    speaker.want(family, {}, 0.0)
    world.session(up=True)
    for what, value in history:
        if what == "want":
            speaker.want(family, table(family, value), world.now)
        elif what == "repair":
            for number, hop, _ in value:
                prefix = Prefix(PREFIXES[family][number])
                speaker.repair(family, prefix, entry(prefix, HOPS[family][hop]) if hop < 2 else None)
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
    assert world.peak <= CAPACITY
    world.now += 100.0  # entries that were refused get their second chance
    speaker.want(family, wanted, world.now)
    world.settle()
    assert world.bird == {prefix: each.next_hop for prefix, each in wanted.items()}
    assert world.kernel == set(wanted)
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
        world.kernel.add(prefix)
        world.speaker.kernel(family, prefix, present=True)
    world.stale = set(world.bird)
    new = table(family, [(n, 0, 0) for n in range(3, 9)])
    world.speaker.want(family, new, 0.0)
    world.session(up=True)
    world.settle()
    assert world.peak <= CAPACITY
    assert world.kernel == set(new)


@pytest.mark.parametrize("family", Family)
def test_same_choice_again_says_nothing(family: Family) -> None:
    world = make(family)
    wanted = table(family, [(n, n % 2, n % 2) for n in range(6)])
    world.speaker.want(family, dict(wanted), 0.0)
    world.session(up=True)
    world.settle()
    before = world.speaker.commands
    world.speaker.want(family, dict(wanted), world.now)
    world.settle()
    assert world.speaker.commands == before


@pytest.mark.parametrize("family", Family)
def test_a_repair_is_the_next_thing_said(family: Family) -> None:
    world = make(family)
    first = table(family, [(n, 0, 0) for n in range(6)])
    world.speaker.want(family, first, 0.0)
    world.session(up=True)
    world.settle()
    world.speaker.want(family, table(family, [(n, 1, 0) for n in range(6)]), world.now)  # five others to move
    moved = list(first)[5]
    world.speaker.repair(family, moved, entry(moved, "10.9.9.9"))
    line = world.speaker.next(world.now)[0]
    assert "10.9.9.9" in line
    assert line.endswith(f"nlri {moved}")


def test_a_new_entry_waits_until_the_kernel_shows_room() -> None:
    family = Family.IPV4
    world = make(family, capacity=1)
    world.speaker.want(family, table(family, [(0, 0, 0)]), 0.0)
    world.session(up=True)
    world.settle()
    world.speaker.want(family, table(family, [(1, 0, 0)], room=1), world.now)
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
    wanted = table(family, [(0, 0, 0)])
    world.speaker.want(family, dict(wanted), 0.0)
    world.session(up=True)
    world.speaker.next(0.0)
    assert world.speaker.answer(False, 0.0) == tuple(wanted)
    world.speaker.want(family, dict(wanted), 1.0)
    assert all("announce attributes" not in line for line in world.speaker.next(1.0))
    world.speaker.want(family, dict(wanted), 61.0)
    assert any("announce attributes" in line for line in world.speaker.next(61.0))


def test_what_exabgp_reads_between_two_sessions_is_waited_for() -> None:
    """It answers while the session is down, and writes when it is up: not behind a newer change."""
    family = Family.IPV4
    world = make(family)
    wanted = table(family, [(0, 0, 0)])
    world.speaker.want(family, dict(wanted), 0.0)
    world.session(up=True)
    world.settle()
    world.speaker.want(family, {}, world.now)
    world.speak()
    world.session(up=False)
    world.exabgp_reads()
    world.speaker.want(family, dict(wanted), world.now)
    world.session(up=True)
    assert not any("announce attributes" in line for line in world.speaker.next(world.now))
    world.settle()
    assert set(world.bird) == set(wanted)
