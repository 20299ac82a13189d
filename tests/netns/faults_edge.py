"""An edge in a steady state, to which faults are done: nothing changes in it unless something breaks.

All destinations with traffic worth an entry are far above the least rate, and there is room for all of them:
so a route that leaves the kernel was taken by the fault. Beside them, addresses that longer routes lead
elsewhere carry traffic too light for an entry: an entry that lacks its guard sends their packets astray.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pytricia import PyTricia

from arm.model import Family
from lab.lab import Lab
from lab.options import LabOptions, arm_configuration
from lab.plan import SWITCH, TRANSIT1, LabError
from lab.tables import LabRoute
from tests.netns import faults_clock
from tests.netns.forwarding import Recorder
from tests.netns.watch import KernelWatch

STATE = "/run/arm"  # ARM's directory inside the switch, a small file system of its own
_STATE_SIZE = "4m"
_LIGHT, _LIGHT_RATE = 150, 0.1  # destinations at least, packets per second to each
_COUNT_EVERY = 1.0  # seconds
_QUIET = 3.0  # seconds without a change, after which the choice is taken to be steady


def options(workdir: Path) -> LabOptions:
    """300 + 80 prefixes at 9 packets a second and more, 2 samples of them; 2 packets would be enough."""
    return LabOptions(
        routes=10_000,
        routes6=3_000,
        active=300,
        active6=80,
        alpha=0.3,
        pps=5_000,
        sampling=4,
        capacity=600,
        capacity6=200,
        strategy="safe",
        window=10.0,
        minimum_rate=12_000.0,
        seed=5,
        workdir=workdir,
        start_arm=False,
    )


class Edge:
    """A lab with ARM, traffic and everything that judges; `settle` before the first fault."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.clock = faults_clock.Clock(lab.workdir / "clock")
        lab.nodes["switch"].check(["mkdir", "-p", STATE])
        lab.nodes["switch"].check(["mount", "-t", "tmpfs", "-o", f"size={_STATE_SIZE}", "arm", STATE])
        self.watch = KernelWatch(lab)
        self.recorder = Recorder(lab)
        self.configuration = lab.workdir / SWITCH / "arm.toml"
        self.configure()
        self.start_arm()
        for address in hidden(lab):
            lab.traffic.add(address, _LIGHT_RATE)
        self._usual: dict[str, Any] | None = None
        self._counted = 0.0

    # --- time passes, and is watched

    def let(self, seconds: float) -> None:
        """Watch for that long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(0.3, left))
            self.look()

    def look(self) -> None:
        """See where packets may go, and once in a while where they went."""
        self.recorder.look()
        if time.monotonic() - self._counted >= _COUNT_EVERY:
            self._counted = time.monotonic()
            self.recorder.count()

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Watch until it holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            self.let(0.2)

    def tally(self) -> tuple[int, int]:
        """Packets sent and arrived so far, exactly: nothing is on its way meanwhile."""
        self.lab.traffic.pause()
        time.sleep(0.3)
        try:
            return self.lab.traffic.packets(), sum(self.lab.totals().values())
        finally:
            self.lab.traffic.go()

    # --- how it is doing

    def status(self) -> dict[str, Any]:
        """What ARM says about itself."""
        status: dict[str, Any] = self.lab.api("/api/v1/status", 3.0)
        return status

    def settle(self) -> None:
        """The first minute: everything that has to be is installed, and that is remembered as usual."""
        self.until(lambda: all(each["state"] == "active" for each in self._families()), 60, "active")
        wanted: list[int] = []
        deadline = time.monotonic() + 60
        while wanted[-6:] != wanted[-1:] * 6:
            assert time.monotonic() < deadline, f"no steady state: {wanted}"
            self.let(1)
            wanted.append(sum(each["wanted"] for each in self._families()))
        self._usual = self.status()

    def recover(self) -> None:
        """Be well before the next fault, by a new ARM if need be: one failure is not to cause others."""
        for patience in (30, 60):
            deadline = time.monotonic() + patience
            while unwell := self.unwell():
                if time.monotonic() > deadline or self.lab.arm is None or not self.lab.arm.running:
                    break
                self.let(0.5)
            else:
                self.until(lambda: not self.watch.since(time.monotonic() - _QUIET), 60, "no more changes")
                return
            self.lab.stop_arm()
            self.configure()
            self.start_arm()
        raise AssertionError(f"not well even after a restart: {unwell}")

    def _families(self) -> list[dict[str, Any]]:
        try:
            families: list[dict[str, Any]] = self.status()["families"]
        except LabError:
            return [{"state": "no answer", "wanted": 0}]
        return families

    def unwell(self) -> str:
        """What is not as usual, by ARM's word and the kernel's; nothing if it is well."""
        assert self._usual is not None
        try:
            status = self.status()
        except LabError:
            return "ARM does not answer"
        kinds = {(each["name"], each["family"]) for each in self._usual["concerns"]}
        for concern in status["concerns"]:
            if (concern["name"], concern["family"]) not in kinds:
                return f"concern {concern['name']}"
        down = [name for name, up in status["sessions"].items() if not up]
        if down:
            return f"session {down[0]} down"
        shown = zip(Family, self._usual["families"], status["families"], strict=True)
        for which, usual, family in shown:
            label = family["family"]
            if family["state"] != "active":
                return f"{label} {family['state']}"
            if family["wanted"] < 0.8 * usual["wanted"]:  # which guards come along depends on what was before
                return f"{label} wants {family['wanted']}, before {usual['wanted']}"
            kernel = len(self.lab.kernel_routes(which)) - 1
            counts = [family[key] for key in ("wanted", "announced", "installed")]
            if {*counts, kernel} != {kernel} or family["missing"] or family["unexpected"]:
                return f"{label} wanted, announced, installed {counts}, kernel {kernel}"
        return ""

    # --- what is done to ARM

    def configure(self, **changed: int | float | str) -> None:
        """Write ARM's configuration; it takes effect when ARM reads it."""
        text = arm_configuration(self.lab.options)
        for option, value in changed.items():
            lines = [f"{option} = {value}" if x.startswith(f"{option} = ") else x for x in text.splitlines()]
            text = "\n".join(lines) + "\n"
        self.configuration.write_text(text)

    def reload(self) -> None:
        """Have ARM read its configuration again."""
        assert self.lab.arm is not None
        os.kill(self.lab.arm.pid, signal.SIGHUP)

    def start_arm(self) -> None:
        """As its service would."""
        self.lab.start_arm(self.configuration, env=self.clock.environment)

    def arm_pid(self) -> int:
        assert self.lab.arm is not None
        return self.lab.arm.pid

    def exabgp_pid(self) -> int:
        """ExaBGP's process, found below ARM's."""
        below = {self.arm_pid()}
        parents = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # ended in the meantime
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(after_name[1])
        while more := {pid for pid, parent in parents.items() if parent in below} - below:
            below |= more
        for pid in below - {self.arm_pid()}:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"exabgp" in words:
                return pid
        raise AssertionError("no ExaBGP")


def hidden(lab: Lab) -> list[str]:
    """Addresses whose own route lies inside one with traffic, and has none."""
    found = [address for address, _route, inside in _without_traffic(lab) if inside]
    assert len(found) > _LIGHT, "too few routes lie inside others"
    return found[: 2 * _LIGHT]


def worthwhile(lab: Lab, family: Family, count: int) -> list[str]:
    """Addresses without traffic whose routes lead elsewhere than the default."""
    found: list[str] = []
    for address, route, inside in _without_traffic(lab):
        if Family.of(address) is family and route.best != TRANSIT1 and not inside:
            found.append(address)
    assert len(found) >= count
    return found[:count]


def _without_traffic(lab: Lab) -> Iterator[tuple[str, LabRoute, bool]]:
    """In random order, of each route without traffic: an address, the route, and is it inside one with?"""
    chance = random.Random(5)
    for family in Family:
        table, active = lab.table[family], PyTricia(family.bits, family.af)
        for each in lab.active:
            if Family.of(each.prefix) is family:
                active[each.prefix] = True
        for index in chance.sample(range(len(table)), len(table)):
            addresses = table.pure_addresses(index, 1, chance)
            if addresses and not active.has_key(table.prefixes[index]):
                inside = active.get(ip_address(addresses[0]).packed) is not None
                yield addresses[0], table.route(index), inside
