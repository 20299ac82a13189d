"""The kinds of value that a configuration holds: how their text becomes a value, and what to call them.

A validator here only says no (`ValueError`); the words for the operator come from `Meant`, so that a wrong
type, a malformed text and a missing key are all answered with the same advice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, TypeVar

from annotated_types import Ge, Le
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from arm.model import Family

_Item = TypeVar("_Item")


class Section(BaseModel):
    """A section of the file, or a table inside one."""

    # Strict: "300" is not 300 and true is not 1; a slip of the pen must not become a setting.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Meant:
    """What an option is ("a number of seconds"), and one to show where neither range nor default does.

    Written as the file has it are the `example` ('"192.0.2.1"') and the `word` that stands for None.
    """

    noun: str
    example: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port to listen on."""

    address: str
    port: int

    @property
    def family(self) -> Family:
        return Family.of(self.address)

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.family is Family.IPV6 else self.address
        return f"{host}:{self.port}"


# --- text to value ------------------------------------------------------------------------------------


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.scope_id:
        raise ValueError  # ExaBGP takes no zone such as %eth0
    return address


def _session_address(text: str) -> str:
    """One host's address, in canonical form."""
    address = _address(text)
    if address.is_unspecified or address.is_multicast:
        raise ValueError
    return str(address)


def _identifier(text: str) -> str:
    """A BGP identifier: four octets that are not all zero (RFC 6286)."""
    if not int(IPv4Address(text)):
        raise ValueError
    return text


def _endpoint(written: object) -> Endpoint:
    if isinstance(written, Endpoint):
        return written
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})", str(written))
    if not isinstance(written, str) or match is None:
        raise ValueError
    ipv6, ipv4, port = match.groups()
    address = _address(ipv6 or ipv4)
    # Without this "[127.0.0.1]:80" would pass.
    if (address.version == 6) != (ipv6 is not None) or not 1 <= int(port) <= 65535:
        raise ValueError
    return Endpoint(str(address), int(port))


def _different(listed: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """The same twice is a slip of the pen."""
    if len(set(listed)) < len(listed):
        raise ValueError
    return listed


def _endpoints(listen: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    """No address means no traffic ever, and no address can be bound twice."""
    if not listen:
        raise ValueError
    return _different(listen)


def _host_name(text: str) -> str:
    """A name of the DNS, not an address, in the form in which names are compared."""
    label = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    last = text.rpartition(".")[2]
    if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*", text) or last.isdigit():
        raise ValueError
    return text.lower()


def _network(written: object) -> IPv4Network | IPv6Network:
    if isinstance(written, IPv4Network | IPv6Network):
        return written
    if not isinstance(written, str):
        raise ValueError
    return ip_network(written)


def _absolute_path(written: object) -> Path:
    """A path that is safe in a generated configuration and short enough for a Unix socket below it.

    `sun_path` holds 107 bytes; 90 leave room for the name of a socket in the directory.
    """
    text = str(written) if isinstance(written, str | Path) else ""
    if not re.fullmatch(r"/[A-Za-z0-9/._+@-]{0,89}", text):
        raise ValueError
    return Path(text)


def _path_or_empty(written: object) -> Path | None:
    return None if written == "" else _absolute_path(written)


def _path_or_auto(written: object) -> Path | None:
    return None if written is None or written == "auto" else _absolute_path(written)


def _seconds_or_auto(written: object) -> object:
    return None if written == "auto" else written


def _bird_name(text: str) -> str:
    """A BIRD symbol: it is sent on the control socket, so nothing else may slip through."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text):
        raise ValueError
    return text


# --- kinds of value -----------------------------------------------------------------------------------

Seconds = Annotated[float, Meant("a number of seconds")]
SecondsOrAuto = Annotated[
    float | None, BeforeValidator(_seconds_or_auto), Meant("a number of seconds", word='"auto"')
]
WholeSeconds = Annotated[int, Meant("a whole number of seconds")]
Share = Annotated[float, Meant("a share")]
Entries = Annotated[int, Meant("a whole number of entries")]
Slots = Annotated[int, Meant("a whole number of slots")]
Bytes = Annotated[int, Meant("a whole number of bytes")]
BitsPerSecond = Annotated[float, Meant("a number of bits per second")]
TcpPort = Annotated[int, Meant("a TCP port")]
AsNumber = Annotated[int, Meant("an AS number")]
AsNumberOrNone = Annotated[int | None, Meant("an AS number")]
TableNumber = Annotated[int, Meant("the number of a routing table")]
Address = Annotated[
    str, AfterValidator(_session_address), Meant("the IPv4 or IPv6 address of a host", '"192.0.2.1"')
]
Factors = Annotated[
    Mapping[Address, Annotated[float, Ge(0), Le(1000), Meant("a factor")]],
    Meant("a table of next hops and factors", '{ "192.0.2.1" = 3.0 }'),
]
Identifier = Annotated[
    str,
    AfterValidator(_identifier),
    Meant("a BGP identifier in the form of an IPv4 address", '"192.0.2.254"'),
]
AddressPort = Annotated[
    Endpoint, BeforeValidator(_endpoint), Meant("an address:port, IPv6 in brackets", '"127.0.0.1:6343"')
]
AddressPorts = Annotated[
    tuple[AddressPort, ...],
    AfterValidator(_endpoints),
    Meant("a list of one or more different address:port"),
]
OtherAddressPorts = Annotated[
    tuple[AddressPort, ...], AfterValidator(_different), Meant("a list of different address:port")
]
Addresses = Annotated[
    tuple[Address, ...], AfterValidator(_different), Meant("a list of different IPv4 or IPv6 addresses")
]
Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network),
    Meant("a network without host bits", '"192.0.2.0/24"'),
]
Networks = Annotated[tuple[Network, ...], AfterValidator(_different), Meant("a list of different networks")]
HostName = Annotated[str, AfterValidator(_host_name), Meant("the name of a host", '"switch1.example.net"')]
HostNames = Annotated[
    tuple[HostName, ...], AfterValidator(_different), Meant("a list of different host names")
]
AbsolutePath = Annotated[
    Path,
    BeforeValidator(_absolute_path),
    Meant("an absolute path of at most 90 letters, digits and . _ + @ - /"),
]
AbsolutePathOrNone = Annotated[
    Path | None,
    BeforeValidator(_path_or_empty),
    Meant(
        "empty or an absolute path of at most 90 letters, digits and . _ + @ - /", '"/var/lib/arm/traffic"'
    ),
]
AbsolutePathOrAuto = Annotated[
    Path | None,
    BeforeValidator(_path_or_auto),
    Meant(
        '"auto" or an absolute path of at most 90 letters, digits and . _ + @ - /',
        '"/usr/bin/pypy3"',
        '"auto"',
    ),
]
BirdName = Annotated[
    str,
    AfterValidator(_bird_name),
    Meant("a BIRD name: at most 64 letters, digits and _, no digit first"),
]
