"""GET /api/v1/explain: why an address or prefix is, or is not, in hardware."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_network
from typing import Annotated, Literal, Protocol, runtime_checkable

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from arm.model import Family, Prefix
from arm.web.answers import SEARCHES, json_answer, query_of
from arm.web.openapi import Endpoint
from arm.web.problem import ProblemError
from arm.web.schemas import FamilyLabel
from arm.web.source import SOURCE

_PATTERN = r"^[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?$"


OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
# For whoever reads the document: every address, and every prefix but IPv6's longer than /112 with all groups.
_FORMS = [
    {"format": "ipv4"},
    {"format": "ipv6"},
    {"pattern": f"^{OCTET}(\\.{OCTET}){{3}}/(3[0-2]|[12]?[0-9])$"},
    {"pattern": "^([0-9A-Fa-f]{1,4}:){1,7}:/(12[0-8]|1[01][0-9]|[1-9]?[0-9])$"},
]


@runtime_checkable
class Explains(Protocol):
    """A source that knows the rooms."""

    def explain(self, asked: Prefix) -> Callable[[], object]:
        """What makes the answer, which has the fields of `ExplainView`: quick, for the event loop. The answer
        itself is made in another thread. `asked` is canonical; an address is a prefix of full length."""
        ...


def asked_prefix(text: str) -> Prefix:
    """An address or a prefix, its host bits cut off, as the table writes it."""
    if not re.fullmatch(_PATTERN, text):
        raise ValueError
    network = ip_network(text, strict=False)
    return Prefix(
        f"{socket.inet_ntop(Family.of(text).af, network.network_address.packed)}/{network.prefixlen}"
    )


class ExplainQuery(BaseModel):
    """The parameters of /api/v1/explain, described like those of the routes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: Annotated[
        str, AfterValidator(asked_prefix), WithJsonSchema({"type": "string", "anyOf": _FORMS})
    ] = Field(description="an IPv4 or IPv6 address or prefix")


class _Seen(BaseModel):
    """Read from the dataclass of the same shape, in arm/explain_seen.py."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class SeenRoute(_Seen):
    """A route of the BGP table."""

    prefix: str
    next_hop: str
    as_path: str
    communities: list[str] = Field(description="large ones have three numbers")


class SeenEntry(_Seen):
    """An entry of the FIB, there or on its way."""

    prefix: str
    kind: Literal["route", "guard", "synthesised", "foreign"] = Field(description="foreign: not ARM's")
    next_hop: str | None = Field(description="as announced; null: a guard, or not ARM's")
    gateways: list[str] = Field(description="the kernel's")
    wanted: bool
    announced: bool
    in_kernel: bool
    hardware: Literal["yes", "no", "refused", "unknown"] = Field(
        description="unknown: the platform does not tell"
    )
    since: float | None = Field(description="when the kernel first showed it")


class MeasuredView(_Seen):
    """Traffic to some addresses, remembered with decay."""

    bits_per_second: float
    error: float = Field(description="half-width of the 95 % sampling interval of bits_per_second")
    packets_per_second: float
    samples: float = Field(description="aged, so that this is no whole number")
    weight: float = Field(description="per second, as selection.weight and factors count")
    blocks: int = Field(description="blocks of addresses that had a sample lately")


class WayView(_Seen):
    """Where a table sends the addresses."""

    kind: Literal["next hop", "default", "local", "nowhere", "several"]
    gateways: list[str]


class BecauseView(_Seen):
    """One reason."""

    name: str = Field(description="a stable word")
    text: str


class ExplainView(_Seen):
    """What becomes of traffic to an address or prefix, and why."""

    asked: str = Field(description="as understood; an address is a prefix of full length")
    family: FamilyLabel
    verdict: Literal["served", "default", "detour", "astray", "several"] = Field(
        description="served: an entry sends it where the full table says; default: the default leads there "
        "too; detour: it follows the default, though the table says otherwise; astray: neither; several: not "
        "all addresses alike"
    )
    reasons: list[BecauseView] = Field(description="why; the first is the one that decides")
    route: SeenRoute | None = Field(description="the longest match, the default route not considered")
    covering: list[str] = Field(description="routes above it, the nearest first")
    hidden: int = Field(description="more-specific routes, which an entry for this one alone would hide")
    hidden_first: list[str] = Field(description="a few of these")
    block: str | None = Field(description="that it is measured in; null: it is more than one")
    here: MeasuredView = Field(description="traffic of the block, or of all blocks in what was asked for")
    of_route: MeasuredView | None = Field(description="traffic of which the route is the longest match")
    rank: int | None = Field(description="of the route among those with traffic; 1 is worth most")
    active: int = Field(description="prefixes with traffic")
    chosen: int = Field(description="entries")
    capacity: int = Field(description="entries that there is room for")
    entry: SeenEntry | None = Field(description="of the kernel, that decides; null: the default route does")
    coming: SeenEntry | None = Field(description="a longer one, chosen or announced, not in the kernel")
    full: WayView = Field(description="where the full table sends it")
    kernel: WayView = Field(description="where the kernel sends it")


async def get_explain(request: web.Request) -> web.Response:
    source, query = request.app[SOURCE], query_of(ExplainQuery, request.query)
    if not isinstance(source, Explains):
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "what is shown here cannot be explained")
    answer = source.explain(Prefix(query.address))
    text = await request.app[SEARCHES].make(lambda: ExplainView.model_validate(answer()).model_dump_json())
    return json_answer(request, text)


EXPLAIN = Endpoint(
    "/api/v1/explain",
    get_explain,
    "Why an address or prefix is, or is not, in hardware",
    ExplainView,
    ExplainQuery,
)
