"""The configuration that we ship, in a real BIRD with real neighbours: dead next hops fall to the default by
themselves, and the import limit does what `arm.fib.birdview` says of it.

ARM's part is played by a third BIRD, which announces routes with ARM's mark.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arm.fib.bird import BirdWatch
from arm.fib.birdview import BirdView, Channel
from arm.model import ArmError, Family
from tests.netns.kernel import ip

BIRD = Path(__file__).parents[2] / "bird"
NEIGHBOURS = """
protocol bgp tracked from neighbour4 {
  neighbor 10.1.0.2 as 64501; bfd; connect delay time 1; error wait time 1, 5;
}
protocol static tracked_hop { ipv4 { table hops4; }; route 10.1.0.2/32 via 10.1.0.2 bfd; }
protocol bgp plain from neighbour4 { neighbor 10.2.0.2 as 64502; connect delay time 1; }
"""
NEIGHBOUR = """
router id 192.0.2.1{n};
protocol device {{ }}
protocol bfd {{ interface "*" {{ interval 100 ms; multiplier 5; }}; }}
protocol static {{ ipv4; route 0.0.0.0/0 blackhole; }}
protocol bgp {{ local 10.{n}.0.2 as 6450{n}; neighbor 10.{n}.0.1 as 65000; bfd;
  connect delay time 1; error wait time 1, 5;
  ipv4 {{ import none; export all; next hop self; }}; }}
"""
ARM = """
router id 192.0.2.254;
protocol device {{ }}
protocol static {{
  ipv4;
  include "{routes}";
}}
protocol bgp {{
  local 127.0.0.2 port 1180 as 65000; neighbor 127.0.0.1 port 1179 as 65000; strict bind; multihop;
  connect delay time 1; connect retry time 1; error wait time 1, 5;
  ipv4 {{ import none; next hop keep; export filter {{
    bgp_large_community.add((65000, 6343, 1));
    if net ~ [ 30.1.0.0/16+ ] then bgp_next_hop = 10.1.0.2;
    if net ~ [ 30.2.0.0/16+ ] then bgp_next_hop = 10.2.0.2;
    if net ~ [ 30.3.0.0/16+ ] then bgp_next_hop = 198.18.0.1;
    accept;
  }}; }};
}}
"""


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Network:
    """The switch, its two neighbours, and who announces in ARM's place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._names = {n: f"arm-test-{os.getpid()}-{n}" for n in (1, 2)}

    def open(self, limit: int) -> None:
        """Put everything up; `limit` is the import limit for IPv4."""
        folder = self._folder
        for n, name in self._names.items():
            subprocess.run(["ip", "netns", "add", name], check=True)
            ip(f"link add p{n} type veth peer name e1 netns {name}")
            ip(f"addr add 10.{n}.0.1/24 dev p{n}")
            ip(f"link set p{n} up")
            ip(f"-n {name} addr add 10.{n}.0.2/24 dev e1")
            ip(f"-n {name} link set e1 up")
            (folder / f"n{n}.conf").write_text(NEIGHBOUR.format(n=n))
        switch = Path(shutil.copytree(BIRD, folder / "switch"))
        conf, local = switch / "bird.conf", switch / "local.conf"
        conf.write_text("".join(x for x in conf.read_text().splitlines(True) if "log syslog" not in x))
        text = local.read_text().replace("ARM_LIMIT4 = 20000", f"ARM_LIMIT4 = {limit}")
        local.write_text(text.replace("255.255.255.255/32 ]", "10.1.0.0/24 ]"))
        (switch / "peers.d" / "all.conf").write_text(NEIGHBOURS)
        (folder / "arm.conf").write_text(ARM.format(routes=folder / "routes.conf"))
        self.announce([])
        self.start("n1", self._names[1])
        self.start("n2", self._names[2])
        self.start("arm")
        self.start("switch", conf=conf)

    def start(self, name: str, namespace: str | None = None, conf: Path | None = None) -> None:
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        words = ["bird", "-f", "-c", str(conf or self._folder / f"{name}.conf"), "-s", self.control(name)]
        self._running[name] = subprocess.Popen([*inside, *words])
        until(lambda: Path(self.control(name)).exists(), name)

    def control(self, name: str) -> str:
        return str(self._folder / f"{name}.ctl")

    def birdc(self, name: str, words: str) -> str:
        command = ["birdc", "-s", self.control(name), *words.split()]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def announce(self, prefixes: list[str]) -> None:
        routes = "".join(f"route {prefix} blackhole;\n" for prefix in prefixes)
        (self._folder / "routes.conf").write_text(routes)
        if "arm" in self._running:
            self.birdc("arm", "configure")

    def signal(self, name: str, number: signal.Signals) -> None:
        self._running[name].send_signal(number)

    def dropped(self) -> set[str]:
        """What the kernel throws away at BIRD's word."""
        return {route["dst"] for route in _routes() if route.get("type") == "blackhole"}

    def gateways(self) -> dict[str, list[str]]:
        return {
            route["dst"]: [hop["gateway"] for hop in route.get("nexthops", [route])]
            for route in _routes()
            if route.get("type") != "blackhole"
        }

    def close(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self._running.values():
            process.wait(10)
        for name in self._names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def _routes() -> list[dict[str, Any]]:
    """The kernel's routes that BIRD put there."""
    command = ["ip", "-j", "route", "show", "proto", "bird"]
    found: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


@pytest.fixture
def network(namespace: str, tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path)
    try:
        network.open(limit=6)
        until(lambda: len(network.gateways().get("default", ())) == 2, "the default")
        up = ("tracked", "plain", "arm_target")
        until(
            lambda: all("Established" in network.birdc("switch", f"show protocols {each}") for each in up),
            "the sessions",
        )
        yield network
    finally:
        network.close()


def watching(network: Network, steps: Callable[[list[BirdView]], None]) -> None:
    """Run `steps` in a thread while a BirdWatch runs; it sees the views as they come."""

    async def run() -> None:
        views, errors = list[BirdView](), list[ArmError]()
        watch = BirdWatch(network.control("switch"), "arm_target", views.append, errors.append)
        task = asyncio.create_task(watch.run())
        try:
            await asyncio.to_thread(steps, views)
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert errors == []

    asyncio.run(run())


def test_dead_next_hops_fall_to_the_default(network: Network) -> None:
    """Without ARM: its session says nothing all the while."""
    network.announce(["30.1.0.0/24", "30.2.0.0/24", "30.3.0.0/24"])
    until(lambda: len(network.gateways()) == 4, "the entries")
    before = network.gateways()
    assert (before["30.1.0.0/24"], before["30.2.0.0/24"]) == (["10.1.0.2"], ["10.2.0.2"])
    assert before["default"] == ["10.1.0.2", "10.2.0.2"]
    assert before["30.3.0.0/24"] == ["10.1.0.2"], "BIRD resolves a guard through one path of the default"
    own = ("arm_target", "arm_reflector")

    def steps(views: list[BirdView]) -> None:
        until(lambda: bool(views), "a view")
        assert views[-1].dead(own) == frozenset()
        network.signal("n1", signal.SIGSTOP)  # dies behind a live link
        until(lambda: network.gateways()["30.1.0.0/24"] == ["10.2.0.2"], "BFD")
        until(lambda: views[-1].dead(own) == {"10.1.0.2"}, "ARM knows")
        assert set(map(tuple, network.gateways().values())) == {("10.2.0.2",)}
        network.signal("n1", signal.SIGCONT)
        until(lambda: network.gateways()["30.1.0.0/24"] == ["10.1.0.2"], "back")
        until(lambda: views[-1].dead(own) == frozenset(), "ARM knows")
        ip("link set p2 down")
        until(lambda: set(map(tuple, network.gateways().values())) == {("10.1.0.2",)}, "link state")
        until(lambda: views[-1].dead(own) == {"10.2.0.2"}, "ARM knows")
        # Without a default nothing may fall to an entry above it: what has no way drops its traffic.
        ip("link set p1 down")
        until(lambda: network.dropped() == {"30.1.0.0/24", "30.2.0.0/24", "30.3.0.0/24"}, "no default")
        assert "default" not in network.gateways()
        ip("link set p1 up")
        until(lambda: network.dropped() == set() and "default" in network.gateways(), "the default again")

    watching(network, steps)


def test_the_import_limit_blocks_until_bird_is_configured_again(network: Network) -> None:
    """New routes stay out though there is room, changes in place pass, and `configure` lets in again."""
    first = [f"30.1.{n}.0/24" for n in range(8)]
    network.announce(first)

    def target(views: list[BirdView]) -> Channel | None:
        return views[-1].channel("arm_target", Family.IPV4) if views else None

    def steps(views: list[BirdView]) -> None:
        until(lambda: target(views) == Channel("ipv4", 6, 6, limit_hit=True), "the limit")
        network.announce(first[:4])
        until(lambda: target(views) == Channel("ipv4", 4, 6, limit_hit=True), "room")
        network.announce([*first[:4], "30.2.0.0/24"])
        until(lambda: " 1 ignored" in _ignored(network), "refused though there is room")
        network.announce(first[:4])
        network.birdc("switch", "configure")
        until(lambda: target(views) == Channel("ipv4", 4, 6, limit_hit=False), "configured")
        network.announce([*first[:4], "30.2.0.0/24"])
        until(lambda: target(views) == Channel("ipv4", 5, 6, limit_hit=False), "let in")

    watching(network, steps)


def _ignored(network: Network) -> str:
    """How many updates BIRD ignored since the 2 above its limit."""
    shown = network.birdc("switch", "show protocols all arm_target")
    (line,) = [x for x in shown.partition("Channel ipv6")[0].splitlines() if "Import updates:" in x]
    return f" {int(line.split()[5]) - 2} ignored"
