"""GET /api/v1/traffic: to and from whom the traffic was."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal, Protocol, runtime_checkable

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from arm.history_shares import Shares, Split
from arm.model import Family
from arm.web.answers import SEARCHES, json_answer, query_of
from arm.web.openapi import Endpoint
from arm.web.past import numbers
from arm.web.problem import ProblemError
from arm.web.source import SOURCE


@runtime_checkable
class TellsShares(Protocol):
    """A source that knows who had how much of the traffic. For the event loop."""

    def shares(self) -> Shares: ...


class TrafficQuery(BaseModel):
    """The parameters of /api/v1/traffic. Each description completes the sentence "allowed: ..."."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["ipv4", "ipv6"] = Field("ipv4", description="ipv4, ipv6")
    by: Literal["as_path", "destination_as", "peer_as", "source_as"] = Field(
        "as_path", description="as_path, destination_as, peer_as, source_as"
    )
    span: Literal["5m", "1h", "1d", "1w"] = Field("1h", description="5m, 1h, 1d, 1w")


class PartView(BaseModel):
    """Whose traffic: an AS path, an AS, or one of the words `local`, `not-routed` and `other`."""

    name: str
    bits_per_second: list[float | None] = Field(
        description="as long as `starts`; null where nothing was measured, 0 where it was not among the "
        "largest"
    )


class TrafficView(BaseModel):
    """The largest parts of the traffic over a span up to now, averaged over half a minute and more. The last
    bucket is still being filled."""

    family: Literal["ipv4", "ipv6"]
    by: Literal["as_path", "destination_as", "peer_as", "source_as"]
    span: Literal["5m", "1h", "1d", "1w"]
    step: int = Field(description="seconds from one bucket to the next")
    starts: list[int] = Field(description="when each bucket begins, in Unix seconds; empty before the first")
    series: list[PartView] = Field(
        description="the largest over the span first, ten at most, then `other`; together they are all of it"
    )


def traffic_json(query: TrafficQuery, split: Split) -> str:
    """The answer of /api/v1/traffic."""
    view = TrafficView(
        family=query.family,
        by=query.by,
        span=query.span,
        step=split.step,
        starts=split.starts.tolist(),
        series=[PartView(name=name, bits_per_second=numbers(values)) for name, values in split.parts],
    )
    return view.model_dump_json()


async def get_traffic(request: web.Request) -> web.Response:
    source, query = request.app[SOURCE], query_of(TrafficQuery, request.query)
    if not isinstance(source, TellsShares):
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "what is shown here does not know whose traffic it is")
    family = next(each for each in Family if each.label == query.family)
    split = source.shares().read(family, query.by, query.span)
    return json_answer(request, await request.app[SEARCHES].make(lambda: traffic_json(query, split)))


TRAFFIC = Endpoint(
    "/api/v1/traffic", get_traffic, "To and from whom the traffic was", TrafficView, TrafficQuery
)
