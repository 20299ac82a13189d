"""GET /api/v1/map: against counting by hand, and as it is told."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Family, Prefix
from arm.web.server import make_app
from arm.web.source import StatusSource
from tests.explaining import ExplainingDaemon
from tests.web.daemon import Daemon
from tests.web.picture import FakeSource


def ask(source: StatusSource, *paths: str) -> list[tuple[int, Any]]:
    async def asking() -> list[tuple[int, Any]]:
        found = []
        async with TestClient(TestServer(make_app(source))) as client:
            for path in paths:
                async with client.get(f"/api/v1/{path}") as answer:
                    found.append((answer.status, await answer.json(content_type=None)))
        return found

    return asyncio.run(asking())


places = st.integers(0, (1 << 12) - 1).map(lambda low: str(IPv4Address((20 << 24) + (low << 10) + 1)))


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(places, st.integers(1, 9000), min_size=1, max_size=8),
    st.lists(st.tuples(places, st.integers(6, 26)), max_size=5),
    st.integers(1, 5),
    st.sampled_from(["0.0.0.0/0", "20.0.0.0/8", "20.0.0.0/10", "20.32.0.0/11"]),
)
def test_cells_as_counted_by_hand(
    sizes: dict[str, int], installed: list[tuple[str, int]], order: int, around: str
) -> None:
    daemon = Daemon()
    entries = {IPv4Network((place, length), strict=False) for place, length in installed}
    for entry in entries:
        daemon.install(str(entry), 1)
    for _ in range(2):
        daemon.tick({place: float(size) for place, size in sizes.items()})
    meter = daemon.loops[Family.IPV4].meter
    scale = meter.rate_of(meter.octets()).sum() * 8 / sum(sizes.values())
    found = daemon.board.map(Family.IPV4, Prefix(around), order)()
    cells = {cell.index: cell for cell in found.cells}
    for index, block in enumerate(IPv4Network(around).subnets(prefixlen_diff=2 * order)):
        inside = {place: size for place, size in sizes.items() if IPv4Address(place) in block}
        held = [entry for entry in entries if entry.overlaps(block)]
        if not inside and not held:
            assert index not in cells
            continue
        cell = cells.pop(index)
        served = sum(
            size for place, size in inside.items() if any(IPv4Address(place) in entry for entry in entries)
        )
        assert (cell.prefix, cell.installed) == (str(block), len(held))
        assert cell.bits_per_second == pytest.approx(sum(inside.values()) * scale)
        assert cell.installed_bits_per_second == pytest.approx(served * scale)
    assert not cells


def busy() -> StatusSource:
    daemon = ExplainingDaemon()
    daemon.install("20.0.0.0/16", 1)
    for _ in range(2):
        daemon.tick({"20.0.0.1": 6000.0, "20.0.1.1": 3000.0, "20.1.0.1": 1000.0})
    return daemon.board


def test_the_map_as_it_is_told() -> None:
    [(code, body), (_, deep), (_, six), (_, whole)] = ask(
        busy(),
        "map?family=ipv4&prefix=20.0.0.0/8&order=4",
        "map?prefix=20.0.1.0/24&order=4",
        "map?family=ipv6&order=8",
        "map",
    )
    assert (code, body["family"], body["prefix"], body["order"]) == (200, "ipv4", "20.0.0.0/8", 4)
    assert [(cell["index"], cell["prefix"], cell["installed"]) for cell in body["cells"]] == [
        (0, "20.0.0.0/16", 1),
        (1, "20.1.0.0/16", 0),
    ]
    first, second = body["cells"]
    assert first["bits_per_second"] == pytest.approx(first["installed_bits_per_second"])
    assert second["installed_bits_per_second"] == 0
    assert deep["cells"][0]["prefix"] == "20.0.1.0/32"
    assert len(deep["cells"]) == 256  # the entry above holds them all
    assert (six["prefix"], six["cells"]) == ("::/0", [])
    assert [cell["prefix"] for cell in whole["cells"]] == ["20.0.0.0/12"]


@pytest.mark.parametrize(
    ("query", "parameter", "allowed"),
    [
        ("prefix=20.0.0.0/28&order=4", "order", "at most 2 for a prefix of length 28"),
        ("prefix=20.0.0.0/31", "order", "prefixes up to /30"),
        ("family=ipv6&prefix=2001:db8::/60&order=3", "order", "at most 2 for a prefix of length 60"),
        ("family=ipv6&prefix=20.0.0.0/8", "prefix", "a prefix of IPv6"),
        ("prefix=20.0.0.0/33", "prefix", "a prefix of the family; without it, all of the address space"),
        ("order=9", "order", "a whole number from 1 to 8: 4**order cells"),
    ],
)
def test_what_has_no_map(query: str, parameter: str, allowed: str) -> None:
    [(code, body)] = ask(busy(), f"map?{query}")
    assert code == 400
    assert [(each["parameter"], each["allowed"]) for each in body["parameters"]] == [(parameter, allowed)]


def test_a_source_without_rooms() -> None:
    answers = ask(FakeSource(), "map", "curve", "simulate?entries=5")
    assert [code for code, _ in answers] == [501] * 3
