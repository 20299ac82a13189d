"""SONiC's databases in a real redis, with recorded keys: what is in the ASIC, and what makes no sense."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from arm.fib.hardware import Reading, Usage
from arm.fib.sonic import Sonic
from arm.model import Family, Prefix
from tests.fib.conftest import Databases

V4, V6 = Family
STATS = {V4: Usage(6_413, 92_051), V6: Usage(6_410, 18_262)}
ROUTES = {
    V4: {Prefix("0.0.0.0/0"), Prefix("20.0.0.0/16"), Prefix("192.0.2.7/32")},
    V6: {Prefix("::/0"), Prefix("20c0:d9b8:99:80::/64"), Prefix("2001:db8::1/128")},
}
ASIC = "ASIC_STATE:SAI_OBJECT_TYPE_ROUTE_ENTRY:"


@pytest.fixture
def platform(server: Databases) -> Iterator[Sonic]:
    server.fill(2, 14, 1)
    platform = Sonic(server.file)
    yield platform
    platform.close()


def until(platform: Sonic, wanted: Callable[[Reading], bool]) -> Reading:
    """Read until it is so; what came and went before is in the reading that is returned, too."""
    came: dict[Family, set[Prefix]] = {family: set() for family in Family}
    went: dict[Family, set[Prefix]] = {family: set() for family in Family}
    for _ in range(100):
        reading = platform.read()
        for family in Family:
            came[family] |= reading.came.get(family, frozenset())
            went[family] |= reading.went.get(family, frozenset())
        all_of_it = Reading(
            reading.usage,
            reading.tells,
            {family: frozenset(each) for family, each in came.items()},
            {family: frozenset(each) for family, each in went.items()},
        )
        if wanted(all_of_it):
            return all_of_it
        time.sleep(0.02)
    pytest.fail("it did not come")


def test_the_first_reading_has_everything(platform: Sonic) -> None:
    reading = platform.read()
    assert reading.usage == STATS
    assert reading.tells
    assert reading.came == ROUTES, "without those of a VRF"
    assert not reading.went
    again = platform.read()
    assert (again.came, again.went, again.tells) == ({}, {}, True)


def test_changes_are_heard_of(platform: Sonic, server: Databases) -> None:
    platform.read()
    new, old = Prefix("20.9.0.0/16"), Prefix("20.0.0.0/16")
    server[14].hset(f"ROUTE_TABLE:{new}", mapping={"protocol": "kernel"})
    server[14].hset("ROUTE_TABLE:Vrf1:20.8.0.0/16", mapping={"protocol": "kernel"})
    server[14].delete(f"ROUTE_TABLE:{old}")
    server[2].hset("CRM:STATS", "crm_stats_ipv4_route_used", "6500")
    reading = until(platform, lambda reading: bool(reading.came[V4]) and bool(reading.went[V4]))
    assert reading.came == {V4: {new}, V6: set()}
    assert reading.went == {V4: {old}, V6: set()}
    assert reading.usage[V4] == Usage(6_500, 92_051)


def test_a_route_that_is_written_anew_does_not_go(platform: Sonic, server: Databases) -> None:
    """orchagent deletes the key before it sets it."""
    platform.read()
    pipeline = server[14].pipeline(transaction=False)
    pipeline.delete("ROUTE_TABLE:20.0.0.0/16")
    pipeline.hset("ROUTE_TABLE:20.0.0.0/16", mapping={"protocol": "200"})
    pipeline.hset("ROUTE_TABLE:20.7.0.0/16", mapping={"protocol": "200"})
    pipeline.execute()
    reading = until(platform, lambda reading: bool(reading.came[V4]))
    assert reading.came[V4] == {Prefix("20.7.0.0/16")}
    assert reading.went[V4] == set()


def test_many_at_once(platform: Sonic, server: Databases) -> None:
    platform.read()
    prefixes = {Prefix(f"30.{n // 250}.{n % 250}.0/24") for n in range(5_000)}
    pipeline = server[14].pipeline(transaction=False)
    for prefix in prefixes:
        pipeline.hset(f"ROUTE_TABLE:{prefix}", mapping={"protocol": "kernel"})
    pipeline.execute()
    reading = until(platform, lambda reading: len(reading.came[V4]) >= len(prefixes))
    assert reading.came[V4] == prefixes


def test_asic_db_where_orchagent_does_not_tell(server: Databases) -> None:
    server.fill(2, 1)
    platform = Sonic(server.file)
    reading = platform.read()
    assert reading.tells
    assert reading.came == {V4: {Prefix("20.0.0.0/16")}, V6: {Prefix("20c0:d9b8:99:80::/64")}}
    key = ASIC + '{"dest":"20.3.0.0/16","switch_id":"oid:0x21000000000000","vr":"oid:0x3000000000022"}'
    server[1].hset(key, mapping={"SAI_ROUTE_ENTRY_ATTR_PACKET_ACTION": "SAI_PACKET_ACTION_FORWARD"})
    assert until(platform, lambda reading: bool(reading.came[V4] - {Prefix("20.0.0.0/16")}))
    other = key.replace("022", "0aa").replace("20.3.", "20.4.")
    server[1].hset(other, mapping={"SAI_ROUTE_ENTRY_ATTR_PACKET_ACTION": "SAI_PACKET_ACTION_FORWARD"})
    reading = until(platform, lambda reading: not reading.tells)
    assert Prefix("20.0.0.0/16") in reading.went[V4], "two routers: which is the default one nobody says"
    platform.close()
