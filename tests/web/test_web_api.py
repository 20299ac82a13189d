"""The REST API against a source that is a plain object."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, get_args, overload

import pytest
from aiohttp.test_utils import TestClient, TestServer

from arm.model import ActiveRoute, Concern
from arm.sflow.counter_records import Counters
from arm.web.schemas import CounterKind
from arm.web.server import make_app
from tests.web.counters import OTHER, SWITCH, kind_of
from tests.web.picture import NO_DEFAULT, NO_SAMPLES, FakeSource, make_routes, make_status

ROUTES = make_routes(400)


def ask(path: str, source: FakeSource | None = None, **query: str | int) -> tuple[int, str, Any]:
    """Status, content type and body of one request."""

    async def asking() -> tuple[int, str, Any]:
        app = make_app(source or FakeSource(routes=ROUTES))
        async with TestClient(TestServer(app)) as client, client.get(path, params=query) as answer:
            body = await (answer.json(content_type=None) if "json" in answer.content_type else answer.text())
            return answer.status, answer.content_type, body

    return asyncio.run(asking())


def prefixes(**query: str | int) -> list[str]:
    code, _, body = ask("/api/v1/routes", None, **query)
    assert code == 200, body
    return [route["prefix"] for route in body["routes"]]


# --- status and health --------------------------------------------------------------------------------


def test_status_shows_everything() -> None:
    code, kind, body = ask("/api/v1/status", FakeSource(make_status([NO_DEFAULT])))
    assert (code, kind) == (200, "application/json")
    assert body["health"] == "critical"
    assert body["concerns"] == [
        {
            "name": "no-default",
            "text": NO_DEFAULT.text,
            "remedy": NO_DEFAULT.remedy,
            "since": NO_DEFAULT.since,
            "family": "ipv6",
            "critical": True,
        }
    ]
    ipv4, ipv6 = body["families"]
    assert (ipv4["family"], ipv4["rib_routes"], ipv4["coverage"]) == ("ipv4", 1_041_557, 0.9523)
    assert (ipv6["family"], ipv6["coverage"], ipv6["coverage_error"]) == ("ipv6", None, None)
    assert (ipv4["hit_rate"], ipv4["misforwarded"], ipv4["misforwarded_addresses"]) == (0.4711, 0.0, 0)
    assert (ipv6["hit_rate"], ipv6["misforwarded"], ipv6["misforwarded_addresses"]) == (None, None, None)
    assert body["sessions"] == {"reflector": True, "target": False}
    assert body["sflow_datagrams"] == 1_234_567
    assert body["sflow_malformed"] == {"short": 1, "truncated-sample": 2}
    assert body["sflow_unseen"] == 0.021
    assert body["counters"] == {"repairs": 17, "rib_updates": 99_812}


@pytest.mark.parametrize(
    ("concerns", "code", "line"),
    [
        ([], 200, "ok\n"),
        ([NO_SAMPLES], 200, "warning: no sFlow samples for 41 s, the table is frozen\n"),
        ([NO_SAMPLES, NO_DEFAULT], 503, f"critical: {NO_DEFAULT.text}\n"),
        ([replace(NO_DEFAULT, text="two\nlines")], 503, "critical: two lines\n"),
    ],
)
def test_healthz_gives_the_worst_reason_in_one_line(concerns: list[Concern], code: int, line: str) -> None:
    assert ask("/healthz", FakeSource(make_status(concerns))) == (code, "text/plain", line)


# --- routes -------------------------------------------------------------------------------------------


def test_first_page() -> None:
    _, _, body = ask("/api/v1/routes", family="ipv4", limit=2)
    assert {name: body[name] for name in body if name != "routes"} == {
        "total": 400,
        "matched": 200,
        "limit": 2,
        "offset": 0,
    }
    assert body["routes"][0] == {
        "rank": 1,
        "prefix": "10.0.1.0/24",
        "family": "ipv4",
        "bits_per_second": 4e9,
        "packets_per_second": 100_001.0,
        "next_hop": "192.0.2.2",
        "as_path": "64500 64601 {65000 65001}",
        "wanted": True,
        "announced": True,
        "in_kernel": True,
        "since": ROUTES[0].since,
        "kind": None,
        "difference": None,
    }


def test_pages_join_without_gap_or_overlap() -> None:
    whole = prefixes(limit=1000, sort="bits_per_second", order="desc")
    pages = [
        prefixes(limit=70, offset=offset, sort="bits_per_second", order="desc")
        for offset in range(0, 400, 70)
    ]
    assert [prefix for page in pages for prefix in page] == whole
    assert len(set(whole)) == 400
    assert prefixes(offset=400) == []


def test_packets_rank_otherwise_than_bits() -> None:
    by_packets = prefixes(family="ipv4", sort="packets_per_second", order="desc", limit=2)
    by_bits = prefixes(family="ipv4", sort="bits_per_second", order="desc", limit=2)
    assert (by_packets, by_bits) == (["10.0.200.0/24", "10.0.199.0/24"], ["10.0.1.0/24", "10.0.2.0/24"])


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        ("all", lambda row: True),
        ("installed", lambda row: row.in_kernel),
        ("active", lambda row: row.bits_per_second > 0),
        ("missing", lambda row: row.announced and not row.in_kernel),
    ],
)
def test_state(state: str, passes: Any) -> None:
    assert set(prefixes(state=state, limit=1000)) == {row.prefix for row in ROUTES if passes(row)}


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("10.0.7.200", {"10.0.7.0/24"}),  # an address: what contains it
        ("2001:DB8:0:00a::1", {"2001:db8:0:a::/64"}),
        ("10.0.7.0/24", {"10.0.7.0/24"}),
        ("10.0.70", {"10.0.70.0/24"}),
        ("65007", {"10.0.7.0/24", "2001:db8:0:7::/64"}),  # an AS
        ("AS65007", {"10.0.7.0/24", "2001:db8:0:7::/64"}),
        ("as65007 /24", {"10.0.7.0/24"}),  # all words
        ("6500", set()),  # a part of an AS number is another AS
        ("fe80::1%eth0", set()),
        ("no such thing", set()),
    ],
)
def test_search(q: str, found: set[str]) -> None:
    assert set(prefixes(q=q)) == found


def test_search_of_a_next_hop() -> None:
    expected = {row.prefix for row in ROUTES if row.next_hop == "192.0.2.3"}
    assert set(prefixes(q="192.0.2.3", limit=1000)) == expected


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_unknown_values_come_last_in_either_order(order: str) -> None:
    _, _, body = ask("/api/v1/routes", sort="since", order=order, limit=1000)
    values = [route["since"] for route in body["routes"]]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=order == "desc")
    assert values == known + [None] * 80


def test_addresses_sort_as_numbers() -> None:
    by_prefix = prefixes(sort="prefix", limit=1000)
    assert by_prefix[:2] == ["10.0.1.0/24", "10.0.2.0/24"]
    assert (
        by_prefix.index("10.0.9.0/24")
        < by_prefix.index("10.0.10.0/24")
        < by_prefix.index("2001:db8:0:1::/64")
    )
    _, _, body = ask("/api/v1/routes", sort="next_hop", limit=1000)
    hops = [route["next_hop"] for route in body["routes"]]
    assert (
        hops == [f"192.0.2.{n}" for n in (1, 2, 3, 4) for _ in range(hops.count(f"192.0.2.{n}"))] + [None] * 8
    )


def test_a_next_hop_with_an_interface_sorts_behind_the_others() -> None:
    odd = replace(ROUTES[0], next_hop="fe80::1%swp1")
    _, _, body = ask("/api/v1/routes", FakeSource(routes=(odd, *ROUTES[1:3])), sort="next_hop")
    assert [route["next_hop"] for route in body["routes"]] == ["192.0.2.3", "192.0.2.4", "fe80::1%swp1"]


@pytest.mark.parametrize(
    ("query", "parameter", "problem", "allowed"),
    [
        ("family=ipv5", "family", "cannot be 'ipv5'", "ipv4, ipv6"),
        ("state=", "state", "cannot be ''", "all, installed, active, missing, different"),
        (
            "sort=as_path",
            "sort",
            "cannot be 'as_path'",
            "rank, prefix, bits_per_second, packets_per_second, next_hop, since, difference",
        ),
        ("order=up", "order", "cannot be 'up'", "asc, desc"),
        ("limit=0", "limit", "cannot be '0'", "a whole number from 1 to 1000"),
        ("limit=ten", "limit", "cannot be 'ten'", "a whole number from 1 to 1000"),
        ("offset=-1", "offset", "cannot be '-1'", "a whole number from 0 to 2147483648"),
        ("q=" + "x" * 101, "q", "too long", "up to 100 characters"),
        ("page=2", "page", "no such parameter", "family, state, kind, q, sort, order, limit, offset"),
        ("limit=1&limit=2", "limit", "given more than once", "once"),
    ],
)
def test_bad_parameters(query: str, parameter: str, problem: str, allowed: str) -> None:
    code, kind, body = ask(f"/api/v1/routes?{query}")
    assert (code, kind) == (400, "application/problem+json")
    assert body["detail"] == f"cannot understand the query: {parameter}"
    assert body["parameters"] == [{"parameter": parameter, "problem": problem, "allowed": allowed}]


# --- agents -------------------------------------------------------------------------------------------


def sources(**query: str) -> dict[str, list[tuple[str, str]]]:
    code, _, body = ask("/api/v1/agents", None, **query)
    assert code == 200, body
    return {
        agent["agent"]: [(record["source"], record["kind"]) for record in agent["sources"]]
        for agent in body["agents"]
    }


def test_agents_by_address_and_their_sources_in_order() -> None:
    host = [("2:1", kind) for kind in ("broadcom_tables", "host_cpu", "host_disk", "host_memory")]
    ports = [("0:9", "interface"), ("0:9", "port_name"), ("0:10", "interface")]
    assert sources() == {SWITCH: ports + host, OTHER: [("0:3", "interface")]}
    assert list(sources()) == [SWITCH, OTHER]


def test_the_figures_of_an_agent() -> None:
    _, kind, body = ask("/api/v1/agents", None, agent=SWITCH, kind="broadcom_tables")
    assert kind == "application/json"
    (agent,) = body["agents"]
    (record,) = agent["sources"]
    values = record.pop("values")
    assert record == {"source": "2:1", "kind": "broadcom_tables", "age_seconds": 4.5}
    assert values["hosts"] == {"used": 12, "maximum": 8192}
    assert values["routes"] == {"used": 7996, "maximum": None}
    assert (values["ipv4_neighbours"], values["ipv4_routes"]) == (7, None)
    _, _, body = ask("/api/v1/agents", None, agent=SWITCH, kind="interface")
    assert body["agents"][0]["sources"][0]["values"]["in_octets"] == 327_115_139_476_491  # not as a float


def test_agents_can_be_chosen() -> None:
    assert sources(agent="2001:DB8:0::000a") == {OTHER: [("0:3", "interface")]}
    assert sources(agent="192.0.2.99") == sources(kind="ethernet") == {}
    assert sources(kind="port_name") == {SWITCH: [("0:9", "port_name")]}
    assert ask("/api/v1/agents", None, agent=OTHER, kind="host_cpu")[2] == {"agents": []}


def test_every_kind_of_record_can_be_asked_for() -> None:
    assert list(get_args(CounterKind)) == [kind_of(record) for record in get_args(Counters)]


@pytest.mark.parametrize(
    ("query", "parameter", "problem", "allowed"),
    [
        ("agent=switch", "agent", "cannot be 'switch'", "an IPv4 or IPv6 address"),
        ("agent=192.0.2.0/24", "agent", "cannot be '192.0.2.0/24'", "an IPv4 or IPv6 address"),
        ("agent=", "agent", "cannot be ''", "an IPv4 or IPv6 address"),
        ("kind=disk", "kind", "cannot be 'disk'", ", ".join(get_args(CounterKind))),
        ("limit=1", "limit", "no such parameter", "agent, kind"),
        ("kind=ethernet&kind=interface", "kind", "given more than once", "once"),
    ],
)
def test_bad_parameters_of_agents(query: str, parameter: str, problem: str, allowed: str) -> None:
    code, kind, body = ask(f"/api/v1/agents?{query}")
    assert (code, kind) == (400, "application/problem+json")
    assert body["parameters"] == [{"parameter": parameter, "problem": problem, "allowed": allowed}]


# --- load ---------------------------------------------------------------------------------------------


class Watched(Sequence[ActiveRoute]):
    """A table that notes how many rows were read, and by which threads."""

    def __init__(self, rows: Sequence[ActiveRoute]) -> None:
        self._rows = rows
        self.read = 0
        self.threads: set[int] = set()

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> ActiveRoute: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ActiveRoute]: ...
    def __getitem__(self, index: int | slice) -> ActiveRoute | Sequence[ActiveRoute]:
        self._note(1 if isinstance(index, int) else 0)
        return self._rows[index]

    def __iter__(self) -> Iterator[ActiveRoute]:
        self._note(len(self._rows))
        return iter(self._rows)

    def _note(self, rows: int) -> None:
        self.read += rows
        self.threads.add(threading.get_ident())


def test_a_large_table_is_read_once_and_beside_the_event_loop() -> None:
    table = Watched(make_routes(100_000))
    source = FakeSource(routes=table)
    code, _, body = ask("/api/v1/routes", source, sort="bits_per_second", order="desc", q="64603", limit=100)
    assert code == 200
    assert body["total"] == 100_000
    assert body["matched"] == sum("64603" in row.as_path for row in table._rows)
    assert len(body["routes"]) == 100
    assert table.read <= 100_000
    assert threading.get_ident() not in table.threads


def test_the_rows_of_the_other_family_are_not_read() -> None:
    table = Watched(make_routes(100_000))
    _, _, body = ask("/api/v1/routes", FakeSource(routes=table), family="ipv6")
    assert (body["matched"], body["routes"][0]["prefix"]) == (50_000, "2001:db8:0:1::/64")
    assert table.read < 50  # two binary searches and a slice


def test_searches_beyond_the_queue_are_refused() -> None:
    async def flood() -> list[int]:
        async with TestClient(TestServer(make_app(FakeSource(routes=make_routes(20_000))))) as client:
            answers = await asyncio.gather(*(client.get("/api/v1/routes?q=10.") for _ in range(60)))
            refused = [answer for answer in answers if answer.status == 503]
            assert all(answer.headers["Retry-After"] == "5" for answer in refused)
            assert (await client.get("/api/v1/routes")).status == 200
            return [answer.status for answer in answers]

    codes = asyncio.run(flood())
    assert set(codes) == {200, 503}


def test_the_metrics_tell_what_arm_itself_takes() -> None:
    async def page() -> str:
        async with TestClient(TestServer(make_app(FakeSource()))) as client:
            return await (await client.get("/metrics")).text()

    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds"):
        assert f"\nprocess_{name} " in asyncio.run(page())


def test_searches_do_not_keep_the_monitoring_waiting() -> None:
    async def flood() -> tuple[int, int]:
        async with TestClient(TestServer(make_app(FakeSource(routes=make_routes(100_000))))) as client:
            searches = [asyncio.create_task(client.get("/api/v1/routes?q=10.")) for _ in range(20)]
            await searches[0]
            answer = await client.get("/metrics")
            waiting = sum(not search.done() for search in searches)
            await asyncio.gather(*searches)
            return answer.status, waiting

    code, waiting = asyncio.run(flood())
    assert code == 200
    assert waiting > 0
