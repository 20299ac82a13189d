"""Traffic by AS over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from arm.model import Family, Ranking
from tests.web.picture import NOW, FakeSource
from tests.web.test_past import ask


def test_the_largest_first_and_other_last() -> None:
    source = FakeSource()
    for second in range(3):
        found = Ranking(("AS2", "not-routed"), (300.0, 100.0 + second), 500.0)
        source.split.add(NOW + second, {Family.IPV6: {"peer_as": found}})
    code, body = ask(source, "/api/v1/traffic?family=ipv6&by=peer_as&span=5m")
    assert code == 200
    assert {name: body[name] for name in ("family", "by", "span", "step")} == {
        "family": "ipv6",
        "by": "peer_as",
        "span": "5m",
        "step": 1,
    }
    assert body["starts"][-1] == NOW + 2
    shown: list[dict[str, Any]] = body["series"]
    assert [each["name"] for each in shown] == ["AS2", "not-routed", "other"]
    assert [each["bits_per_second"][-3:] for each in shown] == [
        [300.0, 300.0, 300.0],
        [100.0, 101.0, 102.0],
        [100.0, 99.0, 98.0],
    ]
    assert {len(each["bits_per_second"]) for each in shown} == {len(body["starts"])}
    assert shown[0]["bits_per_second"][0] is None


def test_without_parameters_and_before_the_first() -> None:
    _, body = ask(FakeSource(), "/api/v1/traffic")
    assert body == {
        "family": "ipv4",
        "by": "as_path",
        "span": "1h",
        "step": 15,
        "starts": [],
        "series": [],
    }


@pytest.mark.parametrize("query", ["by=as", "family=ip", "span=2h", "a=1", "by=as_path&by=peer_as"])
def test_bad_parameters(query: str) -> None:
    code, body = ask(FakeSource(), f"/api/v1/traffic?{query}")
    assert code == 400
    assert body["parameters"][0]["parameter"] == query.partition("=")[0]


def test_a_source_that_does_not_know() -> None:
    source = FakeSource()
    known: Any = type("Plain", (), {name: getattr(source, name) for name in ("status", "routes", "agents")})()
    assert ask(known, "/api/v1/traffic")[0] == 501
