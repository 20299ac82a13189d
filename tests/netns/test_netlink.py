"""The kernel's routes as ARM reads them, against a real kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_network

import pytest

from arm.fib.kernelpicture import Routes
from arm.fib.netlink import KernelRoutes, dump
from arm.model import Family, KernelRoute, Prefix
from tests.netns.kernel import batch, ip

CASES = [
    (Family.IPV4, "20.1.0.0/16", "10.0.0.2", "10.0.0.3", "20.{}.{}.0/24"),
    (Family.IPV6, "2a00:1::/32", "2001:db8::2", "2001:db8::3", "2a00:{:x}:{:x}::/48"),
]
Change = tuple[Family, Prefix, bool]


def flag(family: Family) -> str:
    return "-4" if family is Family.IPV4 else "-6"


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(("family", "prefix", "gateway", "second", "_many"), CASES)
def test_dump_shows_bird_s_routes_and_the_default(
    family: Family, prefix: str, gateway: str, second: str, _many: str
) -> None:
    empty, complete = dump(family, 254)
    assert complete
    assert (empty.bird, empty.defaults) == ({}, {})
    ip(f"{flag(family)} route add {prefix} via {gateway} proto bird metric 512")
    ip(f"{flag(family)} route add {prefix} via {gateway} proto static metric 9 table 100")
    ip(f"{flag(family)} route add default proto bird nexthop via {gateway} nexthop via {second}")
    routes, complete = dump(family, 254)
    assert complete
    assert {p: r.gateways for p, r in routes.bird.items()} == {prefix: (gateway,)}
    assert routes.bird_metric == 512
    (default,) = routes.defaults.values()
    assert default.gateways == (gateway, second)
    assert dump(family, 77) == (Routes(), True), "a table that does not exist is empty"
    assert not any(route.offloaded or route.offload_failed for route in routes.bird.values())


def follow(test: Callable[[KernelRoutes, list[Change]], Awaitable[None]]) -> None:
    async def run() -> None:
        changes: list[Change] = []
        kernel = KernelRoutes(254, lambda *change: changes.append(change))
        kernel.start()
        try:
            await test(kernel, changes)
        finally:
            kernel.stop()

    asyncio.run(run())


def gateways(route: KernelRoute | None) -> tuple[str, ...]:
    return route.gateways if route is not None else ()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("did not happen")


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(("family", "prefix", "gateway", "second", "_many"), CASES)
def test_changes_are_followed(family: Family, prefix: str, gateway: str, second: str, _many: str) -> None:
    ip(f"{flag(family)} route add {prefix} via {gateway} proto bird metric 512")

    async def test(kernel: KernelRoutes, changes: list[Change]) -> None:
        routes = kernel.routes[family]
        assert changes == [(family, prefix, True)], "what was there is reported at the start"
        ip(f"{flag(family)} route replace {prefix} via {second} proto bird metric 512")
        await until(lambda: gateways(routes[Prefix(prefix)]) == (second,))
        assert len(changes) == 1, "still present"
        ip(f"{flag(family)} route add default via {gateway} proto static")
        await until(lambda: kernel.defaults[family] is not None)
        ip(f"{flag(family)} route add default via {second} proto static metric 2000")
        ip(f"{flag(family)} route del default via {gateway}")
        await until(lambda: gateways(kernel.defaults[family]) == (second,))
        ip(f"{flag(family)} route del default via {second}")
        await until(lambda: kernel.defaults[family] is None)
        ip(f"{flag(family)} route del {prefix} metric 512")
        await until(lambda: not routes)
        assert changes == [(family, prefix, True), (family, prefix, False)]

    follow(test)


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(("family", "_prefix", "gateway", "_second", "many"), CASES)
def test_lost_events_are_made_up_for(
    family: Family, _prefix: str, gateway: str, _second: str, many: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receive buffer of a few events, and thousands of routes at once: real ENOBUFS."""
    monkeypatch.setattr("arm.fib.netlink._RECEIVE_BUFFER", 4096)
    prefixes = [str(ip_network(many.format(n >> 8, n & 255))) for n in range(1, 4001)]

    async def test(kernel: KernelRoutes, changes: list[Change]) -> None:
        batch([f"route add {prefix} via {gateway} proto bird" for prefix in prefixes])
        await until(lambda: len(kernel.routes[family]) == len(prefixes))
        assert kernel.overruns > 0
        assert {prefix for _, prefix, _ in changes} == set(prefixes)
        batch([f"route del {prefix} proto bird" for prefix in prefixes])
        await until(lambda: not kernel.routes[family])
        assert len(changes) == 2 * len(prefixes), "each came and went exactly once"

    follow(test)
