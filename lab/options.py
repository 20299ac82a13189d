"""How big the lab is, how fast it sends, and whether ARM is part of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.plan import PAGE_PORT, SWITCH_AS


@dataclass(frozen=True, slots=True)
class LabOptions:
    """Everything that can be chosen. Rates are packets per second over both sources."""

    routes: int = 100_000  # generated IPv4 routes
    routes6: int = 20_000
    table: Path | None = None  # routes from a file instead of generated ones
    active: int = 10_000  # IPv4 prefixes that carry traffic
    active6: int = 2_000
    share6: float = 0.2  # of the packets that are IPv6
    alpha: float = 1.0  # Zipf exponent: the r-th prefix carries r^-alpha
    drift: float = 0.0  # share of the active prefixes that change their rank per minute
    pps: float = 20_000.0
    sampling: int = 8  # sFlow: one packet in this many
    capacity: int = 2_000  # of ARM, IPv4 entries
    capacity6: int = 500
    strategy: str = "top"
    window: float = 60.0  # of ARM's default configuration, seconds
    minimum_rate: float = 0.0  # bit/s below which ARM installs nothing
    seed: int = 1
    workdir: Path | None = None  # generated files and logs; a temporary folder if not given
    start_arm: bool = True
    arm_conf: Path | None = None  # ARM's configuration instead of the lab's own
    page_port: int | None = None  # port on 127.0.0.1 of the machine that leads to ARM's page; 0: any


def arm_configuration(options: LabOptions) -> str:
    """ARM's configuration for the switch of the lab."""
    return f"""\
[reflector]
ip = "127.0.0.1"
local_ip = "127.0.0.1"
as = {SWITCH_AS}
id = "192.0.2.254"

[target]
ip = "127.0.0.1"
local_ip = "127.0.0.2"
as = {SWITCH_AS}
id = "192.0.2.254"

[bgp]
port = 1179

[sflow]
listen = ["127.0.0.1:6343"]

[capacity]
ipv4 = {options.capacity}
ipv6 = {options.capacity6}

[selection]
strategy = "{options.strategy}"
window = {options.window}
minimum_rate = {options.minimum_rate}

[web]
listen = "127.0.0.1:{PAGE_PORT}"

[fib]
bird_socket = "/run/bird/bird.ctl"

[state]
directory = "/run/arm"
"""
