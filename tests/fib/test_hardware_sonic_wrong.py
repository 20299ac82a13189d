"""SONiC's databases when they are gone, or hold what makes no sense: unknown, never a guess."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arm.fib import sonic
from arm.fib.hardware import Usage
from arm.fib.sonic import Sonic, place
from arm.model import ArmError, Family
from tests.fib.conftest import Databases
from tests.fib.test_hardware_sonic import ASIC, ROUTES, until

V4, V6 = Family
UNKNOWN = {V4: Usage(None, None), V6: Usage(None, None)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"crm_stats_ipv4_route_used": "many", "crm_stats_ipv4_route_available": "-1"},
        {"crm_stats_ipv4_route_used": "0", "crm_stats_ipv4_route_available": "0"},
        {"something": "else"},
    ],
)
def test_wrong_figures_are_unknown(server: Databases, wrong: dict[str, str]) -> None:
    server.fill()
    server[2].hset("CRM:STATS", mapping=wrong)
    assert Sonic(server.file).read().usage == UNKNOWN


def test_an_available_figure_alone_is_shown_as_it_is(server: Databases) -> None:
    server.fill()
    server[2].hset("CRM:STATS", mapping={"crm_stats_ipv4_route_available": "7"})
    assert Sonic(server.file).read().usage == UNKNOWN | {V4: Usage(None, 7)}


def test_empty_databases_say_nothing(server: Databases) -> None:
    server.fill()
    server[2].set("CRM:STATS", "a text")
    reading = Sonic(server.file).read()
    assert (reading.usage, reading.tells, reading.came, reading.went) == (UNKNOWN, False, {}, {})


def test_routes_that_come_later_are_found(server: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sonic, "UNTOLD", 0.05)
    server.fill()
    platform = Sonic(server.file)
    assert not platform.read().tells
    server.fill(2, 14)
    assert until(platform, lambda reading: reading.tells).came == ROUTES


@pytest.mark.parametrize(
    "key", ["{", "{}", '{"dest":7,"vr":"oid:0x3"}', '{"dest":"20.0.0.0/33","vr":"oid:0x3"}']
)
def test_keys_that_make_no_sense_are_no_routes(server: Databases, key: str) -> None:
    server.fill()
    server[1].hset(ASIC + key, mapping={"NULL": "NULL"})
    server[14].hset(f"ROUTE_TABLE:{key}", mapping={"NULL": "NULL"})
    reading = Sonic(server.file).read()
    assert (reading.tells, reading.came) == (False, {})


def test_a_lost_redis_is_an_error_and_then_everything_is_read_anew(databases: Databases) -> None:
    platform = Sonic(databases.file)
    with pytest.raises(ArmError, match="do not answer"):
        platform.read()
    for _ in range(2):
        databases.start()
        databases.fill(2, 14)
        assert platform.read().came == ROUTES
        databases.stop()
        with pytest.raises(ArmError, match="do not answer"):
            platform.read()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"DATABASES": {}}', '{"DATABASES": {"ASIC_DB": 7}, "INSTANCES": {}}']
)
def test_a_file_that_makes_no_sense_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ArmError, match="cannot make sense"):
        place(tmp_path / "config.json", "ASIC_DB")


def test_where_the_databases_are(tmp_path: Path) -> None:
    assert place(tmp_path / "missing", "APPL_STATE_DB") == ("/var/run/redis/redis.sock", 14)
    written = {"INSTANCES": {"redis": {"unix_socket_path": "/a"}, "b": {"unix_socket_path": "/b"}}}
    file = tmp_path / "config.json"
    file.write_text(json.dumps(written | {"DATABASES": {"ASIC_DB": {"id": 5, "instance": "b"}}}))
    assert place(file, "ASIC_DB") == ("/b", 5)
    assert place(file, "COUNTERS_DB") == ("/a", 2)
    file.write_text(json.dumps(written | {"DATABASES": {"ASIC_DB": {"id": "five", "instance": "b"}}}))
    with pytest.raises(ArmError, match="cannot make sense of ASIC_DB"):
        place(file, "ASIC_DB")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ArmError) as caught:
        Sonic()
    assert "active-route-manager[sonic]" in caught.value.remedy
