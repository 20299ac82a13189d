"""An hour of everything that happens: `python -m tests.bench.soak [--minutes 60]`, as root; see README.md.

The lab with its usual tables, traffic that drifts, and every minute one of: routes that go, routes that come
back, a reload, pages that are read. Prints what the three programs use, and in the end whether anything has
grown and whether wanted, kernel and page are the same. (Its short form ends tests/netns/test_loop.py.)
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from arm.model import Family
from lab.lab import Lab
from lab.options import LabOptions
from tests.bench.scale_processes import Use, processes, use
from tests.netns.watch import KernelWatch

_SHOWN = 5  # minutes between rows
_WARM = 10  # minutes until caches are what they will be
_GROWTH = 10.0  # MB that any of them may have grown by since
_OPTIONS = LabOptions(strategy="safe", drift=0.1, pps=10_000.0, sampling=4, share6=0.3)
_PAGES = ("/api/v1/status", "/api/v1/routes?limit=500", "/api/v1/entries?limit=500", "/api/v1/plan")


def main() -> int:
    """Live through it; 1 if something has grown or differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=60, help="(60)")
    minutes: int = parser.parse_args().minutes
    with Lab(_OPTIONS) as lab:
        watch = KernelWatch(lab)
        try:
            _until(lambda: all(each["state"] == "active" for each in _families(lab)), 180.0)
            pids = processes(lab)
            print("\n| minute | program | MB | descriptors | CPU, % of a core |\n|---|---|---:|---:|---:|")
            began, warm = time.monotonic(), use(pids)
            _show(0, warm, warm, 1.0)
            before = warm
            for minute in range(1, minutes + 1):
                _happens(lab, pids["ARM"], minute)
                time.sleep(max(0.0, began + 60.0 * minute - time.monotonic()))
                if minute % _SHOWN == 0:
                    now = use(pids)
                    _show(minute, now, before, 60.0 * _SHOWN)
                    before = now
                if minute == min(_WARM, minutes // 2):
                    warm = use(pids)
            faults = [f"concern: {each['text']}" for each in lab.api("/api/v1/status")["concerns"]]
            faults += [*_grown(warm, use(pids)), *_differences(lab, watch)]
        finally:
            watch.close()
    print("\n" + ("\n".join(f"- {fault}" for fault in faults) or "Nothing has grown, and nothing differs."))
    return 1 if faults else 0


def _happens(lab: Lab, arm: int, minute: int) -> None:
    """This minute's event."""
    for family in Family:
        if minute % 2:
            lab.birdc("transit1", f"disable bunch0_{family.label}")
        else:
            lab.birdc("transit1", f"enable bunch0_{family.label}")
    if minute % 10 == 0:
        os.kill(arm, signal.SIGHUP)
    for page in _PAGES:
        lab.api(page, 30.0)


def _show(minute: int, now: Mapping[str, Use], before: Mapping[str, Use], seconds: float) -> None:
    for name, each in now.items():
        share = 100.0 * (each.cpu - before[name].cpu) / seconds
        print(f"| {minute} | {name} | {each.memory:.1f} | {each.descriptors} | {share:.1f} |", flush=True)


def _grown(warm: Mapping[str, Use], now: Mapping[str, Use]) -> list[str]:
    found = []
    for name, each in now.items():
        memory, more = each.memory - warm[name].memory, each.descriptors - warm[name].descriptors
        print(f"{name}: {memory:+.1f} MB and {more:+d} descriptors since it was warm")
        if memory > _GROWTH or more > 1:  # a request may be under way
            found.append(f"{name} has grown")
    return found


def _differences(lab: Lab, watch: KernelWatch) -> list[str]:
    for family in Family:
        lab.birdc("transit1", f"enable bunch0_{family.label}")
    lab.traffic.pause()
    time.sleep(30.0)
    found = []
    for family, shown in zip(Family, _families(lab), strict=True):
        kernel = len(lab.kernel_routes(family)) - 1  # the default
        counts = {shown["wanted"], shown["announced"], shown["installed"], kernel}
        room = _OPTIONS.capacity if family is Family.IPV4 else _OPTIONS.capacity6
        print(
            f"{family.title}: {sorted(counts)} entries, at most {watch.peak[family]} of {room} at any moment"
        )
        if len(counts) > 1 or shown["missing"] or shown["unexpected"]:
            found.append(f"{family.title}: wanted, announced, installed and kernel differ")
        if watch.peak[family] > room:
            found.append(f"{family.title}: more entries than there is room for")
        if shown["misforwarded_addresses"]:
            found.append(f"{family.title}: addresses are misforwarded")
    return found


def _families(lab: Lab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lab.api("/api/v1/status", 30.0)["families"]
    return found


def _until(condition: Callable[[], bool], seconds: float) -> None:
    stop = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > stop:
            raise TimeoutError("not active in time")
        time.sleep(1.0)


if __name__ == "__main__":
    sys.exit(main())
