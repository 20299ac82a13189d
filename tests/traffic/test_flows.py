"""Traffic by AS against a plain twin that looks at every address by itself, while routes change."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import TRAFFIC_BY, AsPathSegment, Attributes, Family, Ranking
from arm.traffic import aspaths, flows
from arm.traffic.coverage import MEMORY
from arm.traffic.flows import Bytes, Flows, View
from tests.familyworld import NEIGHBOURS, Around, address, prefix
from tests.traffic.build import key_of

Path = tuple[AsPathSegment, ...]


def sequence(*numbers: int) -> AsPathSegment:
    return AsPathSegment("as-sequence", numbers)


AS_PATHS: list[Path] = [
    (sequence(65001),),
    (sequence(65001, 65010),),
    (sequence(65002, 65010),),
    (sequence(65002, 65002, 65011),),
    (sequence(65003), AsPathSegment("as-set", (65012, 65013))),
    (),
]
PLACES = [(1,), (1, 1), (1, 1, 1), (1, 2), (2,), (2, 1)]
HOSTS = [(1, 1, 1), (1, 1, 2), (1, 2, 1), (1, 3, 1), (2, 1, 1), (2, 2, 2), (3, 1, 1)]


def name_of(segment: AsPathSegment, place: int) -> str:
    return f"AS{segment.numbers[place]}" if segment.kind == "as-sequence" else str(segment)


def named(path: Path | None) -> dict[str, str]:
    """What each of TRAFFIC_BY calls a path to a destination; None: there is no route."""
    if not path:
        return dict.fromkeys(TRAFFIC_BY, "not-routed" if path is None else "local")
    words = " ".join(map(str, path))
    return dict(
        zip(
            TRAFFIC_BY,
            (words, name_of(path[-1], -1), name_of(path[0], 0), name_of(path[-1], -1)),
            strict=True,
        )
    )


@dataclass(slots=True)
class Twin:
    """Decayed bytes by name."""

    family: Family
    routes: dict[tuple[int, ...], Path] = field(default_factory=dict)
    fixed: set[tuple[int, ...]] = field(default_factory=set)
    sums: dict[str, Counter[str]] = field(default_factory=lambda: {by: Counter() for by in TRAFFIC_BY})
    seconds: float = 0.0

    def path(self, host: tuple[int, ...]) -> Path | None:
        for length in (3, 2, 1):
            if host[:length] in self.fixed:
                return ()
            if host[:length] in self.routes:
                return self.routes[host[:length]]
        return None

    def add(
        self, to: Mapping[tuple[int, ...], int], source: Mapping[tuple[int, ...], int], seconds: float
    ) -> None:
        decay = math.exp(-seconds / MEMORY)
        self.seconds = self.seconds * decay + seconds
        for by, sums in self.sums.items():
            for name in sums:
                sums[name] *= decay  # type: ignore[assignment]
            for host, size in (source if by == "source_as" else to).items():
                sums[named(self.path(host))[by]] += size

    def rates(self, by: str) -> dict[str, float]:
        return {name: 8 * size / self.seconds for name, size in self.sums[by].items() if size > 0}


SIZES = st.dictionaries(st.sampled_from(HOSTS), st.integers(1, 10_000), max_size=5)
CHANGES = st.lists(
    st.tuples(st.sampled_from(PLACES), st.sampled_from([None, "fixed", *range(len(AS_PATHS))])), max_size=4
)
STEPS = st.lists(st.tuples(CHANGES, SIZES, SIZES, st.floats(0.1, 50.0)), min_size=1, max_size=8)


def columns(family: Family, sizes: Mapping[tuple[int, ...], int]) -> Bytes:
    keys = {key_of(family, address(prefix(family, *host), 0)): size for host, size in sizes.items()}
    return Bytes(np.array(sorted(keys), np.uint64), np.array([keys[key] for key in sorted(keys)], float))


def same(ranking: Ranking, rates: Mapping[str, float]) -> None:
    assert dict(zip(ranking.names, ranking.rates, strict=True)) == pytest.approx(dict(rates))
    assert list(ranking.rates) == sorted(ranking.rates, reverse=True)
    assert ranking.total == pytest.approx(sum(rates.values()))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(Family), STEPS)
def test_traffic_by_as_is_that_of_single_addresses(
    family: Family,
    steps: list[
        tuple[
            list[tuple[tuple[int, ...], object]],
            dict[tuple[int, ...], int],
            dict[tuple[int, ...], int],
            float,
        ]
    ],
) -> None:
    around, twin = Around(family), Twin(family)
    found = around.loop.flows
    for changes, to, source, seconds in steps:
        for place, what in changes:
            where = prefix(family, *place)
            around.fixed.pop(where, None)
            twin.fixed.discard(place)
            if what == "fixed":
                around.fixed[where] = (address(NEIGHBOURS[family], 3),)
                twin.fixed.add(place)
            elif isinstance(what, int):
                around.announce(where, 2, Attributes(as_path=AS_PATHS[what]))
                twin.routes[place] = AS_PATHS[what]
            else:
                around.table.remove(where)
                twin.routes.pop(place, None)
        around.refresh()
        view = View(around.loop.full, around.table, around.loop.fixed)
        found.add(view, columns(family, to), columns(family, source), seconds)
        twin.add(to, source, seconds)
        rankings = found.rankings()
        assert list(rankings) == list(TRAFFIC_BY)
        for by, ranking in rankings.items():
            same(ranking, twin.rates(by))


class Many:
    """A /24 or /48 for each of many hosts, every one with an AS path of its own."""

    def __init__(self, family: Family = Family.IPV4) -> None:
        self.around, self.family = Around(family), family
        self.flows = Flows(family)

    def host(self, number: int) -> tuple[int, int]:
        return number >> 8, number & 255

    def announce(self, numbers: range, first: int = 1) -> None:
        for number in numbers:
            self.around.announce(
                prefix(self.family, *self.host(number)),
                2,
                Attributes(as_path=(sequence(first, 100_000 + number),)),
            )
        self.around.refresh()

    def send(self, sizes: Mapping[int, int]) -> dict[str, Ranking]:
        view = View(self.around.loop.full, self.around.table, ())
        to = columns(self.family, {self.host(number): size for number, size in sizes.items()})
        self.flows.add(view, to, Bytes(to.keys[:0], to.octets[:0]), 1.0)
        return dict(self.flows.rankings())


def test_the_heaviest_are_looked_up_first_and_the_rest_is_other_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flows, "LOOKUPS", 10)
    many = Many()
    many.announce(range(25))
    sizes = {number: 1000 + number for number in range(25)}
    ranking = many.send(sizes)["as_path"]
    assert ranking.names == tuple(f"1 {100_000 + number}" for number in range(24, 14, -1))
    assert ranking.rates == tuple(8.0 * sizes[number] for number in range(24, 14, -1))
    assert ranking.total == 8 * sum(sizes.values())
    many.send(sizes)
    peers = [many.send(sizes)["peer_as"] for _ in range(600)][-1]
    assert peers.names == ("AS1",)
    assert peers.rates == pytest.approx((peers.total,)), "the moment has passed"


@pytest.mark.parametrize("family", Family)
def test_memory_is_bounded_and_who_matters_stays(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 40
    for module, name, value in (
        (aspaths, "LIMIT", limit),
        (flows, "LIMIT", limit),
        (flows, "LOOKUPS", 9),
        (flows, "ROUTES", 60),
    ):
        monkeypatch.setattr(module, name, value)
    many, total, seconds = Many(family), 0.0, 0.0
    many.announce(range(200))
    decay = math.exp(-1.0 / MEMORY)
    for start in range(1, 190):
        sizes = {0: 50_000, **dict.fromkeys(range(start, start + 9), 10)}
        rankings = many.send(sizes)
        total, seconds = total * decay + sum(sizes.values()), seconds * decay + 1
        found = many.flows
        assert len(found._paths) <= limit
        assert max(len(found._routes), len(found._known)) <= 60
        for by in TRAFFIC_BY[:3]:
            assert rankings[by].total == pytest.approx(8 * total / seconds)
        assert rankings["destination_as"].names[0] == "AS100000"
        assert rankings["destination_as"].rates[0] >= 8 * 50_000 * 0.999
        assert rankings["as_path"].names[0] == "1 100000"
        assert len(rankings["as_path"].names) <= flows.MOST
        assert len(found._paths.as_names) <= 2 * limit
    for _ in range(3):
        rankings = many.send({150: 50_000})
    assert rankings["as_path"].names[:2] == ("1 100000", "1 100150"), "there is always room for who comes"


def test_another_table_that_serves_is_another_view() -> None:
    many = Many()
    many.announce(range(3), first=1)
    assert many.send({1: 10})["peer_as"].names == ("AS1",)
    fresh = Around(Family.IPV4)
    fresh.announce(prefix(Family.IPV4, 0, 1), 2, Attributes(as_path=(sequence(2, 7),)))
    fresh.refresh()
    many.around = fresh
    assert many.send({1: 1000})["peer_as"].names == ("AS2", "AS1")


def test_many_changed_routes_at_once() -> None:
    many = Many()
    many.announce(range(4))
    assert many.send({3: 1})["as_path"].names == ("1 100003",)
    many.announce(range(4), first=2)
    for number in range(flows._CROWD + 100):
        many.flows.changed(prefix(Family.IPV4, *many.host(number)))
    assert len(many.flows._changed) <= flows._CROWD + 1, "a table that is learned is not kept twice"
    assert many.send({3: 5})["as_path"].names == ("2 100003", "1 100003")


def test_nothing_observed_is_not_nothing() -> None:
    many = Many()
    assert many.flows.rankings() == {}
    many.announce(range(2))
    before = many.send({1: 10})
    many.flows.pause()
    assert many.flows.rankings() == {}
    assert many.send({1: 10})["as_path"].total == pytest.approx(before["as_path"].total)


def test_what_an_endless_path_is_called() -> None:
    paths = aspaths.AsPaths()
    long = [(sequence(*[4_200_000_000] * 30, last),) for last in (1, 2)]
    numbers = [paths.number(path) for path in long]
    assert len(set(numbers)) == 2, "what is cut off tells them apart"
    assert {paths.names[number] for number in numbers} == {f"{'4200000000 ' * 9}…"}
    assert [paths.as_names[paths.destinations[number]] for number in numbers] == ["AS1", "AS2"]
