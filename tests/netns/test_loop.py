"""The whole loop, end to end: real BIRD, ExaBGP, Open vSwitch, kernel tables and packets.

One lab for all tests of this file, with the size that the README starts with, and no drift so that what is
measured can be repeated. Traffic and forwarding are counted at the senders and the neighbours, the kernel's
routes by `ip`: never by ARM.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytricia import PyTricia

from arm.model import Family
from lab import traffic
from lab.lab import Lab
from lab.options import LabOptions
from lab.plan import TEST_BETTER, TEST_RICH, TEST_SINGLE, TEST_SPARE
from tests.bench.scale_processes import Use, processes, use
from tests.netns import by_as
from tests.netns.watch import KernelWatch

pytestmark = pytest.mark.timeout(600)

CAPACITY = {Family.IPV4: 2000, Family.IPV6: 500}
WINDOW = 40.0  # seconds; the default configuration of the lab has 60, which only makes this file slower
BUSY = 60.0  # packets per second to a test prefix: far above the lightest installed one

families = pytest.mark.parametrize("family", Family, ids=lambda family: family.label)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    options = LabOptions(
        routes=100_000,
        routes6=20_000,
        active=10_000,
        active6=2_000,
        capacity=CAPACITY[Family.IPV4],
        capacity6=CAPACITY[Family.IPV6],
        window=WINDOW,
        seed=7,
        workdir=tmp_path_factory.mktemp("lab"),
        start_arm=False,
    )
    with Lab(options) as lab:
        yield lab


@pytest.fixture(scope="module")
def watch(lab: Lab) -> Iterator[KernelWatch]:
    """Watches from before ARM starts; capacity is checked for the whole time at the end."""
    watch = KernelWatch(lab)
    yield watch
    watch.close()


@pytest.fixture(scope="module")
def running(lab: Lab, watch: KernelWatch) -> float:
    """ARM with the table learned; gives the time (monotonic) at which it was."""
    assert watch.present == {family: set() for family in Family}
    lab.start_arm()
    until(lambda: all(each["state"] != "learning" for each in families_of(lab)), 90, "table learned")
    return time.monotonic()


@pytest.fixture(scope="module")
def used(lab: Lab, running: float) -> dict[str, Use]:
    """What the programs have once traffic is known and the entries are installed."""
    return use(processes(lab))


@pytest.fixture(scope="module")
def a_window_ago(lab: Lab, running: float) -> tuple[float, int]:
    """The time, and the packets sent by then, as the test begins that waits for a window to pass."""
    return time.monotonic(), lab.traffic.packets()


def families_of(lab: Lab) -> list[dict[str, Any]]:
    families: list[dict[str, Any]] = lab.api("/api/v1/status")["families"]
    return families


def status(lab: Lab, family: Family) -> dict[str, Any]:
    return next(each for each in families_of(lab) if each["family"] == family.label)


def until(condition: Callable[[], bool], timeout: float, what: str) -> float:
    """Seconds until `condition` holds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < timeout, f"{what}: not within {timeout} s"
        time.sleep(0.05)
    return time.monotonic() - start


def protocol(name: str, family: Family) -> str:
    return f"{name}{4 if family is Family.IPV4 else 6}"


# --- the first minute


def test_every_route_is_learned_and_known_to_be_complete(lab: Lab, running: float) -> None:
    for family in Family:
        expected = int(re.findall(r"^(\d+) of", routes_in(lab, protocol("full", family)), re.M)[0])
        networks = int(re.findall(r"for (\d+) networks", routes_in(lab, protocol("full", family)))[0])
        assert expected >= networks > 20_000
        assert status(lab, family)["rib_routes"] == networks - 1, "all but the default"


def routes_in(lab: Lab, table: str) -> str:
    return lab.birdc("switch", f"show route table {table} count")


def test_within_a_minute_the_entries_serve_most_packets(lab: Lab, running: float, watch: KernelWatch) -> None:
    """Packets are counted where they arrive; what is installed is what `ip` shows."""
    time.sleep(max(0.0, running + 48 - time.monotonic()))
    rate = sum(each["samples_per_second"] for each in families_of(lab))
    assert rate >= 2000, f"{rate} samples/s"
    installed = {family: set(lab.kernel_routes(family)) for family in Family}
    before = lab.counts()
    time.sleep(10)
    after = lab.counts()
    assert time.monotonic() < running + 75, "the machine is too slow to tell"
    for family in Family:
        assert family.default in installed[family]
        assert len(installed[family]) - 1 <= CAPACITY[family]
        assert len(installed[family]) - 1 >= CAPACITY[family] * 0.95, "there is more traffic than room"
        share, packets = served(installed[family] - {family.default}, family, before, after)
        print(f"{family.title}: {share:.2%} of {packets} packets match an installed route")
        assert packets > 10_000
        assert share >= 0.80


def served(
    installed: set[str], family: Family, before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]
) -> tuple[float, int]:
    """Share of the packets counted between two readings whose destination matches an installed route."""
    tree = PyTricia(family.bits, family.af)
    for prefix in installed:
        tree[prefix] = True
    total = hits = 0
    for neighbour, counts in after.items():
        for address, count in counts.items():
            if Family.of(address) is family:
                new = count - before[neighbour].get(address, 0)
                total += new
                hits += new if tree.get(ip_address(address).packed) else 0
    return hits / total, total


@families
def test_the_kernel_holds_only_what_it_should(lab: Lab, running: float, family: Family) -> None:
    flag = "-6" if family is Family.IPV6 else "-4"
    listing = lab.run("switch", ["ip", flag, "route", "show", "table", "main"]).stdout
    for line in listing.splitlines():
        assert " proto bird" in line or " proto kernel" in line or line.startswith("\tnexthop"), line


def test_arm_says_the_same_as_the_kernel(lab: Lab, running: float, used: dict[str, Use]) -> None:
    for family in Family:
        until(
            lambda family=family: (
                abs(  # type: ignore[misc]
                    status(lab, family)["installed"] - (len(lab.kernel_routes(family)) - 1)
                )
                <= 5
            ),
            10,
            "counts agree but for changes under way",
        )
        shown = status(lab, family)
        assert shown["missing"] == 0
        assert shown["default_route"] is True
    query = "/api/v1/routes?family=ipv4&state=installed&limit=1000"
    rows = lab.api(query)["routes"]
    kernel = lab.kernel_routes(Family.IPV4)
    assert sum(row["prefix"] in kernel for row in rows) >= 0.98 * len(rows)
    assert all(row["next_hop"] in kernel[row["prefix"]] for row in rows if row["prefix"] in kernel)


# --- reactions


@families
def test_new_traffic_is_in_the_kernel_within_3_s(
    lab: Lab, running: float, watch: KernelWatch, family: Family
) -> None:
    spare = TEST_SPARE[family]
    start = time.monotonic()
    lab.traffic.add(spare.address, BUSY)
    took = watch.wait(spare.prefix, deleted=False, start=start, timeout=10)
    print(f"{family.title}: new traffic in the kernel after {took:.2f} s")
    assert took <= 3.0


@families
def test_a_returned_route_has_every_attribute_of_the_original(
    lab: Lab, running: float, watch: KernelWatch, family: Family
) -> None:
    rich = TEST_RICH[family]
    start = time.monotonic()
    lab.traffic.add(rich.address, BUSY)
    watch.wait(rich.prefix, deleted=False, start=start, timeout=10)
    original = attributes(
        lab.birdc("switch", f"show route {rich.prefix} table {protocol('full', family)} all")
    )
    returned = attributes(
        lab.birdc("switch", f"show route {rich.prefix} table {protocol('fib', family)} all")
    )
    assert returned["BGP.large_community"] == {*original["BGP.large_community"], "(65000, 6343, 1)"}
    returned["BGP.large_community"] = original["BGP.large_community"]
    assert returned == original
    assert "{" in returned["BGP.as_path"], "an AS_SET"
    for name in ("BGP.community", "BGP.ext_community", "BGP.large_community", "BGP.med", "BGP.local_pref"):
        assert returned[name], name
    lab.traffic.remove(rich.address)


def attributes(shown: str) -> dict[str, str | set[str]]:
    """BIRD's attribute lines; communities as sets, of an IPv6 next hop the global address alone."""
    found: dict[str, str | set[str]] = {}
    for name, value in re.findall(r"^\s+(BGP\.\w+): ?(.*?)\s*$", shown, re.M):
        communities = set(re.findall(r"\([^)]*\)", value)) if name.endswith("community") else None
        found[name] = communities or value
    found["BGP.next_hop"] = str(found["BGP.next_hop"]).split()[0]
    return found


@families
def test_a_withdrawal_reaches_the_kernel_within_2_s(
    lab: Lab, running: float, watch: KernelWatch, family: Family
) -> None:
    single = TEST_SINGLE[family]
    start = time.monotonic()
    lab.traffic.add(single.address, BUSY)
    watch.wait(single.prefix, deleted=False, start=start, timeout=10)
    start = time.monotonic()
    lab.birdc("transit1", f"disable {protocol('test_single', family)}")
    took = watch.wait(single.prefix, deleted=True, start=start, timeout=10)
    print(f"{family.title}: withdrawal in the kernel after {took:.2f} s")
    assert took <= 2.0
    start = time.monotonic()
    lab.birdc("transit1", f"enable {protocol('test_single', family)}")
    back = watch.wait(single.prefix, deleted=False, start=start, timeout=10)
    print(f"{family.title}: back after {back:.2f} s")
    assert back <= 3.0
    lab.traffic.remove(single.address)


@families
def test_a_changed_next_hop_reaches_the_kernel_within_2_s(
    lab: Lab, running: float, watch: KernelWatch, family: Family
) -> None:
    better = TEST_BETTER[family]
    old, new = (f"10.0.{n}.2" if family is Family.IPV4 else f"2001:db8:{n}::2" for n in (1, 2))
    start = time.monotonic()
    lab.traffic.add(better.address, BUSY)
    watch.wait(better.prefix, deleted=False, start=start, timeout=10, text=f"via {old} ")
    for action, gateway in (("enable", new), ("disable", old)):
        start = time.monotonic()
        lab.birdc("transit2", f"{action} {protocol('test_better', family)}")
        took = watch.wait(better.prefix, deleted=False, start=start, timeout=10, text=f"via {gateway} ")
        print(f"{family.title}: next hop {gateway} in the kernel after {took:.2f} s")
        assert took <= 2.0
    lab.traffic.remove(better.address)


def test_a_prefix_that_stops_leaves_after_the_window(
    lab: Lab, running: float, watch: KernelWatch, a_window_ago: tuple[float, int]
) -> None:
    """Both families at once; TEST_SPARE has carried traffic since its own test."""
    start = time.monotonic()
    for family in Family:
        lab.traffic.remove(TEST_SPARE[family].address)
    for family in Family:
        took = watch.wait(TEST_SPARE[family].prefix, deleted=True, start=start, timeout=WINDOW + 15)
        print(f"{family.title}: left {took:.1f} s after its last packet, window {WINDOW} s")
        assert WINDOW - 2 <= took <= WINDOW + 5


def test_bytes_per_prefix_agree_with_the_packets_sent(
    lab: Lab, running: float, a_window_ago: tuple[float, int]
) -> None:
    """Chi-square over all prefixes with enough samples; each rate against what its sender's shares say.

    A rate is a sum of sampled bytes with weights e^(-age/window), over the window: with n samples a second of
    mean square size S it has the variance n S / (2 window) (Poisson sampling, long after the start).
    """
    time.sleep(max(0.0, running + 3.5 * WINDOW - time.monotonic()))
    rows = all_routes(lab)
    shares = lab.traffic.weights()
    # Of the time that still counts: on a busy machine it is not what the senders were asked for.
    began, sent = a_window_ago
    pps = (lab.traffic.packets() - sent) / (time.monotonic() - began)
    sizes = (
        np.arange(traffic.SMALLEST, traffic.LARGEST + 1) + 4.0
    )  # the agent counts the frame check sequence
    sampling = lab.options.sampling

    def statistic(scale: float) -> tuple[float, int]:
        total, count = 0.0, 0
        for prefix, share in shares.items():
            per_second = share * pps / sampling
            if per_second * WINDOW < 20 or prefix in STEERED:
                continue
            expected = per_second * sizes.mean() * sampling
            variance = per_second * (sizes**2).mean() * sampling**2 / (2 * WINDOW)
            total += float((rows.get(prefix, 0.0) / 8 * scale - expected) ** 2 / variance)
            count += 1
        return total, count

    chi_square, count = statistic(1.0)
    print(f"bytes per prefix: chi-square {chi_square:.0f} with {count} degrees of freedom")
    assert count > 200
    assert abs(normal(chi_square, count)) < 4, "1 in 16,000 by chance"
    assert normal(*statistic(1.15)) > 4, "and 15 % too much would be noticed"


@families
def test_traffic_by_as_is_what_was_sent_along_bird_s_paths(lab: Lab, running: float, family: Family) -> None:
    time.sleep(max(0.0, running + 3.5 * WINDOW - time.monotonic()))
    expected, examples = by_as.sent(lab, family, lab.traffic.weights())
    beside = set().union(*(by_as.words(by_as.path_of(lab, prefix)) for prefix in STEERED))
    rate = status(lab, family)["samples_per_second"]
    for by, shares in expected.items():
        shown = lab.api(f"/api/v1/traffic?family={family.label}&by={by}&span=5m")
        largest = [part["name"] for part in shown["series"]]
        assert len(largest) >= min(4, len(shares))
        assert largest[-1] == "other"
        assert set(largest[:-1]) <= {*shares, *beside}
        assert [each for each, _ in shares.most_common(3)] <= largest
        assert by_as.differences(shown, shares, rate) == []
        if by == "as_path":
            paths = {by_as.path_of(lab, examples[name]): name for name in largest[:5] if name in examples}
            assert paths == {name: name for name in paths}
            assert len(paths) >= 3
    sources = lab.api(f"/api/v1/traffic?family={family.label}&by=source_as&span=5m")["series"]
    assert [part["name"] for part in sources] == ["local", "other"], "they are in connected networks"


STEERED = {
    each[family].prefix for each in (TEST_BETTER, TEST_RICH, TEST_SINGLE, TEST_SPARE) for family in Family
}


def normal(chi_square: float, count: int) -> float:
    """As standard deviations of a normal distribution (Wilson and Hilferty, 1931)."""
    spread = 2 / (9 * count)
    return float(((chi_square / count) ** (1 / 3) - (1 - spread)) / spread**0.5)


def all_routes(lab: Lab) -> dict[str, float]:
    """Bits a second of every active prefix, as ARM says."""
    found: dict[str, float] = {}
    while True:
        page = lab.api(f"/api/v1/routes?state=active&limit=1000&offset={len(found)}&sort=prefix")
        if not page["routes"]:
            return found
        found |= {row["prefix"]: row["bits_per_second"] for row in page["routes"]}


# --- a family without a default


@families
def test_nothing_new_is_announced_without_a_default_route(
    lab: Lab, running: float, watch: KernelWatch, family: Family
) -> None:
    until(lambda: status(lab, family)["state"] == "active", 60, "active")
    for transit in ("transit1", "transit2"):
        lab.birdc(transit, f"disable {protocol('default', family)}")
    try:
        until(lambda: status(lab, family)["state"] == "no-default", 15, "state no-default")
        concerns = lab.api("/api/v1/status")["concerns"]
        assert ("no-default", family.label) in {(c["name"], c["family"]) for c in concerns}
        start = time.monotonic()
        lab.traffic.add(TEST_SINGLE[family].address, BUSY)
        time.sleep(5)
        assert [c for c in watch.since(start) if Family.of(c.prefix) is family] == []
    finally:
        for transit in ("transit1", "transit2"):
            lab.birdc(transit, f"enable {protocol('default', family)}")
    watch.wait(TEST_SINGLE[family].prefix, deleted=False, start=start, timeout=20)
    lab.traffic.remove(TEST_SINGLE[family].address)


# --- and at the end


def test_capacity_was_never_exceeded(lab: Lab, watch: KernelWatch, running: float) -> None:
    for family in Family:
        print(f"{family.title}: at most {watch.peak[family]} of {CAPACITY[family]} entries at any moment")
        assert watch.peak[family] <= CAPACITY[family]
        until(lambda family=family: watch_agrees(lab, watch, family), 20, "the watch is right")  # type: ignore[misc]
    assert "[HIT]" not in lab.birdc("switch", "show protocols all arm_target")


def watch_agrees(lab: Lab, watch: KernelWatch, family: Family) -> bool:
    """At a moment without a change in between, what was followed is what `ip` lists."""
    kernel = set(lab.kernel_routes(family)) - {family.default}
    return watch.present[family] == kernel


def test_nothing_has_grown_meanwhile(lab: Lab, running: float, used: dict[str, Use]) -> None:
    """Minutes of all this are the soak's short form; `tests.bench.soak` is the hour."""
    assert lab.arm is not None
    for name, now in use(processes(lab)).items():
        grown, more = now.memory - used[name].memory, now.descriptors - used[name].descriptors
        print(f"{name}: {grown:+.1f} MB, {more:+d} descriptors")
        assert grown < 20.0, name
        assert more <= 1, name  # a request may be under way


def test_a_full_log_holds_no_surprises(lab: Lab, running: float) -> None:
    log = Path(lab.logs / "switch-arm.log").read_text()
    for word in ("Traceback", "not understood", "refused entries", "[error"):
        assert word not in log
