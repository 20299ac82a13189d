"""GET /api/v1/history, /log and /config: what was, what changed and why, and what ARM is told to do."""

from __future__ import annotations

import tomllib
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args

import numpy as np
from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from arm import history_log
from arm.history import Columns, Figures
from arm.history_figures import NAMES
from arm.history_log import Event
from arm.model import Family
from arm.web.answers import SEARCHES, json_answer, query_of
from arm.web.openapi import Endpoint
from arm.web.problem import ProblemError
from arm.web.schemas import FamilyLabel, NoQuery
from arm.web.source import SOURCE, Remembers

_ANY = "|".join(name.replace(".", "\\.") for name in NAMES)


def _named(text: str) -> str:
    if not set(text.split(",")) <= set(NAMES):
        raise ValueError
    return text


class HistoryQuery(BaseModel):
    """The parameters of /api/v1/history. Each description completes the sentence "allowed: ..."."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    span: Literal["5m", "1h", "1d", "1w"] = Field("1h", description="5m, 1h, 1d, 1w")
    names: Annotated[
        str | None,
        AfterValidator(lambda text: text if text is None else _named(text)),
        WithJsonSchema({"type": "string", "pattern": f"^({_ANY})(,({_ANY}))*$"}),
    ] = Field(None, description=f"one or more, with commas: {', '.join(NAMES)}")


class FigureView(BaseModel):
    """One figure; null where nothing was measured."""

    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]


class HistoryView(BaseModel):
    """Figures over a span up to now. The last bucket is still being filled."""

    span: str
    step: int = Field(description="seconds from one bucket to the next")
    starts: list[int] = Field(description="when each bucket begins, in Unix seconds; empty before the first")
    figures: dict[str, FigureView] = Field(description="by name, each as long as `starts`")


class LogQuery(BaseModel):
    """The parameters of /api/v1/log, described like those of the history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: history_log.Kind | None = Field(None, description=", ".join(get_args(history_log.Kind)))
    family: Literal["ipv4", "ipv6"] | None = Field(None, description="ipv4, ipv6")
    before: int | None = Field(None, ge=1, le=2**53, description="the number of an event")
    limit: int = Field(100, ge=1, le=1000, description="a whole number from 1 to 1000")


class EventView(BaseModel):
    """Something that happened."""

    model_config = ConfigDict(from_attributes=True)

    number: int = Field(description="counts up, over restarts too")
    time: float
    kind: history_log.Kind
    text: str
    family: FamilyLabel | None
    facts: dict[str, bool | int | float | str] = Field(description="the same for programs")


class LogView(BaseModel):
    """What changed and why, the newest first."""

    events: list[EventView]
    before: int | None = Field(description="asks for the page that follows; null: this is the last")


class ConfigView(BaseModel):
    """The configuration in force, defaults included. There are no secrets in it."""

    fingerprint: str
    options: dict[str, dict[str, Any]] = Field(description="by section and name")
    toml: str = Field(description="the same as a file")


def _remembers(request: web.Request) -> Remembers:
    source = request.app[SOURCE]
    if not isinstance(source, Remembers):
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "what is shown here has no past")
    return source


def numbers(figures: Figures) -> list[float | None]:
    """With seven digits, which is more than was measured and half of what a double is written with."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** np.clip(6 - np.floor(np.log10(np.abs(figures))), -30, 30)
    scale[figures == 0.0] = 1.0
    return [None if each != each else each for each in (np.round(figures * scale) / scale).tolist()]


def history_json(span: str, columns: Columns) -> str:
    """The answer of /api/v1/history."""
    figures = {
        name: FigureView(
            mean=numbers(columns.mean[name]),
            low=numbers(columns.low[name]),
            high=numbers(columns.high[name]),
        )
        for name in columns.mean
    }
    view = HistoryView(span=span, step=columns.step, starts=columns.starts.tolist(), figures=figures)
    return view.model_dump_json()


async def get_history(request: web.Request) -> web.Response:
    source, query = _remembers(request), query_of(HistoryQuery, request.query)
    names = NAMES if query.names is None else tuple(dict.fromkeys(query.names.split(",")))
    columns = source.history().read(query.span, names)
    return json_answer(request, await request.app[SEARCHES].make(lambda: history_json(query.span, columns)))


def _log_json(events: list[Event], limit: int) -> str:
    page = [EventView.model_validate(event) for event in events[:limit]]
    return LogView(events=page, before=page[-1].number if len(events) > limit else None).model_dump_json()


async def get_log(request: web.Request) -> web.Response:
    source, query = _remembers(request), query_of(LogQuery, request.query)
    family = next((each for each in Family if each.label == query.family), None)
    kinds = () if query.kind is None else (query.kind,)
    # One more than asked for tells whether there is another page.
    events = source.log().latest(query.limit + 1, before=query.before, kinds=kinds, family=family)
    return json_answer(request, await request.app[SEARCHES].make(lambda: _log_json(events, query.limit)))


async def get_config(request: web.Request) -> web.Response:
    source, _ = _remembers(request), query_of(NoQuery, request.query)
    text = source.configuration()
    view = ConfigView(fingerprint=source.status().config, options=tomllib.loads(text), toml=text)
    return json_answer(request, view.model_dump_json())


PAST = (
    Endpoint("/api/v1/history", get_history, "Figures over time", HistoryView, HistoryQuery),
    Endpoint("/api/v1/log", get_log, "What changed and why", LogView, LogQuery),
    Endpoint("/api/v1/config", get_config, "The configuration in force", ConfigView, NoQuery),
)
