"""Explanations: what they say of forwarding is what the tables do, and what of traffic was measured."""

from __future__ import annotations

from ipaddress import ip_network

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.explain_traffic import Columns
from arm.model import Family, Prefix
from arm.rib.hoptable import DEFAULT, key_bits
from arm.traffic.blocks import BlockMeter
from tests.explaining import Asked, host
from tests.familyworld import address, neighbour, prefix

FAMILIES = pytest.mark.parametrize("family", Family)

PATHS = st.lists(st.integers(0, 2), min_size=0, max_size=3).map(tuple)
TABLES = st.dictionaries(PATHS, st.integers(1, 3), max_size=8)
ENTRIES = st.dictionaries(PATHS, st.none() | st.integers(1, 3), max_size=5)


def above(where: Prefix, prefixes: object) -> list[Prefix]:
    """Those that cover `where` or are it, the longest first; one by one."""
    assert isinstance(prefixes, list)
    inner = ip_network(where)
    outer = [ip_network(each) for each in prefixes]
    found = [each for each in outer if each.version == inner.version and inner.subnet_of(each)]  # type: ignore[arg-type]
    return [Prefix(str(each)) for each in sorted(found, key=lambda each: -each.prefixlen)]


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(Family), TABLES, ENTRIES, PATHS, st.booleans())
def test_it_says_what_the_tables_do(
    family: Family,
    table: dict[tuple[int, ...], int],
    entries: dict[tuple[int, ...], int | None],
    path: tuple[int, ...],
    whole: bool,
) -> None:
    asked = Asked(family)
    routes = {prefix(family, *place): number for place, number in table.items()}
    installed = {prefix(family, *place): number or 1 for place, number in entries.items()}
    for where, number in routes.items():
        asked.around.announce(where, number)
    for place, number_or_guard in entries.items():
        asked.install(prefix(family, *place), number_or_guard)
    question = prefix(family, *path) if whole else host(family, prefix(family, *path))
    found = asked.ask(question)

    loop, network = asked.around.loop, ip_network(question)
    dropped = family.bits - key_bits(family)
    ends = [int(network.network_address) >> dropped, int(network.broadcast_address) >> dropped]
    for way, picture, plain in (
        (found.full, loop.full, routes),
        (found.kernel, loop.installed, installed),
    ):
        hops = set(picture.runs.hop(np.array(ends, np.uint64)).tolist())
        inside = [each for each in plain if each != question and ip_network(each).subnet_of(network)]  # type: ignore[arg-type]
        number = next((plain[each] for each in above(question, list(plain))), 1)
        if way.kind == "several":
            assert {plain[each] for each in inside} | {number} > {number}
            continue
        if not inside:
            assert way.gateways == (neighbour(family, number),)
        assert hops == {loop.hop(way.gateways)}
        assert (way.kind == "default") == (loop.hop(way.gateways) == DEFAULT)
    covering = above(question, list(routes))
    assert (found.route.prefix if found.route is not None else None) == next(iter(covering), None)
    assert list(found.covering) == covering[1:]
    deciding = above(question, list(installed))
    assert (found.entry.prefix if found.entry is not None else None) == next(iter(deciding), None)
    if "several" not in (found.full.kind, found.kernel.kind):
        right, default = found.full == found.kernel, found.kernel.kind == "default"
        verdict = {(True, True): "default", (True, False): "served", (False, True): "detour"}
        assert found.verdict == verdict.get((right, default), "astray")
    assert found.reasons
    single = ip_network(question).prefixlen == family.bits
    subject = found.route.prefix if single and found.route is not None else question
    hidden = [
        each
        for each in routes
        if each != subject and ip_network(each).subnet_of(ip_network(subject))  # type: ignore[arg-type]
    ]
    assert found.hidden == len(hidden)
    assert set(found.hidden_first) <= set(hidden)
    assert len(found.hidden_first) == min(5, len(hidden))


# --- traffic ------------------------------------------------------------------------------------------


@FAMILIES
def test_the_block_and_the_routes_own_traffic(family: Family) -> None:
    outer, inner = prefix(family, 1), prefix(family, 1, 2)
    asked = Asked(family)
    asked.around.announce(outer, 2)
    asked.around.announce(inner, 3)
    one, two = prefix(family, 1, 1), prefix(family, 1, 2)
    sizes = {address(one): 100.0, address(one, 10): 100.0, address(two): 1000.0}
    found = asked.ask(host(family, one, 77), sizes)
    assert found.block == one, "a /24 or a /48"
    assert found.of_route is not None
    assert (found.here.blocks, found.of_route.blocks) == (1, 1)
    assert found.here == found.of_route
    assert found.here.weight == pytest.approx(found.here.bits_per_second / 8)
    everything = asked.ask(outer, sizes)
    assert everything.block is None
    assert everything.of_route is not None
    assert everything.here.blocks == 2
    assert everything.here.bits_per_second == pytest.approx(6 * everything.of_route.bits_per_second)
    fine = prefix(family, 1, 1, 5)
    asked.around.announce(fine, 3)
    assert asked.ask(host(family, one, 77)).block == (
        host(family, one, 77) if family is Family.IPV4 else Prefix(f"{ip_network(one)[0]}/64")
    )


def test_the_sampling_error_is_that_of_repeated_runs() -> None:
    """Poisson arrivals of equal packets: of 100 rates about 95 lie within the error of the true one."""
    random, window, rate, runs = np.random.default_rng(7), 10.0, 8.0, 300
    loop = Asked(Family.IPV4).around.loop
    for seconds in (3, 60):  # long before, and long after the window has filled
        inside = 0
        for _ in range(runs):
            loop.meter = BlockMeter(32, window)
            for second in range(seconds + 1):
                count = int(random.poisson(rate)) if second else 0
                ones = np.ones(count)
                keys = np.full(count, 0x14010000, np.uint64)
                loop.meter.add(keys, 100 * ones, ones, ones, None, rate, float(second))
            here = Columns.of(loop).between(0, 2**32 - 1)
            # What comes in an interval counts whole at its end, and its time as if it had faded within it.
            steps = window * (1.0 - np.exp(-1.0 / window))
            inside += abs(here.bits_per_second - 800.0 * rate / steps) <= here.error
        assert 0.91 * runs <= inside <= 0.99 * runs
