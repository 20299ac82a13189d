"""One family's traffic: what is measured, what it is worth, and how it is scored against the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.family import Valuation
from arm.model import Family, KernelRoute, Prefix
from arm.rib.hops import RAW_LOCAL
from arm.rib.hoptable import DEFAULT, HopTable, key_bits
from arm.rib.paint import flatten
from arm.traffic.newcomers import Weighed
from tests.familyworld import NEIGHBOURS, Around, address, neighbour, places, prefix

families = pytest.mark.parametrize("family", Family)


def measured(around: Around) -> dict[Prefix, float]:
    """Bytes by /24 or /48, all of which stand for their first three steps."""
    dropped = around.family.bits - key_bits(around.family)
    found = dict(zip(around.loop.meter.keys().tolist(), around.loop.meter.octets().tolist(), strict=True))
    blocks = {prefix(around.family, *path) for path in PATHS}
    starts = {int(ip_network(block).network_address) >> dropped: block for block in blocks}
    return {starts[key]: octets for key, octets in found.items()}


PATHS = [(a, b) for a in range(1, 5) for b in range(1, 4)]
SIZES = st.dictionaries(st.sampled_from(PATHS), st.integers(1, 1000), max_size=8)
TABLE = st.dictionaries(st.sampled_from([*PATHS, (1,), (2,), (3,)]), st.integers(1, 3), max_size=8)


@given(st.sampled_from(Family), TABLE, TABLE, SIZES)
def test_traffic_is_scored_against_the_kernel(
    family: Family,
    routes: Mapping[tuple[int, ...], int],
    kernel: Mapping[tuple[int, ...], int],
    sizes: Mapping[tuple[int, ...], int],
) -> None:
    around = Around(family)
    for path, number in routes.items():
        around.announce(prefix(family, *path), number)
    for path, number in kernel.items():
        around.install(prefix(family, *path), number)
    around.refresh()
    around.measure({address(prefix(family, *path)): size for path, size in sizes.items()}, 0.0)

    def does(table: Mapping[tuple[int, ...], int], path: tuple[int, ...]) -> int:
        number = table.get(path, table.get(path[:1], 1))
        return DEFAULT if number == 1 else number  # neighbour 1 is the default's

    total = sum(sizes.values())
    right = sum(size for path, size in sizes.items() if does(routes, path) == does(kernel, path))
    hits = sum(size for path, size in sizes.items() if does(kernel, path) != DEFAULT)
    astray = sum(
        size for path, size in sizes.items() if does(kernel, path) not in (DEFAULT, does(routes, path))
    )
    coverage = around.loop.coverage
    if total:
        assert coverage.share == pytest.approx(right / total)
        assert coverage.hit_rate == pytest.approx(hits / total)
        assert coverage.astray == pytest.approx(astray / total)
    else:
        assert (coverage.share, coverage.hit_rate, coverage.astray) == (None, None, None)
    assert measured(around) == {prefix(family, *path): size for path, size in sizes.items()}
    assert around.loop.bits_per_second == 8 * total
    assert around.loop.samples_per_second == len(sizes)


@families
def test_where_the_table_has_longer_routes_addresses_are_measured_one_by_one(family: Family) -> None:
    around, block = Around(family), prefix(family, 1, 2)
    bits = 32 if family is Family.IPV4 else 64
    host = Prefix(f"{address(block, 9 << (family.bits - bits))}/{bits}")
    around.announce(block, 2)
    around.announce(host, 3)
    around.refresh()
    low = family.bits - bits
    around.measure({address(block, 8 << low): 100, address(block, 9 << low): 20}, 0.0)
    assert around.loop.meter.octets().tolist() == [100, 20]
    demand = around.loop.demand(around.loop.incumbents(()))
    assert demand.table.runs.hop(demand.keys).tolist() == [around.hop(2), around.hop(3)]


@families
def test_what_takes_no_route_is_not_measured(family: Family) -> None:
    """The router's own networks, multicast and the like; the other family's even less."""
    around, own = Around(family), prefix(family, 1, 1)
    around.announce(prefix(family, 1), 2)
    around.loop.connected([NEIGHBOURS[family], own])
    around.refresh()
    special = {
        Family.IPV4: ["127.0.0.1", "169.254.7.7", "224.0.0.251", "239.1.1.1", "255.255.255.255"],
        Family.IPV6: ["::1", "fe80::1", "febf::1", "ff02::fb", "ff0e::1"],
    }
    outside = {Family.IPV4: ["126.9.9.9", "223.9.9.9"], Family.IPV6: ["fe00::1", "fec0::1"]}
    other = next(each for each in Family if each is not family)
    unmeasured = [*special[family], address(own), neighbour(family, 1), address(prefix(other, 1))]
    counted = [*outside[family], address(prefix(family, 1, 2))]
    around.measure({**dict.fromkeys(unmeasured, 1000), **dict.fromkeys(counted, 5)}, 0.0)
    assert around.loop.meter.octets().tolist() == [5] * len(counted)
    assert around.loop.bits_per_second == 8 * 5 * len(counted)
    around.loop.connected([NEIGHBOURS[family]])
    around.measure({address(own): 7}, 0.0)
    assert 7 in around.loop.meter.octets().tolist(), "it is connected no longer"


@families
def test_time_without_a_table_is_no_time_without_traffic(family: Family) -> None:
    around, where = Around(family), prefix(family, 1)
    for second in range(100):
        around.measure({address(where): 1000}, float(second), learned=False)
        assert around.loop.bits_per_second == 8000, "but it is shown"
    assert len(around.loop.meter) == 0
    assert around.loop.coverage.share is None
    around.announce(where, 2)
    around.refresh()
    for second in range(100, 111):
        around.measure({address(where): 1000}, float(second))
    meter = around.loop.meter
    assert meter.rate_of(meter.octets()).tolist() == pytest.approx([1000], rel=0.11)


@families
def test_silence_of_all_agents_is_no_silence_of_traffic(family: Family) -> None:
    around, where = Around(family), prefix(family, 1)
    for second in range(30):
        around.measure({address(where): 1000}, float(second))
    meter = around.loop.meter
    before = meter.rate_of(meter.octets()).tolist()
    for second in range(30, 200):
        around.measure({}, float(second), rate=0.0)
    assert meter.rate_of(meter.octets()).tolist() == before
    around.measure({}, 200.0)
    assert meter.rate_of(meter.octets())[0] < before[0]


@families
def test_what_traffic_is_worth(family: Family) -> None:
    cheap, dear, plain = prefix(family, 1), prefix(family, 2), prefix(family, 3)
    other = next(each for each in Family if each is not family)
    factors = {neighbour(family, 2): 0.5, neighbour(family, 3): 4.0, neighbour(other, 2): 9.0}
    sizes = {address(cheap): 1000.0, address(dear): 500.0, address(plain): 200.0}

    def weights(valuation: Valuation) -> list[float]:
        around = Around(family, valuation)
        for where, number in ((cheap, 2), (dear, 3), (plain, 4)):
            around.announce(where, number)
        around.refresh()
        around.measure(sizes, 0.0)
        found: list[float] = around.loop.demand(around.loop.incumbents(())).weights.tolist()
        return found

    assert weights(Valuation(60.0)) == [1000, 500, 200]
    assert weights(Valuation(60.0, factors=factors)) == [500, 2000, 200]
    assert weights(Valuation(60.0, packets=True)) == [1, 1, 1]
    assert weights(Valuation(60.0, packets=True, factors=factors)) == [0.5, 4, 1]


@families
def test_a_factor_counts_once_its_next_hop_is_seen(family: Family) -> None:
    around = Around(family, Valuation(60.0, factors={neighbour(family, 7): 3.0}))
    around.announce(prefix(family, 1), 2)
    around.refresh()
    around.measure({address(prefix(family, 1)): 10.0}, 0.0)
    assert around.loop.demand(around.loop.incumbents(())).weights.tolist() == [10]
    around.announce(prefix(family, 1), 7)
    around.refresh()
    assert around.loop.demand(around.loop.incumbents(())).weights.tolist() == [30]


@families
def test_factors_of_next_hops_that_no_route_has(family: Family) -> None:
    """Of several that are not known yet, of one that cannot be reached, and of what is not known exactly."""
    factors = {neighbour(family, number): 9.0 for number in (5, 6, 7)}
    around, where = Around(family, Valuation(60.0, factors=factors)), prefix(family, 1)
    around.announce(where, 2)
    if family is Family.IPV6:
        around.announce(Prefix(f"{address(where)}/128"), 3)  # makes its block one of several next hops
    around.refresh()
    around.measure({address(where): 10.0}, 0.0)
    assert around.loop.demand(around.loop.incumbents(())).weights.tolist() == [10]


@families
def test_a_factor_of_the_default_s_next_hop_is_for_all_that_goes_there(family: Family) -> None:
    around = Around(family, Valuation(60.0, factors={neighbour(family, 1): 3.0}))
    around.announce(prefix(family, 1), 2)
    around.refresh()
    around.measure({address(prefix(family, 1)): 10.0, address(prefix(family, 2)): 10.0}, 0.0)
    assert around.loop.demand(around.loop.incumbents(())).weights.tolist() == [10, 30]


@families
def test_the_minimum_is_a_rate_in_bits_or_packets(family: Family) -> None:
    for valuation in (Valuation(60.0, minimum_rate=1000.0), Valuation(60.0, True, minimum_rate=125.0)):
        around = Around(family, valuation)
        for second in range(30):
            around.measure({address(prefix(family, 1)): 125.0}, float(second))
        demand = around.loop.demand(around.loop.incumbents(()))
        assert around.loop.meter.rate_of(np.array([demand.minimum])).tolist() == pytest.approx([125.0])


@families
def test_the_kernel_s_picture_follows_what_it_shows(family: Family) -> None:
    around, where = Around(family), prefix(family, 1)
    around.announce(where, 2)
    shares = []
    for shown in (None, (2,), (3,), (1,), (2, 3), None):
        if shown is None:
            around.loop.kernel(where, None)
        else:
            around.install(where, *shown)
        around.refresh()
        around.loop.coverage = type(around.loop.coverage)()
        around.measure({address(where): 10.0}, 0.0)
        shares.append((around.loop.coverage.share, around.loop.coverage.astray))
    assert shares == [(0, 0), (1, 0), (0, 1), (0, 0), (0, 1), (0, 0)]


@families
def test_without_a_default_route_nothing_goes_its_way(family: Family) -> None:
    around, where = Around(family), prefix(family, 1)
    around.announce(where, 1)
    around.refresh()
    assert around.does(where) == [DEFAULT]
    around.default = None
    around.refresh()
    assert around.does(where) == [around.hop(1)] != [DEFAULT]
    around.default = KernelRoute(family.default, (), 4)  # unreachable, say
    around.refresh()
    assert around.does(where) == [around.hop(1)] != [DEFAULT]
    other = prefix(family, 2)
    around.fixed[other] = ()
    for shown in (where, other):
        around.loop.kernel(shown, KernelRoute(shown, (), 4))
    around.refresh()
    installed = places(around.loop.installed.routes, family)
    assert installed == {where: DEFAULT, other: RAW_LOCAL}, "ARM's drops what would be dropped"


@families
@pytest.mark.parametrize("packets", [False, True])
def test_newcomers_are_what_the_last_choice_did_not_know(family: Family, packets: bool) -> None:
    around = Around(family, Valuation(60.0, packets, factors={neighbour(family, 3): 0.0}))
    for number in (1, 2, 3, 4):  # 1 leads where the default does, 3 is worth nothing
        around.announce(prefix(family, number), number)
    around.refresh()
    loop, nothing = around.loop, flatten(HopTable.of(key_bits(family), ()))

    def comes(number: int, learned: bool = True) -> bool:
        around.time += 1.0
        around.measure({address(prefix(family, number)): 100.0}, around.time, learned)
        return loop.newcomers

    assert not comes(2), "as long as nothing is chosen, nobody is new"
    demand = loop.demand(loop.incumbents(()))
    hops, light = demand.table.runs.hop(demand.keys), 0.3 if packets else 30.0
    loop.weighed = Weighed(demand.keys, hops, 2.0 * demand.weights, nothing, light)
    assert [number for number in (1, 2, 3, 4) if comes(number)] == [4]
    assert not comes(4, learned=False), "nobody looks"
    around.announce(prefix(family, 2), 4)
    around.refresh()
    assert comes(2), "it was weighed for another way"
