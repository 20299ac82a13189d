"""Checks between options that are each fine by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Any

from arm.config_capacity import capacity_faults, pool_faults
from arm.config_faults import Fault
from arm.config_selection import factor_faults, rule_faults, window_faults
from arm.model import Family


def _one_family(session: str, ip: str, local_ip: str) -> Iterator[Fault]:
    remote, local = Family.of(ip), Family.of(local_ip)
    if remote is not local:
        problem = f"{local.title}, but {session}.ip = {ip} is {remote.title}"
        yield Fault(f"{session}.local_ip", local_ip, problem, "write two addresses of the same family")


def _sessions_differ(reflector: str, target: str) -> Iterator[Fault]:
    if ip_address(reflector) == ip_address(target):
        problem = "the same as reflector.local_ip, and BIRD tells the two sessions apart by it"
        yield Fault("target.local_ip", target, problem, 'write another address, for example "127.0.0.2"')


# The options that a check needs, and the check itself, which takes their values in that order.
CHECKS: tuple[tuple[tuple[str, ...], Callable[..., Iterator[Fault]]], ...] = (
    (("reflector.ip", "reflector.local_ip"), partial(_one_family, "reflector")),
    (("target.ip", "target.local_ip"), partial(_one_family, "target")),
    (("reflector.local_ip", "target.local_ip"), _sessions_differ),
    (("capacity.ipv4", "capacity.ipv6"), capacity_faults),
    (("capacity.ipv4", "capacity.ipv6", "capacity.pools"), pool_faults),
    (("selection.interval", "selection.window"), window_faults),
    (("selection.factors",), factor_faults),
    (("selection.pins",), partial(rule_faults, "selection.pins")),
    (("selection.denials",), partial(rule_faults, "selection.denials")),
)


def cross_faults(values: Mapping[str, Any]) -> list[Fault]:
    """Run every check whose options are all in `values`, which holds the sound ones by their path."""
    return [
        fault
        for needs, check in CHECKS
        if all(path in values for path in needs)
        for fault in check(*(values[path] for path in needs))
    ]
