"""Reading the kernel's routes: ARM's reader, `ip -j route` and pyroute2, on the same table.

`python -m tests.bench.netlink [--routes 100000]`, as root: the routes are in a network namespace of its own.
Seconds on the wall, the best of a few: the kernel's own part is in all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable
from ipaddress import ip_address

from pyroute2 import IPRoute, netns

from arm.fib.netlink import dump
from arm.model import Family

_NAME = f"arm-bench-{os.getpid()}"
_TIMES = 3
_MAIN = 254


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", type=int, default=100_000)
    routes = parser.parse_args().routes
    subprocess.run(["ip", "netns", "add", _NAME], check=True)
    try:
        netns.pushns(_NAME)
        _fill(routes)
        print(f"{routes:,} IPv4 routes\n\n| reader | s | ARM is faster by |\n|---|---:|---:|")
        ours = _best(lambda: len(dump(Family.IPV4, _MAIN)[0].bird), routes)
        print(f"| ARM | {ours:.2f} | |", flush=True)
        for name, read in (("`ip -j route`, and json", _by_ip), ("pyroute2", _by_pyroute2)):
            took = _best(read, routes)
            print(f"| {name} | {took:.2f} | **{took / ours:.1f}** |", flush=True)
    finally:
        netns.popns()
        subprocess.run(["ip", "netns", "del", _NAME], check=True)


def _fill(routes: int) -> None:
    first = int(ip_address("20.0.0.0"))
    lines = ["link set lo up", "link add d0 type dummy", "addr add 10.0.0.1/24 dev d0", "link set d0 up"]
    lines += [
        f"route add {ip_address(first + (number << 8))}/24 via 10.0.0.{2 + number % 8} proto bird metric 512"
        for number in range(routes)
    ]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def _best(read: Callable[[], int], routes: int) -> float:
    best = float("inf")
    for _ in range(_TIMES):
        began = time.perf_counter()
        assert read() == routes
        best = min(best, time.perf_counter() - began)
    return best


def _by_ip() -> int:
    command = ["ip", "-j", "route", "show", "table", "main", "proto", "bird"]
    return len(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


def _by_pyroute2() -> int:
    with IPRoute() as route:
        found = route.get_routes(family=Family.IPV4.af, table=_MAIN)
        return sum(each["proto"] == 12 for each in found)


if __name__ == "__main__":
    main()
