"""Flags of a hardware table, as ARM reads and classes them. In the user-mode kernel (test_hardware.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from arm.fib.compare import GRACE, OFFLOAD_GRACE, Books, Differences, Fault, Reconciler
from arm.fib.netlink import KernelRoutes
from arm.model import NO_ATTRIBUTES, Entry, Family, Prefix
from tests.uml.netdevsim import NEIGHBOUR, Netdevsim, command

families = pytest.mark.parametrize("family", Family, ids=lambda family: family.label)


@pytest.fixture
def device() -> Iterator[Netdevsim]:
    device = Netdevsim()
    yield device
    device.close()


def place(family: Family, number: int) -> Prefix:
    return Prefix(f"20.0.{number}.0/24" if family is Family.IPV4 else f"2a00:{number + 1:x}::/32")


def change(verb: str, prefix: Prefix) -> str:
    gateway = NEIGHBOUR[Family.of(prefix)]
    return f"route {verb} {prefix} via {gateway} proto bird metric 512"


def ip(*lines: str, works: bool = True) -> None:
    for line in lines:
        if works:
            command("ip", *line.split())
        else:
            with pytest.raises(AssertionError, match="Exceeded number of supported fib entries"):
                command("ip", *line.split())


def follow(test: Callable[[KernelRoutes, list[Prefix]], Awaitable[None]]) -> None:
    """Run `test` with the kernel's routes followed, and what came or went."""

    async def run() -> None:
        changes: list[Prefix] = []
        kernel = KernelRoutes(254, lambda _, prefix, __: changes.append(prefix))
        kernel.start()
        try:
            await test(kernel, changes)
        finally:
            kernel.stop()

    asyncio.run(run())


async def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(250):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{what}: not within 5 s")


class Comparing:
    """What is wrong with entries that BIRD was told to have; the clock is the test's."""

    def __init__(self, kernel: KernelRoutes, told: list[Prefix]) -> None:
        self._kernel = kernel
        self._reconciler = Reconciler()
        self._told = {each: Entry(each, NEIGHBOUR[Family.of(each)], NO_ATTRIBUTES) for each in told}

    def at(self, now: float) -> dict[Fault, list[Prefix]]:
        family = Family.of(next(iter(self._told)))
        books = Books(self._told, (), self._kernel.routes[family], lambda hop: (hop,))
        found: Differences = self._reconciler.compare(books, now)
        return {fault: found.of(fault) for fault in Fault if found.of(fault)}


@families
@pytest.mark.usefixtures("device")
def test_what_the_hardware_takes_is_heard(family: Family) -> None:
    prefix = place(family, 0)

    async def test(kernel: KernelRoutes, changes: list[Prefix]) -> None:
        await asyncio.to_thread(ip, change("add", prefix))
        await until(
            lambda: prefix in kernel.routes[family] and kernel.routes[family][prefix].offloaded, "taken"
        )
        assert not kernel.routes[family][prefix].offload_failed
        assert changes == [prefix], "a flag is no new route"
        assert Comparing(kernel, [prefix]).at(0) == {}

    follow(test)


@families
@pytest.mark.usefixtures("device")
def test_without_the_kernel_s_notification_a_dump_shows_it(family: Family) -> None:
    prefix = place(family, 0)
    command("sysctl", "-qw", f"net.{family.label}.fib_notify_on_flag_change=0")

    async def test(kernel: KernelRoutes, _: list[Prefix]) -> None:
        await asyncio.to_thread(ip, change("add", prefix))
        await until(lambda: prefix in kernel.routes[family], "in the kernel")
        await asyncio.sleep(0.5)
        assert not kernel.routes[family][prefix].offloaded
        kernel.resync()
        await until(lambda: kernel.routes[family][prefix].offloaded, "seen")

    follow(test)


@families
def test_a_refused_route_stays_so_until_it_has_been_away(family: Family, device: Netdevsim) -> None:
    prefix, other = place(family, 0), place(family, 1)

    async def test(kernel: KernelRoutes, _: list[Prefix]) -> None:
        def refused() -> bool:
            return prefix in kernel.routes[family] and kernel.routes[family][prefix].offload_failed

        comparing = Comparing(kernel, [prefix, other])
        await asyncio.to_thread(ip, change("add", other))
        await until(
            lambda: other in kernel.routes[family] and kernel.routes[family][other].offloaded, "taken"
        )
        device.refuse(True)
        await asyncio.to_thread(ip, change("add", prefix))
        await until(refused, "refused")
        assert comparing.at(0) == {Fault.REFUSED: [prefix]}, "at once: this is no delay"

        device.refuse(False)
        await asyncio.to_thread(ip, change("del", other), change("add", other))
        await asyncio.sleep(0.5)
        assert refused(), "nobody has tried again, though there is room"
        await asyncio.to_thread(ip, change("del", prefix), change("add", prefix))
        await until(lambda: kernel.routes[family][prefix].offloaded, "taken")
        assert comparing.at(1) == {}

    follow(test)


@families
def test_what_does_not_fit_is_not_even_in_the_kernel(family: Family, device: Netdevsim) -> None:
    device.limit(room=3)
    places = [place(family, number) for number in range(5)]

    async def test(kernel: KernelRoutes, _: list[Prefix]) -> None:
        comparing = Comparing(kernel, places)
        await asyncio.to_thread(ip, *(change("add", each) for each in places[:3]))
        await asyncio.to_thread(ip, *(change("add", each) for each in places[3:]), works=False)
        await until(lambda: sum(route.offloaded for route in kernel.routes[family].values()) == 3, "taken")
        assert comparing.at(0) == {}
        assert comparing.at(GRACE) == {Fault.MISSING: places[3:]}
        assert kernel.routes[family].keys() == set(places[:3])

        await asyncio.to_thread(ip, change("del", places[0]), change("add", places[3]))
        await until(lambda: places[3] in kernel.routes[family], "in the kernel")
        await until(lambda: kernel.routes[family][places[3]].offloaded, "taken")
        assert comparing.at(2 * GRACE) == {Fault.MISSING: [places[4]]}
        assert comparing.at(3 * GRACE) == {Fault.MISSING: [places[4], places[0]]}

    follow(test)


@families
@pytest.mark.usefixtures("device")
def test_slow_hardware_is_no_fault_for_a_while(family: Family) -> None:
    places = [place(family, number) for number in range(40)]

    async def test(kernel: KernelRoutes, _: list[Prefix]) -> None:
        await asyncio.to_thread(ip, change("add", places[0]))
        await until(lambda: any(route.offloaded for route in kernel.routes[family].values()), "taken")
        comparing = Comparing(kernel, places)
        assert comparing.at(0) == {}
        lines = "\n".join(change("add", each) for each in places[1:])
        run = await asyncio.create_subprocess_exec("ip", "-batch", "-", stdin=asyncio.subprocess.PIPE)
        await run.communicate(lines.encode())
        await until(lambda: len(kernel.routes[family]) == len(places), "in the kernel")
        bare = [prefix for prefix, route in kernel.routes[family].items() if not route.offloaded]
        assert bare, "it is slower than the kernel"
        assert comparing.at(1) == {}
        late = comparing.at(1 + OFFLOAD_GRACE)
        assert late.keys() == {Fault.NOT_OFFLOADED}
        assert set(late[Fault.NOT_OFFLOADED]) <= set(bare)
        await until(lambda: all(route.offloaded for route in kernel.routes[family].values()), "taken")
        assert comparing.at(2 + OFFLOAD_GRACE) == {}

    follow(test)
