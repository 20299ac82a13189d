"""Who may ask, and who may change anything: names, networks, and the token."""

from __future__ import annotations

import asyncio
import hmac
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from arm.model import ArmError
from arm.token import read_token
from arm.web.problem import Handler, ProblemError

log = structlog.get_logger(__name__)

TRIES, PER = 5, 60.0  # wrong tokens in so many seconds: then no more of them, nor right ones, from there
PLACES = 1000  # from which wrong tokens are remembered

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Gate:
    """What the configuration says about it."""

    hosts: frozenset[str] = field(default_factory=frozenset)  # names in lower case
    token_file: Path | None = None
    write_from: Sequence[Network] = ()
    tries: int = TRIES


def checked_host(gate: Gate) -> Middleware:
    """A page of a stranger whose name leads here (DNS rebinding) reads nothing: browsers tell the name."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host")
        if host is not None and not _known(host, gate.hosts):
            raise ProblemError(
                HTTPStatus.MISDIRECTED_REQUEST,
                "this is not the name of this daemon: ask for it by its address, or name it in web.hosts",
            )
        return await handler(request)

    return check


def _known(host: str, names: frozenset[str]) -> bool:
    name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "")
    if port and not (port.isascii() and port.isdigit()):
        return False
    if name.startswith("[") and name.endswith("]"):
        return _address(name[1:-1]) is not None
    name = name.removesuffix(".").lower()
    return name == "localhost" or name in names or isinstance(_address(name), IPv4Address)


def _address(text: str) -> Address | None:
    """Without its zone; an IPv4 address inside an IPv6 one is the former."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class Guard:
    """Lets through who may change something."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._wrong: dict[Network, deque[float]] = {}  # when wrong tokens came from there

    async def admit(self, request: web.Request) -> str:
        """The address that it comes from; ProblemError for who may not."""
        address = _address(request.remote or "")
        if address is None or not self._near(address):
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "changes are taken from this machine only: to take them from elsewhere, name the network in "
                "web.write_from",
            )
        if self._gate.token_file is None:
            raise ProblemError(
                HTTPStatus.FORBIDDEN, "changes are switched off: name a file in web.token_file"
            )
        try:
            token = await asyncio.to_thread(read_token, self._gate.token_file)
        except ArmError as error:
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                f"changes are switched off: {error.problem}; to switch them on: {error.remedy}",
            ) from None
        self._compare(request.headers.get("Authorization"), token, _place(address))
        return str(address)

    def _near(self, address: Address) -> bool:
        return address.is_loopback or any(
            address.version == network.version and address in network for network in self._gate.write_from
        )

    def _compare(self, told: str | None, token: str, place: Network) -> None:
        now = asyncio.get_running_loop().time()
        if (wait := self._wait(place, now)) > 0.0:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS, f"too many wrong tokens: try again in {math.ceil(wait)} s"
            )
        kind, _, word = (told or "").partition(" ")
        if kind.lower() != "bearer" or not word.strip():
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED, "say `Authorization: Bearer` and the word in web.token_file"
            )
        if hmac.compare_digest(word.strip().encode(), token.encode()):
            return
        self._remember(place, now)
        log.warning("a wrong token", who=str(place))
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "this is not the word in web.token_file")

    def _wait(self, place: Network, now: float) -> float:
        """Seconds until who is there may try again."""
        times = self._wrong.get(place)
        return times[0] + PER - now if times is not None and len(times) >= self._gate.tries else 0.0

    def _remember(self, place: Network, now: float) -> None:
        times = self._wrong.pop(place, None) or deque(maxlen=self._gate.tries)
        times.append(now)
        self._wrong[place] = times
        if len(self._wrong) > PLACES:
            del self._wrong[next(iter(self._wrong))]


def _place(address: Address) -> Network:
    """Who has one address of a /64 has them all."""
    return ip_network(f"{address}/{32 if address.version == 4 else 64}", strict=False)
