"""Big changes in parts: each is as safe as the whole, and in the end all of it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.announce import portion as rules
from arm.announce.portion import portion
from arm.announce.slots import Slots
from arm.model import Entry, Family, Pool, Prefix
from arm.rib.prefixmap import PrefixMap
from tests.announce.test_both import (
    test_at_no_moment_there_is_more_than_fits_and_in_the_end_all_that_is_wanted as both,
)
from tests.announce.test_mend import Numbers
from tests.announce.test_safety import test_no_moment_misforwards_or_overfills as safety
from tests.announce.world import entry
from tests.selection.universe import UNIVERSES, Universe, tables, truths

universes = st.sampled_from([each for each in UNIVERSES if each.length])


@pytest.fixture(autouse=True, scope="module")
def small_portions() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "MOST", 1)
        yield


# All that is true of changes as a whole is true of those that are made one by one.
test_no_moment_misforwards_or_overfills_with_small_portions = safety
test_at_no_moment_there_is_more_than_fits_with_small_portions = both


def slots(family: Family, most: int, held: Mapping[Prefix, Entry]) -> Slots:
    found = Slots([Pool("lpm", most, {family: (1,) * (family.bits + 1)})])
    for prefix in held:
        found.hold(prefix, True)
    return found


def entries(universe: Universe, table: Mapping[Prefix, int]) -> PrefixMap[Entry]:
    family = universe.family
    hops = Numbers(family).next_hops
    return PrefixMap(family, {prefix: entry(prefix, hops[hop]) for prefix, hop in table.items()})


@settings(max_examples=200, deadline=None)
@given(universes, st.data(), st.integers(0, 5), st.sets(st.integers(0, 30)))
def test_a_portion_is_safe_and_leads_on(
    universe: Universe, data: st.DataObject, spare: int, stuck: set[int]
) -> None:
    family, truth = universe.family, data.draw(truths(universe))
    old, new = (entries(universe, data.draw(tables(universe, truth))) for _ in range(2))
    hops = Numbers(family).next_hops
    most = max(len(old), len(new)) + spare
    waiting = {universe.prefixes[n % len(universe.prefixes)] for n in stuck}
    for _ in range(80):
        found = portion(old, new, slots(family, most, old), waiting.__contains__)
        if found is new:
            break
        table = {prefix: hops.index(each.next_hop) for prefix, each in found.items()}
        assert not universe.misforwarded(table, truth)
        assert len(set(found) | set(old)) <= most, "there is room on the way, too"
        changed = {prefix for prefix in {*old, *found} if old.get(prefix) != found.get(prefix)}
        assert changed, "something is different"
        assert all(found.get(prefix) == new.get(prefix) for prefix in changed), "and as it shall be"
        assert not changed & waiting
        old = PrefixMap(family, found)
    else:
        raise AssertionError("no end")
    left = {prefix for prefix in {*old, *new} if old.get(prefix) != new.get(prefix)}
    free = most - len(old)
    assert len(left) <= 1 or waiting & left or len(left & {*new} - {*old}) > free


def test_a_change_that_is_not_big_is_made_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST", 2)
    new = PrefixMap(Family.IPV4, {Prefix(p): entry(p) for p in ("20.0.0.0/16", "20.1.0.0/16")})
    empty = PrefixMap[Entry](Family.IPV4)
    room = slots(Family.IPV4, 9, {})
    nothing = set[Prefix]().__contains__
    assert portion(empty, new, room, nothing) is new
    new[Prefix("20.2.0.0/16")] = entry("20.2.0.0/16")
    assert list(portion(empty, new, room, nothing)) == ["20.0.0.0/16", "20.1.0.0/16"], "what matters most"
    assert portion(empty, new, slots(Family.IPV4, 0, {}), nothing) is new, "there is no way in parts"
