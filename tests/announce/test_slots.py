"""Slots of pools that both families share, against counting anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from arm.announce.slots import Slots, Tally
from arm.model import Family, Pool, Prefix

PREFIXES = [
    *("20.0.0.0/8", "20.0.0.0/16", "20.1.0.0/16", "20.1.1.0/24", "20.1.1.1/32"),
    *("2a00::/16", "2a00:1::/32", "2a00:1:1::/48", "2a00:1:1::/64", "2a00:1:1::1/128"),
]


def pool(number: int, slots: int, costs: tuple[int, int]) -> Pool:
    """An entry of an even length costs the first of `costs`, else the second, of an IPv6 family twice; the
    third pool is IPv6's own."""
    families = [Family.IPV6] if number == 2 else list(Family)
    by_length = {
        each: tuple(costs[n // 8 % 2] * (1 + (each is Family.IPV6)) for n in range(each.bits + 1))
        for each in families
    }
    return Pool(f"pool {number}", slots, by_length)


pools = st.lists(
    st.tuples(st.integers(0, 12), st.tuples(st.integers(0, 2), st.integers(0, 2))), min_size=1, max_size=3
).map(lambda drawn: [pool(number, *each) for number, each in enumerate(drawn)])
prefixes = st.sampled_from(PREFIXES).map(Prefix)


def taken(pools: Sequence[Pool], prefixes: Iterable[Prefix]) -> list[int]:
    held = [(Family.of(each), int(each.partition("/")[2])) for each in prefixes]
    return [sum(pool.cost(*each) for each in held) for pool in pools]


@given(pools, st.lists(st.tuples(prefixes, st.booleans()) | pools, max_size=20))
def test_what_is_free_is_what_nobody_holds(
    first: list[Pool], history: list[tuple[Prefix, bool] | list[Pool]]
) -> None:
    slots, held, now = Slots(first), set[Prefix](), first
    for happening in history:
        if isinstance(happening, list):
            slots.resize(happening)
            now = happening
        else:
            slots.hold(*happening)
            (held.add if happening[1] else held.discard)(happening[0])
        left = [pool.slots - slots for pool, slots in zip(now, taken(now, held), strict=True)]
        assert slots.free() == left
        assert [each for each in PREFIXES if slots.holds(Prefix(each))] == [p for p in PREFIXES if p in held]
        tallies = [Tally(each, [p for p in held if Family.of(p) is each]) for each in Family]
        assert slots.cost(tallies) == taken(now, held)


@given(pools, st.lists(prefixes, unique=True))
def test_room_is_taken_only_where_there_is_enough(each: list[Pool], wanted: list[Prefix]) -> None:
    slots = Slots(each)
    free, inside = slots.free(), list[Prefix]()
    for prefix in wanted:
        fits = taken(each, [*inside, prefix])
        short = [need for need, own in zip(fits, taken(each, [prefix]), strict=True) if own]
        room = [pool.slots for pool, own in zip(each, taken(each, [prefix]), strict=True) if own]
        assert slots.take(free, prefix) is all(need <= slots for need, slots in zip(short, room, strict=True))
        if all(need <= slots for need, slots in zip(short, room, strict=True)):
            inside.append(prefix)
        assert free == [pool.slots - own for pool, own in zip(each, taken(each, inside), strict=True)]


@given(st.lists(st.tuples(prefixes, st.booleans())))
def test_a_tally_can_be_kept_or_made_anew(history: list[tuple[Prefix, bool]]) -> None:
    tally, held = Tally(Family.IPV6), set[Prefix]()
    for prefix, holds in history:
        if Family.of(prefix) is Family.IPV6:
            tally.count(prefix, holds - (prefix in held))
            (held.add if holds else held.discard)(prefix)
    assert tally.many == Tally(Family.IPV6, held).many
    assert sum(tally.many) == len(held)
