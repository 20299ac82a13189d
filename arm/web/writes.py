"""Pins, denials, the mode and a reload over the API: who reads them, and who changes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from arm.model import ArmError
from arm.orders import LONGEST, OrderError, Verdict, prefix_of
from arm.web.answers import json_answer, parameter_error, query_of
from arm.web.connection import MAX_REQUEST, PATIENCE
from arm.web.explain import OCTET
from arm.web.gate import Guard
from arm.web.openapi import Endpoint
from arm.web.problem import ParameterFault, ProblemError
from arm.web.schemas import NoQuery
from arm.web.source import Operates


@dataclass(frozen=True, slots=True)
class Desk:
    """Where changes are taken; `operates` None: nowhere."""

    guard: Guard
    operates: Operates | None


DESK = web.AppKey("desk", Desk)
FOREVER = 10 * 365 * 86400.0  # seconds

# For whoever reads the document: some of the prefixes without host bits that there are.
_FORMS = [
    {"pattern": f"^{OCTET}(\\.{OCTET}){{3}}/32$"},
    {"pattern": f"^{OCTET}(\\.{OCTET}){{2}}\\.0/24$"},
    {"pattern": f"^{OCTET}\\.{OCTET}\\.0\\.0/16$"},
    {"pattern": "^2[0-9a-f]{3}:[1-9a-f][0-9a-f]{3}::/(3[2-9]|4[0-8])$"},
]

Text = Annotated[
    str,
    AfterValidator(lambda text: text if text.isprintable() else _refuse("not on one line")),
    WithJsonSchema({"type": "string", "maxLength": LONGEST, "pattern": "^[ -~]*$"}),
]
WrittenPrefix = Annotated[
    str,
    AfterValidator(prefix_of),
    WithJsonSchema({"type": "string", "anyOf": _FORMS}),
]


def _refuse(why: str) -> str:
    raise ValueError(why)


class _Body(BaseModel):
    """What is posted. Strict: "300" is not 300."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    reason: Text = Field("", max_length=LONGEST, description="why, for those who come after")


class RuleBody(_Body):
    """A pin or a denial of exactly this prefix."""

    prefix: WrittenPrefix = Field(description="of either family, without host bits; not the default route")
    seconds: float | None = Field(
        None, gt=0, le=FOREVER, description="how long; null: until it is taken back"
    )


class ModeBody(_Body):
    """The mode from now on, whatever the configuration says."""

    mode: Literal["active", "observe", "withdraw"]


class ReloadBody(BaseModel):
    """Nothing: there may be an empty object."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PrefixPlace(BaseModel):
    """The end of the path."""

    prefix: WrittenPrefix = Field(description="as it was given; its / may be written as it is, or as %2F")


class ReasonQuery(BaseModel):
    """The parameter of what takes a rule back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Text = Field("", max_length=LONGEST, description=f"up to {LONGEST} characters")


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class RuleView(_View):
    """A pin or a denial; of prefix, as and community one is not null."""

    verdict: Verdict
    prefix: str | None
    asn: int | None = Field(serialization_alias="as", description="routes that it originates")
    community: str | None
    until: float | None = Field(description="null: until it is taken back")
    reason: str
    source: Literal["file", "api"] = Field(description="the configuration, or somebody at run time")
    who: str | None = Field(description="the address that it came from")
    since: float | None
    in_table: bool | None = Field(description="the BGP table has the prefix; null: the rule is about others")


class RulesView(_View):
    """All that apply now. A denial beats a pin."""

    rules: list[RuleView]


class ModeView(_View):
    """Whether ARM acts."""

    mode: Literal["active", "observe", "withdraw"]
    source: Literal["file", "api"] = Field(description="the configuration, or somebody at run time")
    file: Literal["active", "observe", "withdraw"] = Field(description="what the configuration says")
    reason: str
    who: str | None
    since: float | None


class ReloadView(_View):
    """The configuration was read again."""

    lines: list[str] = Field(description="what is other than before, and what waits for a restart")


_Model = TypeVar("_Model", bound=BaseModel)
_Found = TypeVar("_Found")


def _operates(request: web.Request) -> Operates:
    operates = request.app[DESK].operates
    if operates is None:
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "nobody operates what is shown here")
    return operates


async def _body(model: type[_Model], request: web.Request) -> _Model:
    """What was posted; ProblemError for anything that cannot be understood or does not come."""
    if request.can_read_body and request.content_type != "application/json":
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "say Content-Type: application/json")
    try:
        async with asyncio.timeout(PATIENCE):
            content = await request.read()
    except TimeoutError:
        raise ProblemError(HTTPStatus.REQUEST_TIMEOUT, "the body has not come in time") from None
    if len(content) > MAX_REQUEST:
        raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_REQUEST} octets")
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        faults = [
            ParameterFault(
                parameter=".".join(map(str, each["loc"])) or "body",
                problem=each["msg"].removeprefix("Value error, "),
                allowed=_allowed(model, each["loc"]),
            )
            for each in error.errors(include_url=False, include_input=False)
        ]
    names = ", ".join(dict.fromkeys(fault.parameter for fault in faults))
    raise ProblemError(HTTPStatus.BAD_REQUEST, f"cannot understand the body: {names}", faults)


def _allowed(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    field = model.model_fields.get(str(loc[0])) if loc else None
    return (field.description if field is not None else None) or ", ".join(model.model_fields) or "nothing"


async def _done(doing: Awaitable[_Found]) -> _Found:
    """What came of it; a problem where it did not."""
    try:
        return await doing
    except OrderError as error:
        code = HTTPStatus.NOT_FOUND if error.missing else HTTPStatus.CONFLICT
        raise ProblemError(code, str(error)) from None
    except ArmError as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, f"{error.problem}: {error.remedy}") from None


def _json(model: type[BaseModel], found: object) -> web.Response:
    text = model.model_validate(found).model_dump_json(by_alias=True)
    return web.Response(text=text, content_type="application/json")


# --- pins and denials -------------------------------------------------------------------------------------


async def _get_rules(verdict: Verdict, request: web.Request) -> web.Response:
    query_of(NoQuery, request.query)
    rules = [RuleView.model_validate(each) for each in _operates(request).rules(verdict)]
    return json_answer(request, RulesView(rules=rules).model_dump_json(by_alias=True))


async def _give(verdict: Verdict, request: web.Request) -> web.Response:
    operates, who = _operates(request), await request.app[DESK].guard.admit(request)
    query_of(NoQuery, request.query)
    body = await _body(RuleBody, request)
    given = operates.give(verdict, body.prefix, body.seconds, body.reason, who)
    return _json(RuleView, await _done(given))


async def _take_back(verdict: Verdict, request: web.Request) -> web.Response:
    operates, who = _operates(request), await request.app[DESK].guard.admit(request)
    query = query_of(ReasonQuery, request.query)
    try:
        prefix = prefix_of(request.match_info["prefix"])
    except ValueError as error:
        raise parameter_error("prefix", str(error), "a prefix without host bits") from None
    return _json(RuleView, await _done(operates.take_back(verdict, prefix, query.reason, who)))


# --- mode and reload --------------------------------------------------------------------------------------


async def get_mode(request: web.Request) -> web.Response:
    query_of(NoQuery, request.query)
    return json_answer(request, ModeView.model_validate(_operates(request).mode_seen()).model_dump_json())


async def set_mode(request: web.Request) -> web.Response:
    operates, who = _operates(request), await request.app[DESK].guard.admit(request)
    query_of(NoQuery, request.query)
    body = await _body(ModeBody, request)
    return _json(ModeView, await _done(operates.set_mode(body.mode, body.reason, who)))


async def reload(request: web.Request) -> web.Response:
    operates, who = _operates(request), await request.app[DESK].guard.admit(request)
    query_of(NoQuery, request.query)
    await _body(ReloadBody, request)
    ok, lines = await _done(operates.reload(who))
    if not ok:
        raise ProblemError(HTTPStatus.CONFLICT, "; ".join(lines))
    return _json(ReloadView, {"lines": lines})


def _rules(path: str, verdict: Verdict, what: str) -> tuple[Endpoint, ...]:
    return (
        Endpoint(path, partial(_get_rules, verdict), f"The {what}", RulesView, NoQuery),
        Endpoint(
            path,
            partial(_give, verdict),
            f"Give a {verdict}, in place of what was said about the prefix before",
            RuleView,
            NoQuery,
            method="POST",
            body=RuleBody,
        ),
        Endpoint(
            f"{path}/{{prefix}}",
            partial(_take_back, verdict),
            f"Take a {verdict} back that was given at run time",
            RuleView,
            ReasonQuery,
            method="DELETE",
            place=PrefixPlace,
        ),
    )


WRITES = (
    *_rules("/api/v1/pins", "pin", "routes that are always installed"),
    *_rules("/api/v1/denials", "denial", "routes that are never installed"),
    Endpoint("/api/v1/mode", get_mode, "Whether ARM acts", ModeView, NoQuery),
    Endpoint("/api/v1/mode", set_mode, "Set the mode", ModeView, NoQuery, method="POST", body=ModeBody),
    Endpoint(
        "/api/v1/reload",
        reload,
        "Read the configuration again",
        ReloadView,
        NoQuery,
        method="POST",
        body=ReloadBody,
    ),
)
