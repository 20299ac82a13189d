"""A switch with ARM in the user-mode kernel: real BIRD, ExaBGP and ARM, two neighbours that are one BIRD in a
namespace of its own, sFlow written by hand. What the hardware holds is netdevsim's to say.

Per family, `blocks` routes through the second neighbour, each with a more specific one inside through the
first, and a default through the first. So each wide route needs its narrow one as a guard before it.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from arm.model import Family, Prefix
from tests.sflow.build import datagram, ethernet, flow_sample, ipv4, ipv6, raw_header
from tests.uml.netdevsim import command

ROOT = Path(__file__).parents[2]
FIRST = {Family.IPV4: "10.0.1.2", Family.IPV6: "2001:db8:1::2"}  # neighbours; the default is through FIRST
SECOND = {Family.IPV4: "10.0.2.2", Family.IPV6: "2001:db8:2::2"}
_PEER = "neighbours"

_ARM = """
[reflector]
as = 65000
id = "192.0.2.254"
[target]
as = 65000
id = "192.0.2.254"
[capacity]
ipv4 = {capacity}
ipv6 = {capacity}
[selection]
window = 20
[state]
directory = "{state}"
[fib]
bird_socket = "{bird}"
hardware = "{hardware}"
"""
# ARM's back-off from full hardware, four times as fast.
_RUN = """
from arm import cli
from arm.freeze import timers
timers.FIRST_BACK_OFF, timers.TRIAL = 15.0, 15.0
cli.main()
"""


def wide(family: Family, number: int) -> Prefix:
    """The route of a block through SECOND."""
    return Prefix(f"20.{number}.0.0/16" if family is Family.IPV4 else f"2a00:{number + 1:x}::/32")


def narrow(family: Family, number: int) -> Prefix:
    """The route inside of it through FIRST, where the default goes too."""
    return Prefix(f"20.{number}.1.0/24" if family is Family.IPV4 else f"2a00:{number + 1:x}:1::/48")


def table(family: Family, blocks: int) -> dict[Prefix, str]:
    """Every route but the default: prefix → next hop."""
    routes: dict[Prefix, str] = {}
    for number in range(blocks):
        routes[wide(family, number)] = SECOND[family]
        routes[narrow(family, number)] = FIRST[family]
    return routes


class World:
    """It, from `with` on. `capacity` is what ARM believes in, for each family."""

    def __init__(self, work: Path, blocks: int, capacity: int, hardware: str = "none") -> None:
        self.work = work
        self.blocks = blocks
        self.tables = {family: table(family, blocks) for family in Family}
        self._capacity = capacity
        self._hardware = hardware
        self._running: list[subprocess.Popen[bytes]] = []
        self._stop = threading.Event()
        self._traffic = threading.Thread(target=self._send, name="sFlow agent")

    def __enter__(self) -> World:
        self._link()
        self._bird()
        self._start("arm", [sys.executable, "-c", _RUN, "run", "-c", self._configure_arm()])
        self._traffic.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._traffic.ident is not None:
            self._traffic.join()
        for process in reversed(self._running):
            process.terminate()
            process.wait(20)
        command("ip", "netns", "del", _PEER)
        for log in sorted(self.work.glob("*.log")):
            print(f"--- {log.name}", log.read_text(), sep="\n")

    # --- what to look at ------------------------------------------------------------------------------

    def family(self, family: Family) -> dict[str, Any]:
        """What ARM says of it."""
        found: dict[str, Any] = next(
            each for each in self.status()["families"] if each["family"] == family.label
        )
        return found

    def concerns(self) -> set[str]:
        """The names of what ARM finds wrong with either family."""
        return {each["name"] for each in self.status()["concerns"] if each["family"] is not None}

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen("http://127.0.0.1:8008/api/v1/status", timeout=10) as answer:
            status: dict[str, Any] = json.load(answer)
        return status

    def running(self) -> bool:
        """Is everything still, and does ARM answer?"""
        assert all(process.poll() is None for process in self._running)
        try:
            return bool(self.status())
        except OSError:
            return False

    def misforwarded(
        self, history: Iterable[tuple[float, Prefix, tuple[str, ...]]]
    ) -> list[tuple[Prefix, float]]:
        """The wide routes that the hardware had without their guards, and for how many seconds each time."""
        outer = {narrow(f, n): wide(f, n) for f in Family for n in range(self.blocks)}
        held: dict[Prefix, tuple[str, ...]] = {}
        since: dict[Prefix, float] = {}
        wrong = []
        for now, prefix, gateways in history:
            held[prefix] = gateways
            block = outer.get(prefix, prefix)
            (guard,) = (each for each, around in outer.items() if around == block)
            if held.get(block) == (SECOND[Family.of(block)],) and not held.get(guard):
                since.setdefault(block, now)
            elif block in since:
                wrong.append((block, now - since.pop(block)))
        assert not since, "still wrong at the end"
        return wrong

    # --- its parts --------------------------------------------------------------------------------------

    def _link(self) -> None:
        command("ip", "netns", "add", _PEER)
        command("ip", "-n", _PEER, "link", "set", "lo", "up")
        for n in (1, 2):
            command("ip", "link", "add", f"up{n}", "type", "veth", "peer", "name", "eth0", "netns", _PEER)
            command("ip", "-n", _PEER, "link", "set", "eth0", "name", f"down{n}")
            for place, port, last in (((), f"up{n}", 1), (("-n", _PEER), f"down{n}", 2)):
                for address in (f"10.0.{n}.{last}/30", f"2001:db8:{n}::{last}/64"):
                    nodad = ["nodad"] if ":" in address else []
                    command("ip", *place, "address", "add", address, "dev", port, *nodad)
                command("ip", *place, "link", "set", port, "up")

    def _bird(self) -> None:
        folder = Path(shutil.copytree(ROOT / "bird", self.work / "bird"))
        conf = folder / "bird.conf"
        conf.write_text(
            "".join(x for x in conf.read_text().splitlines(True) if not x.startswith("log syslog"))
        )
        sessions, exported = [], []
        for family in Family:
            number, label = family.number, family.label
            for n, addresses in ((1, FIRST), (2, SECOND)):
                far, near = addresses[family], addresses[family].removesuffix("2") + "1"
                retry = "connect delay time 1; connect retry time 2; error wait time 1, 5;"
                sessions.append(
                    f"protocol bgp n{n}_{number} from neighbour{number} "
                    f"{{ local {near} as MYAS; neighbor {far} as 6450{n}; {retry} }}\n"
                )
                routes = [prefix for prefix, hop in self.tables[family].items() if hop == far]
                routes += [family.default] if n == 1 else []
                bgp = f"local {far} as 6450{n}; neighbor {near} as 65000; {retry}"
                lines = "".join(f"  route {prefix} blackhole;\n" for prefix in routes)
                exported.append(
                    f"{label} table t{n}_{number};\n"
                    f"protocol static s{n}_{number} {{ {label} {{ table t{n}_{number}; }};\n{lines}}}\n"
                    f"protocol bgp b{n}_{number} {{ {bgp}\n"
                    f"  {label} {{ table t{n}_{number}; import none; export all; next hop self; }}; }}\n"
                )
        (folder / "peers.d/neighbours.conf").write_text("".join(sessions))
        peer = self.work / "peer.conf"
        peer.write_text("log stderr all;\nrouter id 192.0.2.11;\nprotocol device { }\n" + "".join(exported))
        for name, file, place in (("peer", peer, ["ip", "netns", "exec", _PEER]), ("bird", conf, [])):
            socket_path = str(self.work / f"{name}.ctl")
            self._start(name, [*place, "bird", "-f", "-c", str(file), "-s", socket_path])
        while not (self.work / "bird.ctl").exists():
            time.sleep(0.05)

    def _configure_arm(self) -> str:
        file = self.work / "arm.toml"
        state, bird = self.work / "state", self.work / "bird.ctl"
        values = {"capacity": self._capacity, "hardware": self._hardware, "state": state, "bird": bird}
        file.write_text(_ARM.format(**values))
        return str(file)

    def _start(self, name: str, words: list[str]) -> None:
        with (self.work / f"{name}.log").open("wb") as log:
            self._running.append(subprocess.Popen(words, stdout=log, stderr=log, cwd=ROOT))

    def _send(self) -> None:
        """Samples of traffic to both routes of every block, the more the lower its number."""
        sent = itertools.count(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
            for turn in itertools.count():
                if self._stop.wait(0.2):
                    return
                for family, routes in self.tables.items():
                    samples = [
                        _sample(family, prefix, 1500 - 15 * n, turn * len(routes) + n + 1)
                        for n, prefix in enumerate(routes)
                    ]
                    for start in range(0, len(samples), 10):
                        sample = datagram(*samples[start : start + 10], sequence=next(sent))
                        agent.sendto(sample, ("127.0.0.1", 6343))


def _sample(family: Family, prefix: Prefix, length: int, sequence: int) -> bytes:
    address = str(ipaddress.ip_network(prefix)[9])
    packet = ipv4(address) if family is Family.IPV4 else ipv6(address)
    port = family.number
    return flow_sample(raw_header(ethernet(packet), length), source=port, sequence=sequence, input_word=port)
