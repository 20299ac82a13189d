"""GET /api/v1/entries, /peers and /plan: who has what ARM wants, who BIRD talks to, what would come next."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any, Literal, Protocol, runtime_checkable

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from arm.web.answers import json_answer, page_answer, query_of
from arm.web.openapi import Endpoint
from arm.web.problem import ProblemError
from arm.web.schemas import DIFFERENCES, Difference, FamilyLabel, NoQuery
from arm.web.source import SOURCE

Kind = Literal["route", "guard", "synthesised"]


@runtime_checkable
class Accounts(Protocol):
    """A source that knows the rooms. What it gives has the fields of the views below."""

    def entries(self) -> Sequence[Any]:
        """Those with differences first; made by the first look at them, in the looking thread."""
        ...

    def peers(self) -> object: ...

    async def plan(self) -> Sequence[Any]:
        """For each family."""
        ...


class EntryQuery(BaseModel):
    """The parameters of /api/v1/entries, described like those of the routes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["ipv4", "ipv6"] | None = Field(None, description="ipv4, ipv6")
    state: Literal["all", "different", "wanted", "installed"] = Field(
        "all", description="all, different, wanted, installed"
    )
    kind: Kind | None = Field(None, description="route, guard, synthesised")
    q: str = Field("", max_length=100, description="up to 100 characters")
    limit: int = Field(100, ge=1, le=1000, description="a whole number from 1 to 1000")
    offset: int = Field(0, ge=0, le=2**31, description="a whole number from 0 to 2147483648")


class PlanQuery(BaseModel):
    """The parameters of /api/v1/plan, described like those of the routes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    family: Literal["ipv4", "ipv6"] | None = Field(None, description="ipv4, ipv6")
    limit: int = Field(100, ge=1, le=1000, description="a whole number from 1 to 1000")
    offset: int = Field(0, ge=0, le=2**31, description="a whole number from 0 to 2147483648")


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class EntryView(_View):
    """An entry that ARM wants, BIRD was told, or the kernel has from BIRD."""

    prefix: str
    family: FamilyLabel
    kind: Kind | None = Field(description="null: not ARM's")
    next_hop: str | None = Field(description="null: a guard, which follows the default, or not ARM's")
    wanted: bool
    announced: bool = Field(description="BIRD was told")
    in_kernel: bool
    gateways: list[str] = Field(description="the kernel's")
    hardware: Literal["yes", "no", "refused", "unknown"] = Field(
        description="unknown: the platform does not tell"
    )
    since: float | None = Field(description="when the kernel first showed it")
    difference: Difference | None = Field(description=DIFFERENCES)
    difference_age: float | None = Field(description="seconds that it has lasted")


class EntriesView(_View):
    """One page: differences first, then the most important."""

    total: int
    matched: int = Field(description="that pass the filters")
    limit: int
    offset: int
    entries: list[EntryView]


class ChannelView(_View):
    """One family of a session."""

    name: str
    imported: int = Field(description="routes")
    import_limit: int | None
    limit_hit: bool


class PeerView(_View):
    """One BGP protocol of BIRD's."""

    name: str
    state: str = Field(description="BGP's, such as Established, Active or Down")
    established: bool
    since: str = Field(description="as BIRD writes it")
    neighbour: str | None = Field(description="null: a range that waits for neighbours")
    asn: int | None = Field(serialization_alias="as")
    restarting: bool = Field(description="gracefully: BIRD keeps its routes")
    dead: bool = Field(description="nothing is sent there: entries through it follow the default")
    own: bool = Field(description="the session is ARM's")
    last_error: str
    channels: list[ChannelView]


class SessionView(_View):
    """One of ARM's sessions with BIRD, as ExaBGP sees it."""

    name: str
    established: bool
    down_seconds: float | None = Field(description="null: it is up")


class PeersView(_View):
    """BIRD's sessions."""

    version: str | None = Field(description="of BIRD; null: it has not answered yet")
    recovering: bool = Field(description="from a graceful restart")
    error: str | None = Field(description="why it does not answer now")
    peers: list[PeerView]
    sessions: list[SessionView]


class PlannedView(_View):
    """One entry that would be other than now."""

    action: Literal["add", "remove", "change"]
    prefix: str
    family: FamilyLabel
    kind: Kind
    next_hop: str | None = Field(description="null: the default's, or it goes")
    before: str | None = Field(description="the next hop, of what changes or goes; null: the default's")
    weight: float = Field(description="per second, as the choice counts: what the entry decides about")
    reason: str = Field(description="a stable word")
    text: str


class FamilyPlanView(_View):
    """One family's."""

    family: FamilyLabel
    state: str
    taken: bool = Field(description="it would be acted on")
    why: str = Field(description="what holds it, or some of it")
    now: int = Field(description="entries")
    then: int
    added: int
    removed: int
    changed: int


class PlanView(_View):
    """What the next choice would change, were it made now; from the last few seconds."""

    families: list[FamilyPlanView]
    matched: int = Field(description="changes")
    limit: int
    offset: int
    changes: list[PlannedView] = Field(description="those with most weight first")


def _source(request: web.Request) -> Accounts:
    source = request.app[SOURCE]
    if not isinstance(source, Accounts):
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "what is shown here has no entries")
    return source


def entries_page(rows: Sequence[Any], query: EntryQuery) -> tuple[int, str]:
    """How many match, and the answer."""
    words = query.q.lower().split()
    matching = [
        row
        for row in rows
        if (query.family is None or row.family.label == query.family)
        and (query.kind is None or row.kind == query.kind)
        and (query.state != "different" or row.difference is not None)
        and (query.state != "wanted" or row.wanted)
        and (query.state != "installed" or row.in_kernel)
        and all(word in row.prefix or word in (row.next_hop or "") for word in words)
    ]
    view = EntriesView(
        total=len(rows),
        matched=len(matching),
        limit=query.limit,
        offset=query.offset,
        entries=[EntryView.model_validate(row) for row in matching[query.offset :][: query.limit]],
    )
    return len(matching), view.model_dump_json()


async def get_entries(request: web.Request) -> web.Response:
    source, query = _source(request), query_of(EntryQuery, request.query)
    rows = source.entries()
    return await page_answer(request, query, lambda: entries_page(rows, query))


async def get_peers(request: web.Request) -> web.Response:
    source, _ = _source(request), query_of(NoQuery, request.query)
    return json_answer(request, PeersView.model_validate(source.peers()).model_dump_json(by_alias=True))


def plan_page(plans: Sequence[Any], query: PlanQuery) -> tuple[int, str]:
    """How many changes match, and the answer."""
    wanted = [plan for plan in plans if query.family in (None, plan.family.label)]
    changes = list(chain.from_iterable(plan.changes for plan in wanted))
    changes.sort(key=lambda each: -each.weight)
    families = []
    for plan in wanted:
        actions = [each.action for each in plan.changes]
        numbers = (actions.count("add"), actions.count("remove"), actions.count("change"))
        fields = {name: getattr(plan, name) for name in ("family", "state", "taken", "why", "now", "then")}
        families.append(FamilyPlanView(**fields, added=numbers[0], removed=numbers[1], changed=numbers[2]))
    view = PlanView(
        families=families,
        matched=len(changes),
        limit=query.limit,
        offset=query.offset,
        changes=[PlannedView.model_validate(each) for each in changes[query.offset :][: query.limit]],
    )
    return len(changes), view.model_dump_json()


async def get_plan(request: web.Request) -> web.Response:
    source, query = _source(request), query_of(PlanQuery, request.query)
    plans = await source.plan()
    return await page_answer(request, query, lambda: plan_page(plans, query))


ENTRIES = (
    Endpoint("/api/v1/entries", get_entries, "Every entry, and who has it", EntriesView, EntryQuery),
    Endpoint("/api/v1/peers", get_peers, "BIRD's sessions", PeersView, NoQuery),
    Endpoint("/api/v1/plan", get_plan, "What the next choice would change", PlanView, PlanQuery),
)
