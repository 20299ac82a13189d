"""The history, the log and the configuration over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from arm.history_figures import NAMES
from arm.model import Family
from arm.web.past import LogQuery, history_json
from arm.web.server import make_app
from arm.web.source import StatusSource
from tests.web.picture import CONFIGURATION, NOW, FakeSource


def ask(source: StatusSource, path: str) -> tuple[int, Any]:
    async def asking() -> tuple[int, Any]:
        async with TestClient(TestServer(make_app(source))) as client, client.get(path) as answer:
            return answer.status, await answer.json(content_type=None)

    return asyncio.run(asking())


def test_history_of_some_figures() -> None:
    source = FakeSource()
    for second in range(7):
        source.figures.add(NOW + second, {"ipv4.coverage": 0.1 * second, "daemon.cpu": None})
    code, body = ask(source, "/api/v1/history?span=5m&names=daemon.cpu,ipv4.coverage,daemon.cpu")
    assert (code, body["span"], body["step"], len(body["starts"])) == (200, "5m", 1, 300)
    assert body["starts"][-1] == NOW + 6
    assert set(body["figures"]) == {"ipv4.coverage", "daemon.cpu"}
    assert body["figures"]["ipv4.coverage"]["mean"][-8:] == [None, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert body["figures"]["daemon.cpu"]["high"] == [None] * 300
    _, coarse = ask(source, "/api/v1/history?names=ipv4.coverage")
    assert coarse["span"] == "1h"
    shown = coarse["figures"]["ipv4.coverage"]
    last = [shown[part][-1] for part in ("low", "mean", "high")]
    assert last == [min(last), last[1], 0.6]


def test_all_figures_of_an_empty_history() -> None:
    _, body = ask(FakeSource(), "/api/v1/history")
    assert body["starts"] == []
    assert body["figures"] == {name: {"mean": [], "low": [], "high": []} for name in NAMES}


@given(st.floats(-3e38, 3e38))
def test_figures_keep_seven_digits(figure: float) -> None:
    source = FakeSource()
    source.figures.add(NOW, {"daemon.cpu": figure})
    columns = source.figures.read("5m", ["daemon.cpu"])
    shown = [
        float(text) for text in history_json("5m", columns).split('"mean":[')[1].split("]")[0].split(",")[-1:]
    ]
    assert shown == [pytest.approx(figure, rel=1e-6, abs=1e-30)]


@pytest.mark.parametrize(
    "query",
    ["span=2h", "span=", "names=", "names=ipv4", "names=ipv4.coverage,", "names=ipv4.coverage,no", "a=1"],
)
def test_bad_parameters_of_the_history(query: str) -> None:
    code, body = ask(FakeSource(), f"/api/v1/history?{query}")
    assert code == 400
    assert body["parameters"][0]["parameter"] == query.partition("=")[0]


def test_the_log_page_by_page() -> None:
    source = FakeSource()
    source.events.state(NOW, Family.IPV6, "frozen", "active", ["no-samples"])
    for second in range(5):
        source.events.chosen(NOW + second, Family.IPV4, {*range(second + 1)}, {*range(second)})
    code, body = ask(source, "/api/v1/log?limit=4")
    assert code == 200
    assert [event["number"] for event in body["events"]] == [6, 5, 4, 3]
    _, rest = ask(source, f"/api/v1/log?limit=4&before={body['before']}")
    assert ([event["number"] for event in rest["events"]], rest["before"]) == ([2, 1], None)
    assert rest["events"][1] == {
        "number": 1,
        "time": NOW,
        "kind": "state",
        "text": "IPv6 is frozen, it was active: no-samples",
        "family": "ipv6",
        "facts": {"state": "frozen", "before": "active", "reasons": "no-samples"},
    }
    assert ask(source, "/api/v1/log?kind=state")[1]["events"] == rest["events"][1:]
    assert ask(source, "/api/v1/log?family=ipv6")[1]["events"] == rest["events"][1:]
    assert ask(source, "/api/v1/log?limit=6")[1]["before"] is None


@pytest.mark.parametrize("query", ["kind=choices", "before=0", "limit=0", f"limit={10**30}", "family=ip"])
def test_bad_parameters_of_the_log(query: str) -> None:
    code, body = ask(FakeSource(), f"/api/v1/log?{query}")
    name = query.partition("=")[0]
    assert code == 400
    assert [fault["parameter"] for fault in body["parameters"]] == [name]
    assert body["parameters"][0]["allowed"] == LogQuery.model_fields[name].description


def test_the_configuration() -> None:
    code, body = ask(FakeSource(), "/api/v1/config")
    assert code == 200
    assert body == {
        "fingerprint": "0c1f",
        "options": {"selection": {"window": 60.0, "strategy": "safe"}, "pools": {"l3": {"slots": 9}}},
        "toml": CONFIGURATION,
    }


@pytest.mark.parametrize("path", ["history", "log", "config"])
def test_a_source_without_a_past_says_so(path: str) -> None:
    class Present:
        def __init__(self) -> None:
            source = FakeSource()
            self.status, self.routes, self.agents = source.status, source.routes, source.agents

    code, body = ask(Present(), f"/api/v1/{path}")
    assert (code, body["detail"]) == (501, "what is shown here has no past")
