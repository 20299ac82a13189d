"""What a table that changes as a whole, and peers that are lost, make of what is installed."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Entry, Family, Prefix
from arm.rib.hoptable import key_bits
from arm.rib.messages import SessionChange
from arm.rib.prefixmap import PrefixMap, key
from arm.routing import FEW, Make, Take
from tests.middle import Middle, entry, next_hop
from tests.selection.universe import HOPS, UNIVERSES, Universe

families = pytest.mark.parametrize("family", Family)
universes = st.sampled_from([each for each in UNIVERSES if each.length])  # no route is the default's
seeds = st.lists(st.tuples(st.integers(0, 62), st.integers(0, HOPS)), max_size=8)
Picks = list[tuple[int, int]]


def table(universe: Universe, picks: Picks) -> dict[Prefix, int]:
    return {universe.prefixes[place % len(universe.prefixes)]: hop for place, hop in picks}


def entries(family: Family, hops: Mapping[Prefix, int]) -> list[Entry]:
    return [entry(family, prefix, hop) for prefix, hop in hops.items()]


def settled(
    universe: Universe, before: Mapping[Prefix, int], full: Mapping[Prefix, int]
) -> dict[Prefix, int]:
    """Entries that decide on addresses that they send the wrong way are guards now. Behind a key's end
    nothing is told apart: what is there is a guard too, and so is what covers routes there."""
    bits = key_bits(universe.family)
    after = {prefix: 0 if key(prefix)[1] > bits else hop for prefix, hop in before.items()}
    torn = {prefix for prefix in full if key(prefix)[1] > bits}
    short = {prefix: hop for prefix, hop in before.items() if prefix in after and key(prefix)[1] <= bits}
    truth = universe.forward(full)
    for address in universe.addresses:
        decider = universe.match(short, address)
        if decider is None:
            continue
        mixed = any(set(universe.holds[each]) & same_key(universe, address) for each in torn)
        if mixed or short[decider] not in (0, truth[address]):
            after[decider] = 0
    return after


def same_key(universe: Universe, address: int) -> set[int]:
    """The addresses that selection cannot tell from this one."""
    dropped = max(0, universe.length + universe.bits - key_bits(universe.family))
    if dropped >= universe.bits:
        return set(universe.addresses)
    return {each for each in universe.addresses if each >> dropped == address >> dropped}


@settings(max_examples=80, deadline=None)
@given(universes, seeds, seeds, seeds, seeds)
def test_in_doubt_whatever_is_wrong_follows_the_default(
    universe: Universe, drawn: Picks, standing: Picks, wanted: Picks, fixed: Picks
) -> None:
    family, middle, routes = universe.family, Middle(), table(universe, drawn)
    others = {p: h for p, h in table(universe, fixed[:2]).items() if key(p)[1] <= key_bits(family)}
    middle.fixed[family] = {prefix: (next_hop(family, hop),) for prefix, hop in others.items()}
    middle.learn(family, routes)
    stand = {p: h for p, h in table(universe, standing).items() if p not in others}
    want = {p: h for p, h in table(universe, wanted).items() if p not in others}
    middle.stand(family, entries(family, stand), entries(family, want))
    middle.routing.doubt(family)
    middle.refresh(family)
    speaker = middle.speaker
    for found, before in ((speaker.standing(family), stand), (speaker.wanted(family), want)):
        hops, full = middle.hops(family, found), {**routes, **others}
        for address in universe.misforwarded({**hops, **others}, universe.forward(full)):
            assert universe.match({**hops, **others}, address) in others, "for the next choice to guard"
        shown = settled(universe, {**before, **others}, full)
        assert hops == {prefix: hop for prefix, hop in shown.items() if prefix in before}
    stood = {**speaker.standing(family)}
    middle.refresh(family)
    assert {**speaker.standing(family)} == stood, "the doubt is over"


@settings(max_examples=80, deadline=None)
@given(universes, seeds, seeds, seeds, seeds)
def test_a_fresh_table_leaves_nothing_wrong(
    universe: Universe, old: Picks, new: Picks, standing: Picks, wanted: Picks
) -> None:
    """As it arrives, and when it serves."""
    family, middle = universe.family, Middle()
    known = table(universe, old)
    middle.learn(family, known)
    middle.refresh(family)
    truth = universe.forward(known)
    stand, want = (universe.safe(table(universe, each).items(), truth) for each in (standing, wanted))
    middle.stand(family, entries(family, stand), entries(family, want))
    middle.session(up=False)
    middle.session(up=True)

    def look(full: Mapping[Prefix, int]) -> None:
        for found in (middle.speaker.standing(family), middle.speaker.wanted(family)):
            assert not universe.misforwarded(middle.hops(family, found), universe.forward(full))

    arrived = dict[Prefix, int]()
    for prefix, hop in table(universe, new).items():
        middle.announce(family, prefix, hop)
        arrived[prefix] = hop
        look({**known, **arrived} if known else {})
    middle.end_of_rib(family)
    middle.refresh(family)
    look(arrived)


@settings(max_examples=80, deadline=None)
@given(universes, seeds, seeds, seeds, seeds)
def test_top_follows_the_routes_of_its_prefixes(
    universe: Universe, old: Picks, new: Picks, standing: Picks, wanted: Picks
) -> None:
    family, middle = universe.family, Middle("top")
    middle.learn(family, table(universe, old))
    middle.refresh(family)
    stand, want = table(universe, standing), table(universe, wanted)
    middle.stand(family, entries(family, stand), entries(family, want))
    routes = table(universe, new)
    middle.learn(family, routes)
    middle.refresh(family)
    for found, before in (
        (middle.speaker.standing(family), stand),
        (middle.speaker.wanted(family), want),
    ):
        assert {p: e.next_hop for p, e in found.items()} == {
            prefix: next_hop(family, routes[prefix]) for prefix in before if prefix in routes
        }


lost = st.sets(st.integers(1, HOPS))


@settings(max_examples=80, deadline=None)
@given(universes, seeds, seeds, seeds, st.lists(lost, max_size=3), st.sampled_from(["safe", "top"]))
def test_entries_through_lost_peers_are_guards_at_once(
    universe: Universe, routes: Picks, standing: Picks, wanted: Picks, history: list[set[int]], strategy: str
) -> None:
    family, middle = universe.family, Middle(strategy)
    middle.learn(family, table(universe, routes))
    middle.refresh(family)
    stand, want = table(universe, standing), table(universe, wanted)
    middle.stand(family, entries(family, stand), entries(family, want))
    ever = set[int]()
    for dead in history:
        middle.routing.peers_lost(frozenset(next_hop(family, hop) for hop in dead))
        ever |= dead
        for found, before in (
            (middle.speaker.standing(family), stand),
            (middle.speaker.wanted(family), want),
        ):
            assert middle.hops(family, found) == {p: 0 if h in ever else h for p, h in before.items()}
        for hop in range(1, HOPS + 1):  # of routes
            assert (middle.loops[family].hop((next_hop(family, hop),)) == 0) is (hop in dead)


@families
def test_nothing_is_made_of_lost_peers_before_there_is_anything(family: Family) -> None:
    middle = Middle()
    middle.routing.peers_lost(frozenset([next_hop(family, 1)]))
    assert not middle.speaker.may_speak(family)


@families
def test_top_does_not_follow_a_route_to_a_lost_peer(family: Family) -> None:
    middle, where = Middle("top"), UNIVERSES[0 if family is Family.IPV4 else 3].prefixes[3]
    middle.learn(family, {where: 1})
    middle.refresh(family)
    middle.stand(family, [entry(family, where, 1)], [entry(family, where, 1)])
    middle.routing.peers_lost(frozenset([next_hop(family, 1)]))
    middle.announce(family, where, 1, med=7)
    middle.routing.doubt(family)
    middle.refresh(family)
    assert middle.hops(family, middle.speaker.standing(family)) == {where: 0}
    assert middle.hops(family, middle.speaker.wanted(family)) == {where: 0}


def held(patience: float, family: Family) -> tuple[Middle, list[Prefix]]:
    """A table of which three quarters are missing after the session came back, and its prefixes."""
    middle = Middle(shrinks=lambda of, routes: of is family and routes < 4)
    places = UNIVERSES[0 if family is Family.IPV4 else 3].prefixes[4:12]
    middle.feed.session(SessionChange("127.0.0.1", True))
    middle.learn(family, dict.fromkeys(places, 1))
    middle.now = 100.0
    middle.learn(family, {places[0]: 2, places[1]: 1})
    middle.routing.look_again(middle.now, patience)
    return middle, places


@families
def test_a_shrunken_table_is_held_back_for_patience(family: Family) -> None:
    middle, places = held(10.0, family)
    middle.now = 109.0
    middle.end_of_rib(family)  # said again, it does not prolong anything
    middle.routing.look_again(110.0, 10.0)
    assert (len(middle.feed.table(family)), middle.feed.learning(family)) == (len(places), True)
    route = middle.feed.table(family).get(places[0])
    assert route is not None
    assert route.next_hop == next_hop(family, 2), "what is known serves"
    middle.routing.look_again(110.1, 10.0)
    assert (len(middle.feed.table(family)), middle.feed.learning(family)) == (2, False)
    middle.routing.look_again(111.0, 10.0)


@families
def test_a_table_that_was_held_back_serves_when_it_is_whole(family: Family) -> None:
    middle, places = held(10.0, family)
    other = next(each for each in Family if each is not family)
    for number in (2, 3):
        middle.routing.look_again(101.0, 10.0)
        assert len(middle.feed.table(family)) == len(places)
        middle.announce(family, places[number], 1)
    middle.routing.look_again(101.0, 10.0)
    assert len(middle.feed.table(family)) == 4
    middle.end_of_rib(other)
    assert not middle.feed.learning(other), "nobody doubts the other family"


@families
def test_a_new_session_does_not_serve_in_place_of_what_was_held_back(family: Family) -> None:
    """Before it is whole, however long the last one has been held, and however much of it there is."""
    middle, places = held(10.0, family)
    middle.session(up=False)
    assert len(middle.feed.table(family)) == len(places)
    middle.session(up=True)
    for place in places[:5]:
        middle.announce(family, place, 1)
    middle.routing.look_again(200.0, 10.0)
    assert (len(middle.feed.table(family)), middle.feed.learning(family)) == (len(places), True)
    middle.end_of_rib(family)
    assert (len(middle.feed.table(family)), middle.feed.learning(family)) == (5, False)


@families
def test_while_bird_recovers_its_table_is_held_back(family: Family) -> None:
    middle, place = Middle(), UNIVERSES[0 if family is Family.IPV4 else 3].prefixes[4]
    middle.routing.recovering = True
    middle.learn(family, {place: 1})
    middle.routing.look_again(5.0, 10.0)
    assert middle.feed.learning(family)
    middle.routing.recovering = False
    middle.routing.look_again(6.0, 10.0)
    assert not middle.feed.learning(family)
    assert middle.feed.complete(family)


@families
def test_a_table_learned_again_serves_when_the_flood_is_over(family: Family) -> None:
    """BIRD, started anew, may call its table complete while what its peers say is still on its way: what is
    chosen from it then goes where it no longer belongs."""
    middle, other = Middle(), next(each for each in Family if each is not family)
    places = [table_of(family, place) for place in range(FEW)]

    def flood() -> None:
        for each in (*places, places[0]):
            middle.announce(family, each, 1)

    middle.session(up=True)
    flood()
    middle.end_of_rib(family)
    middle.end_of_rib(other)
    assert not middle.feed.learning(family), "at first there is nothing that would be better"
    middle.session(up=False)
    middle.session(up=True)
    middle.routing.look_again(1.0, 10.0)
    flood()
    middle.routing.look_again(2.0, 10.0)
    for each in Family:
        middle.end_of_rib(each)
    flood()
    middle.routing.look_again(3.0, 10.0)
    assert middle.feed.learning(family)
    assert middle.feed.learning(other), "it comes by the same pipe"
    middle.announce(family, places[0], 2)
    middle.routing.look_again(4.0, 10.0)
    assert not middle.feed.learning(family)
    assert not middle.feed.learning(other)


@families
def test_the_last_table_serves_until_the_new_one_has_its_index(family: Family) -> None:
    waiting: list[tuple[Make, Take]] = []
    middle = Middle(beside=lambda make, take: waiting.append((make, take)))
    one, two, gone = (table_of(family, place) for place in (1, 2, 3))
    middle.learn(family, {one: 1, gone: 1})
    assert middle.feed.learning(family)
    take_all(waiting)
    assert not middle.feed.learning(family)
    middle.learn(family, {one: 2, two: 3})
    middle.end_of_rib(family)  # said twice, made once
    assert len(waiting) == 1
    assert gone in middle.feed.table(family)
    middle.announce(family, two, 4)  # goes into the table that is on its way
    take_all(waiting)
    table = middle.feed.table(family)
    found = {each: route.next_hop for each in table if (route := table.get(each)) is not None}
    assert found == {one: next_hop(family, 2), two: next_hop(family, 4)}


@families
def test_every_choice_from_one_picture_is_mended(family: Family) -> None:
    """The choice before may be wanted, and mended, after the picture was taken."""
    middle, where = Middle(), table_of(family, 1)
    middle.learn(family, {where: 1})
    middle.refresh(family)
    middle.routing.pictured(family)
    middle.announce(family, where, 2)
    for _ in range(2):
        middle.routing.note(family)
        middle.speaker.want(family, PrefixMap(family, {where: entry(family, where, 1)}))
        middle.routing.mend_noted(family)
        assert middle.speaker.wanted(family)[where].next_hop == next_hop(family, 2)


@families
def test_an_entry_has_its_route_s_attributes_at_once(family: Family) -> None:
    middle, where, other = Middle(), table_of(family, 1), table_of(family, 2)
    middle.learn(family, {where: 1, other: 1})
    middle.refresh(family)
    route = middle.feed.table(family).get(where)
    assert route is not None
    entries = [Entry(where, route.next_hop, route.attributes), Entry.guard(other)]
    middle.speaker.want(family, PrefixMap(family, {each.prefix: each for each in entries}))
    for each in (where, other):
        middle.announce(family, each, 1, med=77)
    wanted = middle.speaker.wanted(family)
    assert wanted[where].attributes.med == 77
    assert wanted[other] == Entry.guard(other)


@families
def test_an_index_for_a_session_that_has_gone_is_dropped(family: Family) -> None:
    waiting: list[tuple[Make, Take]] = []
    middle = Middle(beside=lambda make, take: waiting.append((make, take)))
    one, two = (table_of(family, place) for place in (1, 2))
    middle.learn(family, {one: 1})
    middle.session(up=False)
    middle.session(up=True)
    middle.announce(family, two, 2)
    take_all(waiting)
    assert middle.feed.learning(family)
    middle.end_of_rib(family)
    take_all(waiting)
    assert [*middle.feed.table(family)] == [two]


def table_of(family: Family, place: int) -> Prefix:
    return Prefix(f"20.{place}.0.0/16" if family is Family.IPV4 else f"2a00:{place}::/32")


def take_all(waiting: list[tuple[Make, Take]]) -> None:
    for make, take in waiting:
        take(make())
    waiting.clear()
