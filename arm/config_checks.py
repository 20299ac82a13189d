"""Checks between options that are each fine by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Any

from arm.config_faults import Fault
from arm.model import Family


def _one_family(session: str, ip: str, local_ip: str) -> Fault | None:
    remote, local = Family.of(ip), Family.of(local_ip)
    if remote is local:
        return None
    problem = f"{local.title}, but {session}.ip = {ip} is {remote.title}"
    return Fault(f"{session}.local_ip", local_ip, problem, "write two addresses of the same family")


def _sessions_differ(reflector: str, target: str) -> Fault | None:
    if ip_address(reflector) != ip_address(target):
        return None
    problem = "the same as reflector.local_ip, and BIRD tells the two sessions apart by it"
    return Fault("target.local_ip", target, problem, 'write another address, for example "127.0.0.2"')


def _some_capacity(ipv4: int, ipv6: int) -> Fault | None:
    if ipv4 or ipv6:
        return None
    problem = "both families are switched off"
    return Fault("capacity.ipv6", ipv6, problem, "write what the hardware has room for in ipv4, ipv6 or both")


def _window_spans_interval(interval: float, window: float) -> Fault | None:
    if interval <= window:
        return None
    problem = f"shorter than selection.interval = {interval:g}, so traffic is forgotten before it is used"
    return Fault("selection.window", window, problem, "write a longer window or a shorter interval")


# The options that a check needs, and the check itself, which takes their values in that order.
CHECKS: tuple[tuple[tuple[str, ...], Callable[..., Fault | None]], ...] = (
    (("reflector.ip", "reflector.local_ip"), partial(_one_family, "reflector")),
    (("target.ip", "target.local_ip"), partial(_one_family, "target")),
    (("reflector.local_ip", "target.local_ip"), _sessions_differ),
    (("capacity.ipv4", "capacity.ipv6"), _some_capacity),
    (("selection.interval", "selection.window"), _window_spans_interval),
)


def cross_faults(values: Mapping[str, Any]) -> list[Fault]:
    """Run every check whose options are all in `values`, which holds the sound ones by their path."""
    runnable = [(needs, check) for needs, check in CHECKS if all(path in values for path in needs)]
    outcomes = [check(*(values[path] for path in needs)) for needs, check in runnable]
    return [fault for fault in outcomes if fault is not None]
