"""What becomes of what has no effect, of commands that ExaBGP refuses, and of limits that were lowered."""

from __future__ import annotations

from itertools import pairwise

import pytest

from arm.model import Attributes, Entry, Family, Pool, Prefix
from arm.rib.prefixmap import PrefixMap
from tests.announce.daemon import HOPS, PLACES, Daemon, refused, started, told
from tests.announce.world import entry

families = pytest.mark.parametrize("family", Family)

# --- what has no effect -----------------------------------------------------------------------------


@families
def test_what_has_no_effect_is_taken_back_and_tried_ever_more_rarely(family: Family) -> None:
    daemon = started(family)
    where = Prefix(PLACES[family][0])
    tried = []
    daemon.limited = True  # BIRD does not let it in
    start = daemon.now
    daemon.want([0])
    for second in range(200):
        daemon.now = start + second
        told = daemon.says()
        if told.get(where):
            tried.append(second)
        daemon.heard()
        if daemon.speaker.lost(family, [where], daemon.now):
            assert daemon.says() == {where: None}, "at once"
            assert where not in daemon.speaker.standing(family)
            assert where in daemon.speaker.wanted(family)
            daemon.heard()
        assert daemon.speaker.never_came(family) == [where]
    waits = [after - before for before, after in pairwise(tried)]
    assert waits == [5, 10, 20, 40, 60, 60]
    daemon.limited = False
    daemon.settle()
    daemon.now += 61.0
    daemon.settle()
    assert {*daemon.kernel} == {where}
    assert daemon.speaker.never_came(family) == []


@families
def test_what_the_hardware_refuses_came_to_the_kernel(family: Family) -> None:
    daemon = started(family)
    where = Prefix(PLACES[family][0])
    daemon.want([0])
    daemon.settle()
    assert daemon.speaker.lost(family, [where], daemon.now)
    assert daemon.speaker.never_came(family) == []


@families
def test_nobody_misses_what_is_not_wanted_any_more(family: Family) -> None:
    daemon = started(family)
    daemon.limited = True
    daemon.want([0])
    daemon.says()
    daemon.heard()
    assert daemon.speaker.lost(family, [Prefix(PLACES[family][0])], daemon.now)
    daemon.want([])
    daemon.settle()
    assert daemon.speaker.never_came(family) == []


@families
def test_what_comes_after_it_waits(family: Family) -> None:
    """An entry that covers another, which has no effect, would take its traffic."""
    daemon = started(family)
    inside, around = {
        Family.IPV4: (Prefix("20.0.1.0/24"), Prefix("20.0.0.0/16")),
        Family.IPV6: (Prefix("2a00:1:1::/48"), Prefix("2a00:1::/32")),
    }[family]
    daemon.limited = True
    entries = [entry(around, HOPS[family][0]), Entry.guard(inside)]
    daemon.speaker.want(family, PrefixMap(family, {each.prefix: each for each in entries}))
    assert {*daemon.says()} == {inside}
    daemon.heard()
    daemon.limited = False
    for _ in range(4):
        daemon.now += 1.0
        assert daemon.says() == {}
    assert daemon.speaker.lost(family, [inside, around], daemon.now)
    assert {*daemon.says()} == {inside}
    daemon.heard()
    for _ in range(4):
        daemon.now += 1.0
        assert daemon.says() == {}
    daemon.now += 1.0
    assert {*daemon.says()} == {inside}
    daemon.heard()
    assert {*daemon.says()} == {around}


@families
def test_what_is_under_way_is_not_lost(family: Family) -> None:
    daemon = started(family)
    daemon.want([0])
    daemon.says()
    where = Prefix(PLACES[family][0])
    assert not daemon.speaker.lost(family, [where], daemon.now)
    assert not daemon.speaker.lost(family, [Prefix(PLACES[family][1])], daemon.now), "nor is what nobody told"


# --- refused commands -------------------------------------------------------------------------------


@families
@pytest.mark.parametrize("frozen", [False, True])
def test_a_refused_repair_is_tried_again_without_attributes(family: Family, frozen: bool) -> None:
    daemon = started(family, [0])
    where = Prefix(PLACES[family][0])
    moved = entry(where, HOPS[family][1], Attributes(med=7))
    daemon.speaker.freeze(family, frozen)
    daemon.speaker.correct(where, moved)
    daemon.speaker.amend(where, moved)
    assert refused(daemon) == {where: moved.next_hop}
    assert daemon.speaker.standing(family)[where] == moved, "the next repair counts on it"
    (line,) = daemon.speaker.next(daemon.now)
    assert "med 7" not in line
    assert told([line]) == {where: moved.next_hop}


@families
def test_a_repair_of_what_is_being_refused_is_not_forgotten(family: Family) -> None:
    daemon = started(family, [0])
    where = Prefix(PLACES[family][0])
    daemon.want([0], 1)
    assert daemon.says() == {where: HOPS[family][1]}
    daemon.speaker.correct(where, Entry.guard(where))
    daemon.speaker.freeze(family, True)
    daemon.speaker.answer(False, daemon.now)
    daemon.pipe.clear()
    assert daemon.says() == {where: family.guard_next_hop}
    daemon.heard()
    assert daemon.kernel[where] == family.guard_next_hop


@families
def test_a_repair_that_is_taken_back_leaves_all_as_it_was(family: Family) -> None:
    daemon = started(family, [0, 1])
    where, before = Prefix(PLACES[family][0]), dict(daemon.speaker.told_at(family))
    daemon.speaker.correct(where, None)
    daemon.speaker.correct(where, entry(where, HOPS[family][0]))
    assert daemon.speaker.told_at(family) == before
    assert {*daemon.speaker.told(family)} == daemon.places([0, 1])
    assert daemon.says() == {}
    assert daemon.speaker.idle()


@families
def test_a_refused_withdrawal_leaves_all_as_it_was(family: Family) -> None:
    daemon = started(family, [0, 1])
    before = dict(daemon.speaker.told_at(family))
    daemon.want([0])
    assert refused(daemon) == {PLACES[family][1]: None}
    assert daemon.speaker.told_at(family) == before
    assert {*daemon.speaker.standing(family)} == daemon.places([0, 1])
    daemon.settle()
    assert {*daemon.kernel} == daemon.places([0])


@families
def test_a_refused_end_of_rib_is_said_again(family: Family) -> None:
    daemon = Daemon(family)
    daemon.want([0])
    daemon.session(up=True)
    assert refused(daemon) == {"eor": ""}
    assert daemon.says() == {"eor": ""}
    daemon.session(up=False)
    daemon.speaker.answer(False, daemon.now)
    assert daemon.says() == {}, "there is nobody to say it to"


# --- less room --------------------------------------------------------------------------------------


@families
def test_with_less_room_a_repair_takes_none(family: Family) -> None:
    daemon = started(family, range(10), slots=10)
    daemon.speaker.resize([Pool("lpm", 4, {each: (1,) * (each.bits + 1) for each in Family})], 2.0)
    new = entry(PLACES[family][20])
    assert not daemon.speaker.fits([new.prefix])
    assert daemon.speaker.fits([Prefix(PLACES[family][3])])
    daemon.want(range(8, 12))
    said = 0
    for _ in range(20):
        daemon.now += 0.5
        said = len(daemon.says())
        assert said <= 2, "the pace is another, too"
        daemon.heard()
    assert {*daemon.kernel} == daemon.places(range(8, 12))
    assert daemon.speaker.idle()
