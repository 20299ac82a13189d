"""The configuration: every option, its unit and its default, and the one way to load it.

`load` reports every fault of a file at once. A `Config` is frozen and has passed all checks, also those
between options, so no other room checks it again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from arm.config_capacity import Capacity, pools
from arm.config_checks import cross_faults
from arm.config_daemon import Announce, Freeze, Log, State
from arm.config_faults import (
    ConfigError,
    Fault,
    encoding_fault,
    syntax_fault,
    unreadable_fault,
)
from arm.config_options import option_faults, option_paths
from arm.config_selection import Selection
from arm.config_values import (
    AbsolutePath,
    AbsolutePathOrAuto,
    AbsolutePathOrNone,
    Address,
    Addresses,
    AddressPort,
    AddressPorts,
    AsNumber,
    BirdName,
    Endpoint,
    HostNames,
    Identifier,
    Meant,
    Networks,
    OtherAddressPorts,
    Section,
    TableNumber,
    TcpPort,
    WholeSeconds,
)

__all__ = ["Config", "ConfigError", "Endpoint", "Fault", "load", "parse", "pools"]


class Bgp(Section):
    """Both BGP sessions."""

    port: TcpPort = Field(default=1179, ge=1, le=65535, description="TCP port on which BIRD waits for ARM.")
    hold_time: WholeSeconds = Field(
        default=30,
        ge=3,
        le=65535,
        description="Seconds without a message after which a session counts as dead.",
    )
    restart_time: WholeSeconds = Field(
        default=4095,
        ge=1,
        le=4095,
        description="Seconds that BIRD keeps ARM's routes when ARM is gone (graceful restart, RFC 4724).",
    )
    python: AbsolutePathOrAuto = Field(
        default=None,
        description="Python that runs ExaBGP; `auto` takes pypy3, which learns a full table 3 times as fast, "
        "where it is installed, and else ARM's own.",
    )


class Session(Section):
    """What the two sessions have in common."""

    ip: Address = Field(default="127.0.0.1", description="BIRD's address on this session.")
    local_ip: Address = Field(default="127.0.0.1", description="ARM's address on this session.")
    asn: AsNumber = Field(
        alias="as", ge=1, le=4294967294, description="AS number, the same as BIRD's: the session is iBGP."
    )
    id: Identifier = Field(description="ARM's BGP identifier on this session; must differ from BIRD's.")


class Reflector(Session):
    """The session on which BIRD sends its full table to ARM."""


class Target(Session):
    """The session on which ARM sends the chosen entries to BIRD."""

    local_ip: Address = Field(
        default="127.0.0.2",
        description="ARM's address on this session; must differ from reflector.local_ip, because BIRD tells "
        "the two sessions apart by it.",
    )


class Sflow(Section):
    """Where sFlow datagrams arrive."""

    listen: AddressPorts = Field(
        default=(Endpoint("127.0.0.1", 6343),),
        strict=False,  # TOML has no tuples; the items inside stay strict
        description="List of UDP address:port to receive on; an IPv6 address stands in brackets.",
    )

    agents: Addresses = Field(
        default=(),
        strict=False,
        description="The only agents to listen to, by the address in their datagrams; empty: all.",
    )
    sources: Networks = Field(
        default=(),
        strict=False,
        description="The only networks that datagrams may come from; an empty list admits all.",
    )
    direction: Annotated[Literal["auto", "ingress", "egress"], Meant("a known direction")] = Field(
        default="auto",
        description="Which samples count: `auto` counts each packet once however agents sample, `ingress` "
        "leaves out those taken at the output port, `egress` those taken at the input port.",
    )
    relay: OtherAddressPorts = Field(
        default=(),
        strict=False,
        description="List of UDP address:port to which every datagram goes on unchanged.",
    )


class Web(Section):
    """The status page, the API and the metrics."""

    listen: AddressPort = Field(
        default=Endpoint("127.0.0.1", 8008),
        description="TCP address:port; an IPv6 address stands in brackets.",
    )
    hosts: HostNames = Field(
        default=(),
        strict=False,
        description="Names, besides addresses and localhost, by which browsers and others may ask for it.",
    )
    token_file: AbsolutePathOrNone = Field(
        default=Path("/etc/arm/token"),
        description="File with the word that allows changes over the API; where there is none, or with an "
        "empty name, nobody can make any.",
    )
    write_from: Networks = Field(
        default=(),
        strict=False,
        description="Networks, besides this machine, from which changes may come.",
    )


PlatformWord = Annotated[
    Literal["auto", "none", "sonic", "cumulus", "devlink"], Meant("a known platform")
]  # see arm/fib/platforms.py


class Fib(Section):
    """Where ARM sees what is really installed."""

    table: TableNumber = Field(
        default=254,
        ge=1,
        le=4294967295,
        description="Kernel routing table that ARM reads (254: the main table).",
    )
    bird_socket: AbsolutePath = Field(
        default=Path("/run/bird/bird.ctl"),
        description="BIRD's control socket; ARM only reads BIRD's state there.",
    )
    bird_protocol: BirdName = Field(
        default="arm_target", description="Name of the return session (ARM to BIRD) in BIRD's configuration."
    )
    hardware: PlatformWord = Field(
        default="auto",
        description="Who is asked how full the hardware is, and on SONiC what it holds: `auto` finds out, "
        "`none` asks nobody.",
    )


class Config(Section):
    """A whole configuration that has passed every check."""

    bgp: Bgp = Field(default_factory=Bgp)
    reflector: Reflector
    target: Target
    sflow: Sflow = Field(default_factory=Sflow)
    capacity: Capacity = Field(default_factory=Capacity)
    selection: Selection = Field(default_factory=Selection)
    announce: Announce = Field(default_factory=Announce)
    freeze: Freeze = Field(default_factory=Freeze)
    web: Web = Field(default_factory=Web)
    state: State = Field(default_factory=State)
    fib: Fib = Field(default_factory=Fib)
    log: Log = Field(default_factory=Log)


def load(path: str | Path) -> Config:
    """The configuration in the TOML file at `path`, or `ConfigError` with everything wrong with it."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")  # some editors put a byte order mark first
        written = tomllib.loads(text.replace("\r\n", "\n"))
    except OSError as error:
        raise ConfigError(str(path), [unreadable_fault(error)]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [encoding_fault(error)]) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), [syntax_fault(error)]) from None
    return parse(written, str(path))


def parse(written: Mapping[str, object], name: str = "configuration") -> Config:
    """The same for what is already read from TOML; `name` is what faults call its source."""
    # An absent section is an empty one, so that what it requires is reported key by key.
    sections: dict[str, Any] = {section: {} for section in Config.model_fields} | dict(written)
    config: Config | None = None
    found: list[tuple[str, Fault]] = []
    try:
        config = Config.model_validate(sections)
    except ValidationError as error:
        found = list(option_faults(error, Config))
    faults = [fault for _, fault in found]
    faults += cross_faults(_sound_values(sections, {path for path, _ in found}))
    if config is None or faults:
        raise ConfigError(name, faults)
    return config


def _sound_values(sections: Mapping[str, Any], faulty: Container[str]) -> dict[str, object]:
    """What is written, or else the default, for every option that is not at fault itself."""
    values = {}
    for path, field in option_paths(Config).items():
        section, key = path.split(".")
        if section not in faulty and path not in faulty:
            values[path] = sections[section].get(key, field.default)
    return values
