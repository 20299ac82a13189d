"""What a client that has an answer already gets, and how pages lead to each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from arm.web.server import make_app
from tests.web.picture import NOW, FakeSource, make_routes, make_status

Client = TestClient[web.Request, web.Application]


def run(test: Callable[[Client, FakeSource], Awaitable[None]]) -> None:
    async def running() -> None:
        source = FakeSource(routes=make_routes(200))
        async with asyncio.timeout(30), TestClient(TestServer(make_app(source))) as client:
            await test(client, source)

    asyncio.run(running())


@pytest.mark.parametrize("path", ["status", "routes?limit=7", "agents", "openapi.json"])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_who_has_the_answer_is_told_that_it_still_holds(path: str, form: str) -> None:
    async def test(client: Client, _: FakeSource) -> None:
        first = await client.get(f"/api/v1/{path}")
        tag = first.headers["ETag"]
        held = {"If-None-Match": form.format(tag)}
        second = await client.get(f"/api/v1/{path}", headers=held)
        assert (second.status, await second.read(), second.headers["ETag"]) == (304, b"", tag)
        assert second.headers["X-Content-Type-Options"] == "nosniff"

    run(test)


@pytest.mark.parametrize("form", ['"other"', "{}x", "not a tag", ""])
def test_who_has_another_gets_this_one(form: str) -> None:
    async def test(client: Client, _: FakeSource) -> None:
        first = await client.get("/api/v1/status")
        held = {"If-None-Match": form.format(first.headers["ETag"][:-1])}
        second = await client.get("/api/v1/status", headers=held)
        assert second.status == 200
        assert await second.read() == await first.read()

    run(test)


def test_the_tag_changes_with_the_answer() -> None:
    async def test(client: Client, source: FakeSource) -> None:
        before = (await client.get("/api/v1/status")).headers["ETag"]
        source.current = make_status(time=NOW + 1)
        answer = await client.get("/api/v1/status", headers={"If-None-Match": before})
        assert answer.status == 200
        assert answer.headers["ETag"] != before

    run(test)


def test_errors_have_no_tag() -> None:
    async def test(client: Client, _: FakeSource) -> None:
        answer = await client.get("/api/v1/routes?limit=0", headers={"If-None-Match": "*"})
        assert answer.status == 400
        assert "ETag" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"

    run(test)


def test_following_the_links_shows_every_route_once_in_both_directions() -> None:
    async def test(client: Client, _: FakeSource) -> None:
        for first, relation in (("limit=30&q=10.0", "next"), ("limit=30&q=10.0&offset=90", "prev")):
            url, seen = f"/api/v1/routes?{first}", list[str]()
            while url:
                answer = await client.get(URL(url).path_qs)
                page = [each["prefix"] for each in (await answer.json())["routes"]]
                seen = [*seen, *page] if relation == "next" else [*page, *seen]
                link = answer.links.get(relation)
                url = str(link["url"]) if link is not None else ""
            assert len(seen) == len(set(seen)) == 100

    run(test)
