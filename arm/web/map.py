"""GET /api/v1/map: the address space in cells along a Hilbert curve, with traffic and entries."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal, Protocol, runtime_checkable

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from arm.model import Family, Prefix
from arm.web.answers import SEARCHES, json_answer, parameter_error, query_of
from arm.web.explain import OCTET, asked_prefix
from arm.web.openapi import Endpoint
from arm.web.problem import ProblemError
from arm.web.schemas import FamilyLabel
from arm.web.source import SOURCE

KEY_BITS = {Family.IPV4: 32, Family.IPV6: 64}  # traffic is known by so much of an address

# For whoever reads the document: prefixes that any order goes with.
_FORMS = [
    {"pattern": f"^{OCTET}(\\.{OCTET}){{3}}/(1[0-6]|[0-9])$"},
    {"pattern": "^([0-9A-Fa-f]{1,4}:){1,7}:/(4[0-8]|[1-3][0-9]|[0-9])$"},
]


@runtime_checkable
class Maps(Protocol):
    """A source that knows where traffic goes and what is installed."""

    def map(self, family: Family, prefix: Prefix, order: int) -> Callable[[], object]:
        """What makes the answer, which has the fields of `MapView`, in another thread."""
        ...


class MapQuery(BaseModel):
    """The parameters of /api/v1/map, described like those of the routes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["ipv4", "ipv6"] = Field("ipv4", description="ipv4, ipv6")
    prefix: Annotated[
        str | None,
        AfterValidator(lambda written: None if written is None else asked_prefix(written)),
        WithJsonSchema({"type": "string", "anyOf": _FORMS}),
    ] = Field(None, description="a prefix of the family; without it, all of the address space")
    order: int = Field(6, ge=1, le=8, description="a whole number from 1 to 8: 4**order cells")


class CellView(BaseModel):
    """One cell."""

    model_config = ConfigDict(from_attributes=True)

    index: int = Field(description="along the Hilbert curve, which is the order of addresses")
    prefix: str
    bits_per_second: float
    installed_bits_per_second: float = Field(
        description="the part that an entry of the FIB sends to a next hop of its own"
    )
    installed: int = Field(description="ARM's entries in the kernel that hold addresses of the cell")


class MapView(BaseModel):
    """Blocks of equal size, without the empty ones."""

    model_config = ConfigDict(from_attributes=True)

    family: FamilyLabel
    prefix: str
    order: int
    cells: list[CellView]


async def get_map(request: web.Request) -> web.Response:
    source, query = request.app[SOURCE], query_of(MapQuery, request.query)
    family = Family.IPV6 if query.family == "ipv6" else Family.IPV4
    prefix = Prefix(query.prefix) if query.prefix is not None else family.default
    if Family.of(prefix) is not family:
        raise parameter_error("prefix", f"{prefix} is not {family.title}", f"a prefix of {family.title}")
    length, bits = int(prefix.rpartition("/")[2]), KEY_BITS[family]
    if length + 2 * query.order > bits:
        most = (bits - length) // 2
        allowed = f"at most {most} for a prefix of length {length}" if most else f"prefixes up to /{bits - 2}"
        raise parameter_error("order", f"{query.order} would make cells smaller than a /{bits}", allowed)
    if not isinstance(source, Maps):
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "of what is shown here there is no map")
    make = source.map(family, prefix, query.order)
    text = await request.app[SEARCHES].make(lambda: MapView.model_validate(make()).model_dump_json())
    return json_answer(request, text)


MAP = Endpoint("/api/v1/map", get_map, "The address space, with traffic and entries", MapView, MapQuery)
