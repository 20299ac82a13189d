"""What ARM itself lives on, and what is done to it: configuration, files, disk, clock, the kernel's events,
BIRD's import limit."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from arm.model import Family
from lab import queues
from lab.plan import SWITCH, TRANSIT1
from tests.netns.faults_edge import STATE, Edge, worthwhile
from tests.netns.faults_outcome import Act

LOWERED = {Family.IPV4: 100, Family.IPV6: 30}
_MORE, _BUSY = 10, 30.0  # further destinations per family, packets a second to each of these
_LESS = 10  # entries that the import limit falls by
_BURST = {Family.IPV4: "20.{}.{}.0/24", Family.IPV6: "2a00:{:x}:{:x}::/48"}
_BURST_SIZE = 2_000  # routes per family


# --- configuration


def lower_capacity(edge: Edge) -> None:
    edge.configure(ipv4=LOWERED[Family.IPV4], ipv6=LOWERED[Family.IPV6])
    edge.reload()


def raise_capacity(edge: Edge) -> None:
    for family in Family:
        assert len(edge.lab.kernel_routes(family)) - 1 <= LOWERED[family], "capacity was not lowered"
    edge.configure()
    edge.reload()


def break_configuration(edge: Edge) -> None:
    edge.configuration.write_text("[reflector]\nas = 0\n")
    edge.reload()


def repair_configuration(edge: Edge) -> None:
    edge.configure()
    edge.reload()


# --- the directory


def folder(edge: Edge) -> Path:
    return edge.lab.nodes[SWITCH].path(STATE)


def corrupt_state(edge: Edge) -> None:
    """ARM ends, and its file has another byte in the middle when it comes back."""
    edge.lab.stop_arm()
    path = folder(edge) / "state.arm"
    assert path.exists(), "ARM did not save its state"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)


def fill_disk(edge: Edge) -> None:
    with (folder(edge) / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def empty_disk(edge: Edge) -> None:
    (folder(edge) / "filler").unlink()


# --- the clock


def jump(seconds: float) -> Act:
    def act(edge: Edge) -> None:
        edge.clock.jump(seconds)

    return act


# --- the kernel's events


def overrun(edge: Edge) -> None:
    """More events than ARM's socket holds, which we make small: Open vSwitch reads these events too, and
    holds up packets meanwhile."""
    lost = edge.status()["counters"]["kernel_overruns"]
    queues.lengthen(edge.arm_pid(), socket.AF_NETLINK, 1 << 16)
    os.kill(edge.arm_pid(), signal.SIGSTOP)
    try:
        for family, prefix in _BURST.items():
            words = f"via {TRANSIT1.address(family)} proto static table 100"
            lines = [f"route add {prefix.format(n >> 8, n & 255)} {words}" for n in range(_BURST_SIZE)]
            edge.lab.nodes[SWITCH].check(["ip", "-batch", "-"], text="\n".join(lines) + "\n")
    finally:
        os.kill(edge.arm_pid(), signal.SIGCONT)
    edge.until(lambda: edge.status()["counters"]["kernel_overruns"] > lost, 15, "events lost")


def flush_burst(edge: Edge) -> None:
    for flag in ("-4", "-6"):
        edge.lab.nodes[SWITCH].check(["ip", flag, "route", "flush", "table", "100"])


# --- BIRD's import limit


def hit_import_limit(edge: Edge) -> None:
    """The limit falls below what BIRD has, and there is more traffic that is worth an entry. (ARM never asks
    for more than a limit that it sees, so only this can happen.)"""
    set_limits(edge, {family: len(edge.lab.kernel_routes(family)) - _LESS for family in Family})
    for family in Family:
        for address in worthwhile(edge.lab, family, _MORE):
            edge.lab.traffic.add(address, _BUSY)
    edge.until(lambda: limit_hit(edge), 20, "import limit hit")


def lift_import_limit(edge: Edge) -> None:
    """The new traffic goes on: its entries have to get in."""
    options = edge.lab.options
    set_limits(edge, {Family.IPV4: options.capacity, Family.IPV6: options.capacity6})


def set_limits(edge: Edge, limits: dict[Family, int]) -> None:
    text = "".join(f"define ARM_LIMIT{family.number} = {limit};\n" for family, limit in limits.items())
    (edge.lab.workdir / SWITCH / "limits.conf").write_text(text)
    assert "Reconfigured" in edge.lab.birdc(SWITCH, "configure")


def limit_hit(edge: Edge) -> bool:
    return "[HIT]" in edge.lab.birdc(SWITCH, "show protocols all arm_target")
