"""netdevsim as a switch's hardware table, in the user-mode kernel.

What it does, as seen with Linux 6.1: it takes every route of its namespace (connected ones too), one every
20 ms, and shows it with `rt_trap`. Two ways to have no room:

- Its own limit (devlink): the kernel refuses the route as it comes (BIRD logs EPERM), and has it not.
- The switch `fail_route_offload` (debugfs): the kernel has the route, with `rt_offload_failed`. That is what
  drivers of real hardware do, so `Full` throws this switch when there is no room.

Nobody tries a refused route again when others leave. Withdrawing and announcing it again does; so does a
replacement by another next hop. A replacement by the same is nothing to IPv4, and a new try to IPv6.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType

from arm.fib.routemessage import RTPROT_BIRD, RouteMessage, messages
from arm.model import Family, Prefix

BUS = Path("/sys/bus/netdevsim")
DEVICE = "netdevsim/netdevsim1"
FAIL = Path("/sys/kernel/debug/netdevsim/netdevsim1/fib/fail_route_offload")
NEIGHBOUR = {Family.IPV4: "198.51.100.2", Family.IPV6: "2001:db8:5::2"}


def command(*words: str) -> str:
    """Run a command that must work; its output."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout


class Netdevsim:
    """The device, with one port that leads to NEIGHBOUR."""

    def __init__(self) -> None:
        (BUS / "new_device").write_text("1 1")
        for family in Family:
            command("sysctl", "-qw", f"net.{family.label}.fib_notify_on_flag_change=1")
        self._connect()

    def _connect(self) -> None:
        ports = BUS / "devices/netdevsim1/net"
        while not ports.exists() or not any(ports.iterdir()):
            time.sleep(0.02)
        (self.port,) = (each.name for each in ports.iterdir())
        command("ip", "address", "add", "198.51.100.1/24", "dev", self.port)
        command("ip", "address", "add", "2001:db8:5::1/64", "dev", self.port, "nodad")
        command("ip", "link", "set", self.port, "up")
        time.sleep(0.5)  # for the routes that come by themselves

    def close(self) -> None:
        """Take it away, and with it every route through it."""
        self.refuse(False)
        (BUS / "del_device").write_text("1")

    def limit(self, room: int) -> None:
        """Room for so many routes beside those that are there by themselves, in each family."""
        sizes = {family: self.occupied(family) + room for family in Family}
        for family, size in sizes.items():
            path = f"/{family.title}/fib"
            command("devlink", "resource", "set", DEVICE, "path", path, "size", str(size))
        command("devlink", "dev", "reload", DEVICE)
        self._connect()

    def occupied(self, family: Family) -> int:
        """Routes that it holds."""
        shown = json.loads(command("devlink", "-j", "resource", "show", DEVICE))
        (tables,) = shown["resources"].values()
        (table,) = (each for each in tables if each["name"] == family.title)
        occupied: int = next(each["occ"] for each in table["resources"] if each["name"] == "fib")
        return occupied

    def refuse(self, on: bool) -> None:
        """Refuse every further route, or accept."""
        FAIL.write_text("Y" if on else "N")


class Full:
    """Room for `room` entries of BIRD's in both families together; more get `rt_offload_failed`.

    It hears of each route that was taken 20 ms before the next one is due: mostly enough not to be late.
    `history` is what the hardware took and lost: when (monotonic), prefix, gateways (none: lost).
    """

    def __init__(self, device: Netdevsim, room: int) -> None:
        self._device = device
        self.room = room
        self.held: dict[Prefix, tuple[str, ...]] = {}
        self.history: list[tuple[float, Prefix, tuple[str, ...]]] = []
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self._socket.bind((0, 0x40 | 0x400))
        self._socket.settimeout(0.2)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="hardware")

    def __enter__(self) -> Full:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()
        self._device.refuse(False)

    def _follow(self) -> None:
        buffer = bytearray(1 << 16)
        refusing = False
        while not self._stop.is_set():
            try:
                size = self._socket.recv_into(buffer)
            except TimeoutError:
                size = 0
            now = time.monotonic()
            for message in messages(buffer, size, 254):
                self._take(message, now)
            if refusing != (len(self.held) >= self.room):
                refusing = not refusing
                self._device.refuse(refusing)

    def _take(self, message: RouteMessage, now: float) -> None:
        """A route came, went or was given its flags."""
        route = message.route
        if route.protocol != RTPROT_BIRD or route.prefix == message.family.default:
            return
        gateways = route.gateways if message.new and route.offloaded else ()
        if gateways != self.held.pop(route.prefix, ()):
            self.history.append((now, route.prefix, gateways))
        if gateways:
            self.held[route.prefix] = gateways
