"""The daemon's parts, made as the configuration says."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path

from arm.config import Config
from arm.config import Session as SessionOptions
from arm.config_capacity import Capacity
from arm.exabgp.config import Session
from arm.exabgp.config import Speaker as SpeakerOptions
from arm.exabgp.process import Exabgp
from arm.family import Valuation
from arm.freeze.reasons import Limits
from arm.model import ArmError, Family
from arm.orders import Orders
from arm.routing import REFLECTOR, TARGET
from arm.selection.policy import Policy, Rule
from arm.sflow.collector import Collector
from arm.sflow.direction import Direction
from arm.sflow.intake import Intake
from arm.web.gate import Gate

LONGEST_WINDOW = 300.0  # seconds that an automatic window is taken for where one must be known


def sessions(config: Config) -> tuple[Session, Session]:
    """The reflect session and the return session."""
    return _session(REFLECTOR, config.reflector), _session(TARGET, config.target)


def exabgp(config: Config, on_lines: Callable[[list[bytes]], None], on_down: Callable[[str], None]) -> Exabgp:
    user = pwd.getpwuid(os.geteuid()).pw_name
    bgp = config.bgp
    speaker = SpeakerOptions(*sessions(config), bgp.port, bgp.hold_time, bgp.restart_time, user)
    return Exabgp(speaker, config.state.directory, on_lines, on_down, bgp.python)


def intake(config: Config) -> Intake:
    return Intake(Direction(config.sflow.direction), agents(config))


def agents(config: Config) -> list[bytes]:
    """The sFlow agents to listen to."""
    return [ip_address(agent).packed for agent in config.sflow.agents]


def collector(config: Config, into: Intake) -> Collector:
    sflow = config.sflow
    listen, relay = ([(each.address, each.port) for each in where] for where in (sflow.listen, sflow.relay))
    return Collector(into, listen, sflow.sources, relay)


def valuation(config: Config) -> Valuation:
    chosen = config.selection
    return Valuation(chosen.window, chosen.weight == "packets", chosen.minimum_rate, chosen.factors)


def window(config: Config) -> float:
    """Seconds of measuring, about."""
    return config.selection.window or LONGEST_WINDOW


def policy(config: Config, orders: Orders) -> Policy:
    """The rules of the configuration, and on top of them those given at run time."""
    chosen = config.selection
    pins, denials = ([Rule(**dict(rule)) for rule in rules] for rules in (chosen.pins, chosen.denials))
    for order in orders.rules:
        rule = Rule(prefix=order.prefix, until=order.until, note=order.reason)
        (pins if order.verdict == "pin" else denials).append(rule)
    return Policy(pins, denials)


def gate(config: Config) -> Gate:
    """Who may ask over the web, and who may change anything."""
    web = config.web
    return Gate(frozenset(web.hosts), web.token_file, web.write_from)


def limits(config: Config) -> Limits:
    """When to freeze."""
    return Limits(**dict(config.freeze))


def configured(config: Config) -> dict[Family, int]:
    """The entries that each family may have by the configuration."""
    return {Family.IPV4: config.capacity.ipv4, Family.IPV6: config.capacity.ipv6}


def capacity(config: Config, *limits: Mapping[Family, int]) -> Capacity:
    """What is configured, or less where one of `limits` is: BIRD's, the hardware's."""
    least = {
        family.label: min(entries, *(limit[family] for limit in limits if family in limit))
        for family, entries in configured(config).items()
        if any(family in limit for limit in limits)
    }
    return config.capacity.model_copy(update=least)


def make_directory(directory: Path) -> None:
    """The state directory; ArmError if it cannot be written to."""
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        probe = directory / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ArmError(
            f"cannot write to {directory} ({error.strerror})",
            "set state.directory to a directory that this user may write to",
        ) from None


def _session(name: str, options: SessionOptions) -> Session:
    return Session(name, options.ip, options.local_ip, options.asn, options.id)
