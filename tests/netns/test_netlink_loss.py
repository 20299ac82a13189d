"""Lost events and lost sockets, against a real kernel: no route is taken for gone because of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from arm.fib import netlink
from arm.fib.netlink import KernelRoutes
from arm.model import Family, Prefix
from tests.netns.kernel import batch, ip
from tests.netns.test_netlink import Change, until

KEPT = [Prefix(f"20.1.{n}.0/24") for n in range(1, 101)]


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


@pytest.mark.usefixtures("namespace")
def test_an_overrun_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arm.fib.netlink._RECEIVE_BUFFER", 4096)
    batch([f"route add {prefix} via 10.0.0.2 proto bird" for prefix in KEPT])

    async def test(kernel: KernelRoutes, changes: list[Change]) -> None:
        changes.clear()
        began = asyncio.get_running_loop().time()
        more = [f"20.2.{n >> 8}.{n & 255}/32" for n in range(1, 2001)]
        batch([f"route add {prefix} via 10.0.0.2 proto bird" for prefix in more])
        await until(lambda: kernel.overruns > 0)
        assert kernel.lost_since is not None
        assert kernel.lost_since >= began
        assert set(KEPT) <= kernel.routes[Family.IPV4].keys(), (
            "the old picture stays until there is a new one"
        )
        await until(lambda: kernel.lost_since is None)
        assert kernel.routes[Family.IPV4].keys() == {*KEPT, *more}
        assert all(present for _, _, present in changes)
        assert len(changes) == len(more)

    follow(test)


@pytest.mark.usefixtures("namespace")
def test_a_closed_socket_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And again, later each time, until it works."""
    batch([f"route add {prefix} via 10.0.0.2 proto bird" for prefix in KEPT])
    real, refusals = netlink._socket, 2

    def opens(groups: int) -> socket.socket:
        nonlocal refusals
        if groups and refusals:
            refusals -= 1
            raise OSError(12, "Cannot allocate memory")
        return real(groups)

    async def test(kernel: KernelRoutes, changes: list[Change]) -> None:
        changes.clear()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours, kernel._read)
        assert kernel._follow is not None
        asyncio.get_running_loop().remove_reader(kernel._follow)
        kernel._follow.close()
        kernel._follow = ours
        monkeypatch.setattr(netlink, "_socket", opens)
        ip(f"route del {KEPT[0]} proto bird")  # nobody listens
        theirs.close()
        await until(lambda: kernel.lost_since is not None)
        assert changes == []
        await until(lambda: kernel.lost_since is None)
        assert refusals == 0
        assert changes == [(Family.IPV4, KEPT[0], False)]
        ip(f"route del {KEPT[1]} proto bird")
        await until(lambda: len(changes) == 2)

    follow(test)


@pytest.mark.usefixtures("namespace")
def test_reading_again_finds_what_no_event_told_of() -> None:
    batch([f"route add {prefix} via 10.0.0.2 proto bird" for prefix in KEPT])

    async def test(kernel: KernelRoutes, changes: list[Change]) -> None:
        changes.clear()
        assert kernel._follow is not None
        asyncio.get_running_loop().remove_reader(kernel._follow)  # deaf
        ip(f"route del {KEPT[0]} proto bird")
        ip("route add 20.3.0.0/16 via 10.0.0.3 proto bird")
        while True:  # what it would have heard
            try:
                kernel._follow.recv(1 << 16)
            except BlockingIOError:
                break
        kernel.resync()
        kernel.resync()  # one is enough
        await until(lambda: len(changes) == 2)
        assert set(changes) == {
            (Family.IPV4, KEPT[0], False),
            (Family.IPV4, Prefix("20.3.0.0/16"), True),
        }
        assert kernel.lost_since is None

    follow(test)


@pytest.mark.usefixtures("namespace")
def test_what_happens_during_a_dump_is_newer_than_the_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    batch([f"route add {prefix} via 10.0.0.2 proto bird" for prefix in KEPT])
    real = netlink.dump

    def slow(family: Family, table: int) -> object:
        found = real(family, table)
        if family is Family.IPV4:
            batch([f"route del {prefix} proto bird" for prefix in KEPT])
            ip("route add 20.3.0.0/16 via 10.0.0.3 proto bird")
        return found

    async def test(kernel: KernelRoutes, changes: list[Change]) -> None:
        changes.clear()
        monkeypatch.setattr(netlink, "dump", slow)
        kernel.resync()
        await until(lambda: kernel._reading is None)
        assert kernel.routes[Family.IPV4].keys() == {"20.3.0.0/16"}
        assert len(changes) == len(KEPT) + 1, "nothing came back for a moment"

    follow(test)
