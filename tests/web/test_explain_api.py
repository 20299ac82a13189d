"""GET /api/v1/explain of a board over plain values."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator

from arm.explain_seen import Because, EntrySeen, Explanation, RouteSeen, Way
from arm.explain_traffic import Measured
from arm.web.explain import (
    EXPLAIN,
    BecauseView,
    ExplainView,
    MeasuredView,
    SeenEntry,
    SeenRoute,
    WayView,
)
from arm.web.openapi import document
from arm.web.server import make_app
from arm.web.source import StatusSource
from tests.explaining import ExplainingDaemon
from tests.web.picture import FakeSource


def ask(source: StatusSource, address: str) -> tuple[int, Any]:
    async def asking() -> tuple[int, Any]:
        app = make_app(source)
        query = {"address": address}
        async with TestClient(TestServer(app)) as client, client.get(EXPLAIN.path, params=query) as answer:
            return answer.status, await answer.json(content_type=None)

    return asyncio.run(asking())


def test_an_explanation() -> None:
    daemon = ExplainingDaemon()
    daemon.install("20.0.0.0/16", 1)
    daemon.tick({"20.0.0.1": 6000.0})
    daemon.tick({"20.0.0.1": 6000.0})
    code, body = ask(daemon.board, "20.0.0.7")
    assert code == 200
    assert (body["asked"], body["family"], body["verdict"]) == ("20.0.0.7/32", "ipv4", "served")
    assert [reason["name"] for reason in body["reasons"]] == ["installed"]
    assert body["route"] == {
        "prefix": "20.0.0.0/16",
        "next_hop": "10.0.0.1",
        "as_path": "64500 64501",
        "communities": [],
    }
    assert body["full"] == body["kernel"] == {"kind": "next hop", "gateways": ["10.0.0.1"]}
    assert (body["hidden"], body["hidden_first"]) == (1, ["20.0.1.0/24"])
    assert body["block"] == "20.0.0.0/24"
    assert body["here"]["bits_per_second"] > 6000 * 8
    schema = document([EXPLAIN])
    view = {**schema["components"]["schemas"]["ExplainView"], "components": schema["components"]}
    Draft202012Validator(view).validate(body)


def test_ipv6_and_a_prefix_with_host_bits() -> None:
    daemon = ExplainingDaemon()
    daemon.tick()
    code, body = ask(daemon.board, "2001:DB8:0::1/32")
    assert (code, body["asked"], body["family"]) == (200, "2001:db8::/32", "ipv6")
    assert [reason["name"] for reason in body["reasons"]] == ["not-routed"]


@pytest.mark.parametrize(
    "address", ["", "x", "20.0.0.0/33", "1.2.3", "fe80::1%lo", "::/129", "1" * 99, "::ffff:1.2.3.4/x"]
)
def test_what_is_no_address(address: str) -> None:
    daemon = ExplainingDaemon()
    daemon.tick()
    code, body = ask(daemon.board, address)
    assert code == 400
    assert body["parameters"][0]["allowed"] == "an IPv4 or IPv6 address or prefix"


def test_a_source_that_cannot_explain() -> None:
    assert ask(FakeSource(), "20.0.0.1")[0] == 501


@pytest.mark.parametrize(
    ("view", "value"),
    [
        (ExplainView, Explanation),
        (SeenRoute, RouteSeen),
        (SeenEntry, EntrySeen),
        (MeasuredView, Measured),
        (WayView, Way),
        (BecauseView, Because),
    ],
)
def test_all_that_is_known_is_shown(view: Any, value: Any) -> None:
    assert set(view.model_fields) == {field.name for field in fields(value)}
