"""What is told when: to a new session, while nothing may change, and how much of it in a second."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce.agenda import Pace
from arm.announce.book import Book
from arm.announce.slots import Slots
from arm.model import Entry, Family, Pool, Prefix
from arm.rib.messages import Update
from arm.rib.prefixmap import PrefixMap
from tests.announce.daemon import HOPS, PLACES, Daemon, some, started, told
from tests.announce.world import ATTRIBUTES, entry

families = pytest.mark.parametrize("family", Family)

# --- a new session ----------------------------------------------------------------------------------


@families
def test_what_stood_is_told_again_then_comes_end_of_rib_then_what_changes(family: Family) -> None:
    daemon = Daemon(family)
    daemon.left(range(4))
    daemon.speaker.adopt(family, some(family, range(1, 6)).values())
    assert {*daemon.speaker.standing(family)} == daemon.places(range(1, 4)), "what the kernel has, only"
    daemon.want(range(2, 8))
    daemon.session(up=True)
    assert {*daemon.says()} == daemon.places(range(1, 4))
    assert daemon.says() == {}, "before it is on the wire nothing else is said"
    while daemon.pipe:
        daemon.exabgp_reads()
    assert daemon.says() == {}
    daemon.heard()
    assert daemon.says() == {"eor": ""}
    assert daemon.says() == {}, "BIRD has yet to drop what it was not told again"
    daemon.now += 1.9
    assert daemon.says() == {}
    daemon.heard()
    assert {*daemon.kernel} == daemon.places(range(1, 4))
    assert {*daemon.says()} == daemon.places([4, 5, 6, 7, 1])
    daemon.heard()
    assert {*daemon.kernel} == daemon.places(range(2, 8))


@families
def test_a_bird_that_drops_nothing_is_waited_for_two_seconds(family: Family) -> None:
    daemon = Daemon(family)
    daemon.left([0])
    daemon.want([1])
    daemon.session(up=True)
    assert daemon.says() == {"eor": ""}
    while daemon.pipe:
        daemon.exabgp_reads()
    assert daemon.speaker.foreign(family, daemon.now) == set()
    daemon.now = 2.1
    assert {*daemon.says()} == daemon.places([1])
    assert daemon.speaker.foreign(family, daemon.now) == daemon.places([0])


@families
def test_before_anything_is_wanted_nothing_is(family: Family) -> None:
    daemon = Daemon(family)
    daemon.left([0])
    daemon.session(up=True)
    assert len(daemon.speaker.wanted(family)) == 0
    assert not daemon.speaker.may_speak(family)
    daemon.speaker.amend(Prefix(PLACES[family][0]), entry(PLACES[family][0]))
    assert (daemon.says(), len(daemon.speaker.wanted(family)), daemon.speaker.idle()) == ({}, 0, True)
    assert daemon.speaker.foreign(family, 99.0) == set(), "nobody knows yet whose it is"


@families
def test_repairs_of_the_time_between_sessions_come_first_and_end_of_rib_after_them(family: Family) -> None:
    daemon = started(family, range(3))
    daemon.session(up=False)
    moved = entry(PLACES[family][1], HOPS[family][1])
    daemon.speaker.correct(moved.prefix, moved)
    daemon.speaker.correct(Prefix(PLACES[family][2]), None)
    daemon.session(up=True)
    first = daemon.speaker.next(daemon.now)
    assert told(first[:2]) == {PLACES[family][1]: moved.next_hop, PLACES[family][2]: None}
    assert told(first[2:]) == {PLACES[family][0]: HOPS[family][0]}


# --- holding still ----------------------------------------------------------------------------------


@families
def test_frozen_only_repairs_and_what_a_session_must_be_told_are_said(family: Family) -> None:
    daemon = started(family, range(3))
    speaker = daemon.speaker
    speaker.freeze(family, True)
    daemon.want(range(2, 6))
    assert daemon.says() == {}
    moved = entry(PLACES[family][2], HOPS[family][1])
    speaker.correct(moved.prefix, moved)
    assert daemon.says() == {moved.prefix: moved.next_hop}
    daemon.heard()
    daemon.session(up=False)
    daemon.session(up=True)
    assert {*daemon.says()} == daemon.places(range(3))
    daemon.heard()
    assert daemon.says() == {"eor": ""}
    daemon.heard()
    daemon.now += 5.0
    assert daemon.says() == {}
    assert {*daemon.kernel} == daemon.places(range(3))
    speaker.freeze(family, False)
    daemon.settle()
    assert {*daemon.kernel} == daemon.places(range(2, 6))


@families
def test_behind_an_import_limit_nothing_new_is_told(family: Family) -> None:
    daemon = started(family, range(3))
    daemon.speaker.block(family, True)
    assert daemon.speaker.blocked() == [family]
    assert not daemon.speaker.fits([Prefix(PLACES[family][5])])
    assert daemon.speaker.fits([Prefix(PLACES[family][1])])
    daemon.speaker.want(family, PrefixMap(family, {**some(family, [1], 1), **some(family, [2, 3, 4])}))
    for _ in range(5):
        daemon.now += 1.0
        assert {*daemon.says()} <= daemon.places([0, 1])
        daemon.heard()
    assert {*daemon.kernel} == daemon.places([1, 2])
    assert daemon.kernel[Prefix(PLACES[family][1])] == HOPS[family][1]
    daemon.speaker.block(family, False)
    assert {*daemon.says()} == daemon.places([3, 4])


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(Family),
    st.integers(1, 12),
    st.lists(st.tuples(st.floats(0.0, 0.6), st.sets(st.integers(0, 39))), max_size=12),
)
def test_no_second_has_more_steps_than_its_pace(
    family: Family, pace: int, choices: list[tuple[float, set[int]]]
) -> None:
    """Whatever is chosen; repairs are not counted."""
    daemon = started(family, pace=pace)
    made: list[tuple[float, int]] = []
    daemon.now += 10.0
    for passed, numbers in choices:
        daemon.now += passed
        daemon.want(numbers)
        before = {*daemon.speaker.standing(family)}
        for prefix in before:
            daemon.speaker.correct(prefix, entry(prefix, HOPS[family][len(made) % 2]))
        repairs = {p for p in before if daemon.kernel[p] != HOPS[family][len(made) % 2]}
        said = {*daemon.says()}
        assert repairs <= said, "at once, all of them"
        made.append((daemon.now, len(said - repairs)))
        assert sum(many for at, many in made if at > daemon.now - 1.0) <= pace
        daemon.heard()


# --- what the hardware says -------------------------------------------------------------------------


@pytest.mark.parametrize("tells", [False, True])
def test_what_is_guarded_waits_for_the_hardware_where_it_tells(tells: bool) -> None:
    family, cover, guarded = Family.IPV4, Prefix("20.0.0.0/8"), Prefix("20.1.0.0/16")
    book = Book(family, Slots([Pool("lpm", 9, {family: (1,) * 33})]))
    if tells:
        book.hardware(Prefix("10.0.0.0/24"), True)  # a connected network
    book.session(True, (), 0.0)
    book.end(0.0)
    book.want(PrefixMap(family, {cover: entry(cover), guarded: Entry.guard(guarded)}))
    pace = Pace(1000.0)
    assert [prefix for prefix, _ in book.steps(pace, 10.0)] == [guarded]
    book.commanded(guarded, Entry.guard(guarded), 10.0, step=True)
    book.answered(guarded, 10.0)
    book.echo(Update("", family, True, ATTRIBUTES, ((family.guard_next_hop, [guarded]),)), 10.0)
    assert list(book.steps(pace, 10.1)) == [], "BIRD may not have let it in"
    book.kernel(guarded, True)
    if tells:
        assert list(book.steps(pace, 10.2)) == [], "the hardware may not have taken it"
        book.hardware(guarded, True)
    assert [prefix for prefix, _ in book.steps(pace, 10.3)] == [cover]
