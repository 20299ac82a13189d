"""Repair on sixteen addresses of each family, where every address can be asked what happens to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Attributes, Family, Prefix, Route
from arm.rib.fulltable import GONE
from arm.rib.hoptable import DEFAULT
from arm.rib.indexed import IndexedTable
from arm.rib.prefixmap import PrefixMap, key, text
from arm.selection.repair import repair


def hop_of(route: Route) -> int:
    return int(route.next_hop)


BASE = {Family.IPV4: 0xCB0071F0, Family.IPV6: 0x20010DB8 << 96 | 0xFFF0}  # .240 to .255, ::fff0 to ::ffff
ATTRIBUTES = Attributes()


def name(family: Family, place: str) -> Prefix:
    """ "4/2": the 2 ** 2 addresses from the fourth on."""
    offset, _, low_bits = place.partition("/")
    low = int(low_bits)
    return text(family, BASE[family] + int(offset) >> low << low, family.bits - low)


AROUND = (5, 8, 20, 31)
PLACES = [f"{offset}/{low}" for low in range(5) for offset in range(0, 16, 1 << low)]
PLACES += [f"0/{low}" for low in AROUND]
PREFIXES = {family: [name(family, place) for place in PLACES] for family in Family}


def covering(family: Family, address: int) -> list[Prefix]:
    """The prefixes that an address is in, the longest first."""
    found = []
    for prefix in PREFIXES[family]:
        start, length = key(prefix)
        if start <= address < start + (1 << (family.bits - length)):
            found.append((length, prefix))
    return [prefix for _, prefix in sorted(found, reverse=True)]


# The sixteen, and for each of the shorter prefixes one that no longer one has.
ADDRESSES = {
    family: [*range(base, base + 16), *(base ^ 1 << low - 1 for low in AROUND)]
    for family, base in BASE.items()
}
CHAINS = {
    family: {address: covering(family, address) for address in addresses}
    for family, addresses in ADDRESSES.items()
}


@dataclass(slots=True)
class World:
    """A full table, its plain twin by next-hop number, and what is in the FIB."""

    family: Family
    table: IndexedTable = field(init=False)
    routes: dict[Prefix, int] = field(default_factory=dict)
    entries: PrefixMap[int] = field(init=False)
    fixed: PrefixMap[int] = field(init=False)

    def __post_init__(self) -> None:
        self.table = IndexedTable(self.family)
        self.entries, self.fixed = PrefixMap(self.family), PrefixMap(self.family)

    def announce(self, prefix: Prefix, hop: int) -> None:
        self.table.set(Route(prefix, str(hop), ATTRIBUTES))
        self.routes[prefix] = hop

    def withdraw(self, prefix: Prefix) -> None:
        self.table.remove(prefix)
        self.routes.pop(prefix, None)

    def settle(self) -> None:
        """The table's index learns what has changed; what the fixed entries are, it is not told here."""
        self.table.settle(lambda _, route: GONE if route is None else hop_of(route))

    def repair(self, changed: Prefix, room: bool = True) -> list[tuple[Prefix, int]]:
        fixed = self.fixed if self.fixed else None
        entries = PrefixMap(self.family, {prefix: str(hop) for prefix, hop in self.entries.items()})
        return repair(changed, self.table, hop_of, entries, int, fixed, room)

    def decider(self, address: int) -> Prefix | None:
        """What is installed for an address."""
        chain = CHAINS[self.family][address]
        return next((prefix for prefix in chain if prefix in self.fixed or prefix in self.entries), None)

    def wrong(self) -> dict[int, Prefix]:
        """The addresses that go astray, and what sends them there."""
        found = {}
        for address, chain in CHAINS[self.family].items():
            known = next((prefix for prefix in chain if prefix in self.fixed or prefix in self.routes), None)
            decider = self.decider(address)
            if decider is None or known in self.fixed:
                continue
            does = self.fixed[decider] if decider in self.fixed else self.entries[decider]
            if does not in (DEFAULT, DEFAULT if known is None else self.routes[known]):
                found[address] = decider
        return found


def within(family: Family, changed: Prefix) -> set[int]:
    """The addresses of a prefix."""
    return {address for address, chain in CHAINS[family].items() if changed in chain}


def mend(world: World, changed: Prefix) -> None:
    """Repair, and hold against the result all that is promised of it."""
    wrong = world.wrong()
    assert wrong.keys() <= within(world.family, changed), "the event did more than it could"
    mend_in_place(world, changed)
    fixes = world.repair(changed)
    mend_unseen(world, changed, fixes)
    owned = set(world.entries)
    steps = [(prefix not in owned, -key(prefix)[1]) for prefix, _ in fixes]
    assert steps == sorted(steps), "in place first, the longest first"
    assert not any(prefix in world.fixed for prefix, _ in fixes)
    assert {prefix for prefix, _ in fixes if prefix in owned} <= set(wrong.values())
    inside = {prefix for prefix, _ in world.fixed.inside(changed)} | {changed} & set(world.fixed)
    if not inside & set(wrong.values()):
        assert len(fixes) == len(set(wrong.values())), "one change can mend what one entry does, no more"
        assert {prefix for prefix, _ in fixes} - owned <= {changed}
    for prefix, hop in fixes:
        before, world.entries[prefix] = world.wrong(), hop
        assert world.wrong().items() < before.items(), "every step mends something and breaks nothing"
    assert not world.wrong()
    assert world.repair(changed) == []


def mend_in_place(world: World, changed: Prefix) -> None:
    """The same where there is no room; the world is left as it was."""
    known, wrong = dict(world.entries.items()), world.wrong()
    fixes = world.repair(changed, room=False)
    assert {prefix for prefix, _ in fixes} == set(wrong.values()) & known.keys() - set(world.fixed)
    for prefix, hop in fixes:
        before, world.entries[prefix] = world.wrong(), hop
        assert world.wrong().items() < before.items(), "every step mends something and breaks nothing"
    assert set(world.wrong().values()) <= set(world.fixed), "only a fixed entry may still be wrong"
    assert world.repair(changed, room=False) == []
    world.entries.update(known)


def mend_unseen(world: World, changed: Prefix, exact: list[tuple[Prefix, int]]) -> None:
    """The same where there is no time to look, or little; the world is left as it was."""
    known = dict(world.entries.items())
    for routes in range(3):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("arm.selection.repair.ROUTES", routes)
            fixes = world.repair(changed)
            in_place = world.repair(changed, room=False)
        assert {prefix for prefix, _ in exact} <= {prefix for prefix, _ in fixes}
        assert {prefix for prefix, _ in fixes} <= known.keys() | {changed}
        assert all(hop != known.get(prefix) for prefix, hop in fixes)
        assert {prefix for prefix, _ in in_place} <= known.keys()
        for steps in (fixes, in_place):
            for prefix, hop in steps:
                before, world.entries[prefix] = world.wrong(), hop
                assert world.wrong().items() <= before.items(), "no step breaks anything"
            assert set(world.wrong().values()) <= (set() if steps is fixes else set(world.fixed))
            world.entries.pop(changed, None)
            world.entries.update(known)


EVENTS = st.tuples(
    st.sampled_from(
        ["announce", "announce", "withdraw", "fix", "unfix", "install", "install", "remove", "settle"]
    ),
    st.integers(0, len(PLACES) - 1),
    st.integers(0, 3),
)


@settings(max_examples=150)
@given(st.sampled_from(Family), st.booleans(), st.booleans(), st.lists(EVENTS, min_size=15, max_size=60))
def test_every_history_stays_safe(
    family: Family, others: bool, by_index: bool, events: list[tuple[str, int, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        if by_index:  # as where there is much to look at
            patched.setattr("arm.rib.indexed._FEW", 0)
            patched.setattr("arm.rib.indexed._CROWD", 100)
        play(World(family), others, events)


def play(world: World, others: bool, events: list[tuple[str, int, int]]) -> None:
    for what, which, hop in events:
        prefix = PREFIXES[world.family][which]
        if what == "announce":
            world.announce(prefix, hop)
        elif what == "withdraw":
            world.withdraw(prefix)
        elif what == "settle":
            world.settle()
            continue
        else:
            chosen = world.fixed if what in ("fix", "unfix") else world.entries
            if chosen is world.entries or others:
                put(world, chosen, prefix, hop if what in ("fix", "install") else None)
            continue
        mend(world, prefix)


def put(world: World, chosen: PrefixMap[int], prefix: Prefix, hop: int | None) -> None:
    """Install or remove what leaves everything safe; ARM's entries not where others' are."""
    before = chosen.pop(prefix, None)
    if hop is not None and (chosen is world.fixed or prefix not in world.fixed):
        chosen[prefix] = hop
    if world.wrong():
        chosen.pop(prefix, None)
        if before is not None:
            chosen[prefix] = before


Hops = dict[str, int]


# What happened -> routes, entries and fixed entries with their next hops, what changed, what to set.
CASES: dict[str, tuple[Hops, Hops, Hops, str, Hops]] = {
    "new under another's entry": ({"0/4": 1, "4/2": 2}, {"0/4": 1}, {}, "4/2", {"4/2": 2}),
    "new, where the default goes": ({"0/4": 1, "4/2": 0}, {"0/4": 1}, {}, "4/2", {"4/2": 0}),
    "not all of it the same": ({"0/4": 1, "0/3": 2, "0/1": 3}, {"0/4": 1}, {}, "0/3", {"0/3": 0}),
    "all the rest the same": ({"0/4": 1, "0/3": 2, "0/1": 3}, {"0/4": 1, "0/1": 3}, {}, "0/3", {"0/3": 2}),
    "guarded": ({"0/5": 1, "0/4": 2, "0/3": 3}, {"0/5": 1, "0/4": 0}, {}, "0/3", {}),
    "gone under an entry": (
        {"0/5": 1, "0/4": 2},
        {"0/5": 1, "4/2": 0, "8/3": 0},
        {},
        "0/2",
        {"0/2": 2},
    ),
    "gone altogether": ({}, {"0/4": 1}, {}, "0/4", {"0/4": 0}),
    "an entry's own route moved": ({"0/4": 2}, {"0/4": 1}, {}, "0/4", {"0/4": 2}),
    "an entry that decides nothing": (
        {"0/4": 2, "0/3": 3, "8/3": 3},
        {"0/4": 1, "0/3": 3, "8/3": 3},
        {},
        "0/4",
        {},
    ),
    "nested": (
        {"0/4": 3},
        {"0/4": 1, "0/2": 2, "0/1": 0, "4/0": 1, "8/3": 3},
        {},
        "0/4",
        {"4/0": 3, "0/2": 3, "0/4": 3},
    ),
    "inside only": ({"0/4": 2, "4/2": 1}, {"0/2": 1, "4/2": 1}, {}, "0/4", {"0/2": 2}),
    "no next hop is right for all of it": (
        {"0/4": 2, "0/1": 3},
        {"0/3": 1, "8/3": 1},
        {},
        "0/4",
        {"0/3": 0, "8/3": 2},
    ),
    "inside and above": ({"0/5": 1, "0/4": 2}, {"0/5": 1, "0/2": 1}, {}, "0/4", {"0/2": 2, "0/4": 2}),
    "under a fixed entry": ({"0/4": 1}, {}, {"0/5": 3}, "0/4", {"0/4": 1}),
    "a fixed entry in an entry's stead": ({"0/2": 1}, {"0/4": 3}, {"0/4": 0}, "0/2", {}),
    "a fixed entry is no route": (
        {"0/8": 2, "0/1": 2},
        {"0/4": 1},
        {"0/5": 3},
        "0/1",
        {"0/1": 2},
    ),
    "fixed itself": ({"0/4": 1}, {"0/4": 2}, {"0/4": 3}, "0/4", {}),
    "gone, a fixed entry is left": ({}, {"0/4": 1}, {"0/5": 3}, "0/4", {}),
}


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(("routes", "entries", "fixed", "changed", "fixes"), CASES.values(), ids=CASES)
def test_hard_cases(
    family: Family, routes: Hops, entries: Hops, fixed: Hops, changed: str, fixes: Hops
) -> None:
    world = World(family)
    for place, hop in routes.items():
        world.announce(name(family, place), hop)
    world.entries.update({name(family, place): hop for place, hop in entries.items()})
    world.fixed.update({name(family, place): hop for place, hop in fixed.items()})
    assert bool(world.wrong()) == bool(fixes), "without the repair it misforwards"
    assert world.repair(name(family, changed)) == [(name(family, place), hop) for place, hop in fixes.items()]
    mend(world, name(family, changed))


@pytest.mark.parametrize("family", Family)
def test_without_room_the_entry_above_goes_to_the_default(family: Family) -> None:
    world = World(family)
    for place in ("0/5", "0/2"):
        world.announce(name(family, place), 1)
    world.announce(name(family, "0/4"), 2)
    world.entries.update({name(family, "0/20"): 2, name(family, "0/5"): 1, name(family, "0/1"): 1})
    assert world.repair(name(family, "0/4"), room=False) == [(name(family, "0/5"), DEFAULT)]
    world.fixed[name(family, "0/8")] = 1
    assert world.repair(name(family, "0/4"), room=False) == [(name(family, "0/5"), DEFAULT)]
    world.fixed[name(family, "0/5")] = 1
    del world.entries[name(family, "0/5")]
    assert world.repair(name(family, "0/4"), room=False) == [], "a fixed entry cannot be changed"


@pytest.mark.parametrize("family", Family)
def test_where_only_the_default_decides_no_route_is_looked_at(family: Family) -> None:
    def unasked(_: Route) -> NoReturn:
        raise AssertionError

    world = World(family)
    for place, hop in (("0/4", 1), ("0/3", 2), ("0/1", 3)):
        world.announce(name(family, place), hop)
    world.announce(family.default, 1)
    world.entries.update({name(family, "0/20"): 1, name(family, "0/4"): 0, name(family, "0/1"): 0})
    for changed in (*(name(family, place) for place in ("0/4", "0/3", "8/3")), family.default):
        assert repair(changed, world.table, unasked, world.entries, int, None) == []
