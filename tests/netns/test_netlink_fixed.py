"""Routes that are not ARM's, against a real kernel: whose word counts for a prefix."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from arm.fib.netlink import KernelRoutes
from arm.model import Family, KernelRoute, Prefix
from tests.netns.kernel import ip
from tests.netns.test_netlink import CASES, flag, gateways, until

Seen = dict[Prefix, KernelRoute | None]


def follow(test: Callable[[KernelRoutes, Seen], Awaitable[None]]) -> None:
    async def run() -> None:
        seen: Seen = {}
        kernel = KernelRoutes(254, lambda *_: None, lambda _, prefix, route: seen.update({prefix: route}))
        kernel.start()
        try:
            await test(kernel, seen)
        finally:
            kernel.stop()

    asyncio.run(run())


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(
    ("protocol", "kind"),
    [
        *(("static", kind) for kind in ("blackhole", "unreachable", "prohibit", "throw")),
        *(("bird", kind) for kind in ("unreachable", "prohibit", "throw")),
    ],
)
@pytest.mark.parametrize("family", list(Family))
def test_what_is_thrown_away_is_fixed(family: Family, protocol: str, kind: str) -> None:
    prefix = Prefix("20.1.0.0/16" if family is Family.IPV4 else "2a00:1::/32")
    ip(f"{flag(family)} route add {kind} {prefix} proto {protocol}")

    async def test(kernel: KernelRoutes, seen: Seen) -> None:
        assert kernel.others[family][prefix].gateways == ()
        assert kernel.routes[family] == {}
        assert gateways(seen[prefix]) == ()
        ip(f"{flag(family)} route del {kind} {prefix}")
        await until(lambda: seen[prefix] is None)
        assert prefix not in kernel.others[family]
        ip(f"{flag(family)} route add {kind} default")
        ip(f"{flag(family)} route add {kind} {prefix}")
        await until(lambda: seen[prefix] is not None)
        assert kernel.defaults[family] is None, "no default to lean on"

    follow(test)


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize("family", list(Family))
def test_an_entry_without_a_default_drops_its_traffic(family: Family) -> None:
    """BIRD turns what is unreachable into black holes (bird/bird.conf): it still holds its place."""
    prefix = Prefix("20.1.0.0/16" if family is Family.IPV4 else "2a00:1::/32")
    ip(f"{flag(family)} route add blackhole {prefix} proto bird")

    async def test(kernel: KernelRoutes, seen: Seen) -> None:
        assert kernel.routes[family][prefix].gateways == ()
        assert kernel.others[family].get(prefix) is None
        ip(f"{flag(family)} route del blackhole {prefix}")
        await until(lambda: seen[prefix] is None)
        assert prefix not in kernel.routes[family]

    follow(test)


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(("family", "prefix", "gateway", "second", "_many"), CASES)
def test_the_lowest_metric_counts(family: Family, prefix: str, gateway: str, second: str, _many: str) -> None:
    place = Prefix(prefix)

    async def test(kernel: KernelRoutes, seen: Seen) -> None:
        ip(f"{flag(family)} route add {prefix} via {gateway} proto bird metric 512")
        await until(lambda: gateways(seen.get(place)) == (gateway,))
        ip(f"{flag(family)} route add {prefix} via {second} proto static metric 9")
        await until(lambda: gateways(seen[place]) == (second,))
        ip(f"{flag(family)} route add blackhole {prefix} proto static metric 600")
        ip(f"{flag(family)} route del {prefix} via {second} metric 9")
        await until(lambda: gateways(seen[place]) == (gateway,))
        assert place in kernel.routes[family]
        assert kernel.others[family][place].gateways == ()
        ip(f"{flag(family)} route del {prefix} proto bird metric 512")
        await until(lambda: gateways(seen[place]) == ())
        assert seen[place] is not None

    follow(test)


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(("family", "prefix", "gateway", "second", "_many"), CASES)
def test_a_replaced_route_is_gone(family: Family, prefix: str, gateway: str, second: str, _many: str) -> None:
    place = Prefix(prefix)
    ip(f"{flag(family)} route add {prefix} via {gateway} proto bird metric 512")

    async def test(kernel: KernelRoutes, seen: Seen) -> None:
        ip(f"{flag(family)} route replace {prefix} via {second} proto static metric 512")
        await until(lambda: gateways(seen[place]) == (second,))
        assert place not in kernel.routes[family]
        ip(f"{flag(family)} route replace {prefix} via {gateway} proto bird metric 512")
        await until(lambda: gateways(seen[place]) == (gateway,))
        assert place not in kernel.others[family]

    follow(test)


@pytest.mark.usefixtures("namespace")
@pytest.mark.parametrize(("family", "prefix", "gateway", "second", "_many"), CASES)
def test_gateways_that_leave_one_by_one(
    family: Family, prefix: str, gateway: str, second: str, _many: str
) -> None:
    """IPv6 lets a part of an ECMP group go, and says so by the part alone."""
    place, both = Prefix(prefix), f"nexthop via {gateway} nexthop via {second}"

    async def test(kernel: KernelRoutes, seen: Seen) -> None:
        ip(f"{flag(family)} route add {prefix} proto bird metric 512 {both}")
        ip(f"{flag(family)} route add default metric 512 {both}")
        await until(lambda: gateways(kernel.defaults[family]) == (gateway, second))
        assert gateways(seen[place]) == (gateway, second)
        if family is Family.IPV6:
            ip(f"-6 route del {prefix} via {gateway} metric 512")
            ip(f"-6 route del default via {gateway} metric 512")
            await until(lambda: gateways(kernel.defaults[family]) == (second,))
            assert gateways(seen[place]) == (second,)
        ip(f"{flag(family)} route del {prefix} metric 512")
        ip(f"{flag(family)} route del default metric 512")
        await until(lambda: kernel.defaults[family] is None)
        assert seen[place] is None

    follow(test)
