"""What is measured in the lab, one thing after the other."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from arm.model import Family
from lab.lab import Lab
from lab.options import arm_configuration
from lab.plan import PAGE_PORT, SWITCH, TEST_BETTER
from tests.bench.scale_processes import processes, use
from tests.netns.watch import Change, KernelWatch

_FEW = 200  # entries of each family, until all are asked for at once
_BUSY = 200.0  # packets a second to what is to be installed: far above the lightest entry
_LONGEST = 600.0  # seconds that anything may take
_WITHDRAWALS = 3
_CALM = 30.0  # seconds until what an earlier phase began is over


class Phases:
    """`enough`: all that was measured is as good as it must be."""

    def __init__(self, lab: Lab, watch: KernelWatch) -> None:
        self._lab, self._watch = lab, watch
        self._configuration = lab.workdir / "bench.toml"
        self.enough = True

    def learn(self) -> None:
        """From ARM's start to both tables, and what they cost."""
        self._configure(_FEW)
        began = time.monotonic()
        self._lab.start_arm(self._configuration, timeout=120.0)
        up, learned = time.monotonic() - began, dict[Family, float]()
        while len(learned) < len(Family):
            for family in Family:
                if family not in learned and self._family(family)["state"] != "learning":
                    learned[family] = time.monotonic() - began
            self._patient(began, "table learned")
            time.sleep(0.5)
        self._head("Learning", "from ARM's start")
        self._row("the page answers", up, "s", None)
        for family in Family:
            routes = self._family(family)["rib_routes"]
            self._row(f"{family.title}: {routes:,} routes", learned[family], "s", None)
        self._pids = processes(self._lab)
        self._row("longest stall while learning", 1e3 * self._stall(), "ms", None)
        self._memory()

    def announce(self) -> None:
        """Room for all entries at once, one family after the other."""
        self._until(lambda: all(each["state"] == "active" for each in self._status()["families"]), "active")
        time.sleep(self._lab.options.window)  # what carries traffic is known
        self._head("Announcing", "from the reload that gives room to the last kernel route")
        options, room = self._lab.options, {"ipv4": _FEW, "ipv6": _FEW}
        for family, entries in ((Family.IPV4, options.capacity), (Family.IPV6, options.capacity6)):
            room[family.label] = entries
            self._configure(**room)
            began = time.monotonic()
            os.kill(self._pids["ARM"], signal.SIGHUP)
            self._until(lambda family=family: self._family(family)["wanted"] > 2 * _FEW, "a choice")  # type: ignore[misc]
            wanted = self._family(family)["wanted"]  # more come as more traffic is known
            self._until(
                lambda family=family, wanted=wanted: len(self._watch.present[family]) >= wanted,  # type: ignore[misc]
                f"{family.title} entries",
            )
            changes = [each for each in self._watch.since(began) if Family.of(each.prefix) is family]
            took = _when(changes, round(0.99 * (wanted - _FEW))) - began
            self._row(f"{family.title}: 99 % of {wanted:,} entries", took, "s", 15.0)
            self._row("commands", self._status()["counters"]["commands"], "so far", None)
        self._row("longest stall", 1e3 * self._stall(), "ms", 50.0)

    def react(self, family: Family) -> None:
        """From a change to the kernel, by a prefix that another neighbour than the default's has: what goes
        where the default goes needs no entry."""
        self._head(f"{family.title} reactions", "to the kernel")
        steered, better = TEST_BETTER[family], f"test_better{family.number}"
        self._lab.birdc("transit2", f"enable {better}")
        self._settle()
        started = time.monotonic()
        self._lab.traffic.add(steered.address, _BUSY)
        self._row("new traffic", self._change(steered.prefix, started), "s", 3.0)
        self._settle()
        for _ in range(_WITHDRAWALS):
            started = time.monotonic()
            self._lab.birdc("transit2", f"disable {better}")
            self._row("withdrawal", self._change(steered.prefix, started), "s", 2.0)
            time.sleep(2.0)
            started = time.monotonic()
            self._lab.birdc("transit2", f"enable {better}")
            self._row("and back", self._change(steered.prefix, started), "s", 3.0)
            time.sleep(2.0)
        self._lab.traffic.remove(steered.address)

    def _change(self, prefix: str, started: float) -> float:
        """Seconds until the kernel's route there came, went, or leads elsewhere."""
        while time.monotonic() < started + 60.0:
            for change in self._watch.since(started):
                if change.prefix == prefix:
                    return change.at - started
            time.sleep(0.01)
        raise AssertionError(f"{prefix}: no change in the kernel within 60 s")

    def stay(self, seconds: float) -> None:
        """Nothing but traffic that drifts slowly."""
        self._settle()
        time.sleep(125.0 if seconds >= 120.0 else 0.0)  # until the stalls of before are forgotten
        before, began, counters = use(self._pids), time.monotonic(), self._status()["counters"]
        longest, rates, stop = 0.0, list[float](), time.monotonic() + seconds
        while time.monotonic() < stop:
            time.sleep(10.0)
            longest = max(longest, self._stall())
            rates.append(sum(each["samples_per_second"] for each in self._status()["families"]))
        after, took, now = use(self._pids), time.monotonic() - began, self._status()["counters"]
        self._head("Steady state", f"{took:.0f} s at {sum(rates) / len(rates):,.0f} samples/s")
        for name, pid_use in after.items():
            share = 100.0 * (pid_use.cpu - before[name].cpu) / took
            self._row(f"{name}: CPU", share, "% of a core", 25.0 if name == "ARM" else None)
            self._row(f"{name}: memory more than before", pid_use.memory - before[name].memory, "MB", 10.0)
            self._row(f"{name}: descriptors more", pid_use.descriptors - before[name].descriptors, "", 0.0)
        self._row("longest stall", 1e3 * longest, "ms", 50.0)
        self._row("stalls of 50 ms and more", now["loop_stalls"] - counters["loop_stalls"], "", 0.0)
        lost = now["sflow_datagrams_dropped"] - counters["sflow_datagrams_dropped"]
        self._row("datagrams dropped", lost, "", 0.0)

    def burst(self) -> None:
        """A neighbour withdraws every fiftieth route, and announces them again."""
        self._head("20,800 + 4,900 routes move at once", "and back")
        for action in ("disable", "enable"):
            before, began = self._status()["counters"]["route_changes"], time.monotonic()
            for family in Family:
                self._lab.birdc("transit1", f"{action} bunch0_{family.label}", timeout=60.0)
            changes, since = before, time.monotonic()
            while time.monotonic() < since + 5.0:
                time.sleep(0.5)
                now = self._status()["counters"]["route_changes"]
                if now != changes:
                    changes, since = now, time.monotonic()
            self._row(f"{action}: {changes - before:,} route changes heard of", since - began, "s", None)
        self._row("longest stall", 1e3 * self._stall(), "ms", 50.0)

    def compare(self) -> None:
        """Wanted, kernel and page are the same thing."""
        self._settle()
        self._lab.traffic.pause()
        time.sleep(5.0)
        self._head("In the end", "wanted, kernel and page")
        for family in Family:
            kernel, shown = len(self._lab.kernel_routes(family)) - 1, self._family(family)
            print(
                f"| {family.title}: wanted, announced, in the kernel by the page, by `ip` | "
                f"{shown['wanted']:,}, {shown['announced']:,}, {shown['installed']:,}, {kernel:,} | | |"
            )
            self._row(f"{family.title}: missing, unexpected", shown["missing"] + shown["unexpected"], "", 0.0)
            self._row(f"{family.title}: page and kernel differ by", abs(shown["installed"] - kernel), "", 0.0)
            coverage = 100.0 * (shown["coverage"] or 0.0)
            self._row(f"{family.title}: coverage", coverage, "%", None)
            self._row(f"{family.title}: misforwarded addresses", shown["misforwarded_addresses"], "", 0.0)
        self._memory()
        print(f"\nConcerns: {[each['text'] for each in self._status()['concerns']] or 'none'}", flush=True)

    # --- what all of them need ----------------------------------------------------------------------

    def _configure(self, ipv4: int, ipv6: int | None = None) -> None:
        options = replace(self._lab.options, capacity=ipv4, capacity6=ipv4 if ipv6 is None else ipv6)
        self._configuration.write_text(arm_configuration(options))

    def _status(self) -> dict[str, Any]:
        found: dict[str, Any] = self._lab.api("/api/v1/status", 60.0)
        return found

    def _family(self, family: Family) -> dict[str, Any]:
        return next(each for each in self._status()["families"] if each["family"] == family.label)

    def _settle(self) -> None:
        time.sleep(_CALM)

    def _stall(self) -> float:
        """Seconds, the longest of the last minute or two."""
        connection = http.client.HTTPConnection("127.0.0.1", PAGE_PORT)
        connection.sock = self._lab.nodes[SWITCH].connect(socket.AF_INET, ("127.0.0.1", PAGE_PORT), 60.0)
        connection.request("GET", "/metrics")
        page = connection.getresponse().read().decode()
        connection.close()
        return float(page.partition("\narm_loop_stall_seconds ")[2].split("\n", 1)[0])

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        began = time.monotonic()
        while not condition():
            self._patient(began, what)
            time.sleep(0.5)

    def _patient(self, began: float, what: str) -> None:
        if time.monotonic() > began + _LONGEST:
            raise TimeoutError(f"{what}: not within {_LONGEST:.0f} s; the page says {self._status()}")

    def _memory(self) -> None:
        total, limits = 0.0, {"ARM": 450.0, "ExaBGP": 150.0, "BIRD": None}
        for name, each in use(self._pids).items():
            total += each.memory
            self._row(f"{name}: memory (at the most {each.most:.0f})", each.memory, "MB", limits[name])
        self._row("all three", total, "MB", 1000.0)

    def _head(self, what: str, how: str) -> None:
        print(f"\n| {what} | {how} | must be | |\n|---|---:|---:|---|")

    def _row(self, what: str, value: float, unit: str, most: float | None) -> None:
        fine = most is None or value <= most
        self.enough = self.enough and fine
        number = f"{value:.2f}" if abs(value) < 10 and value != int(value) else f"{value:,.0f}"
        limit = "" if most is None else f"≤ {most:g}"
        print(f"| {what} | {number} {unit} | {limit} | {'' if fine else '**no**'} |", flush=True)


def _when(changes: Sequence[Change], count: int) -> float:
    """The moment at which so many routes had come that had not been there."""
    come = set[str]()
    for change in changes:
        (come.discard if change.deleted else come.add)(change.prefix)
        if len(come) >= count:
            return change.at
    raise AssertionError(f"{len(come)} routes came, not {count}")
