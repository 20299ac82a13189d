"""The server around the API: headers, methods, errors, binding."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from arm.model import ArmError, Status
from arm.web.server import make_app, serve
from tests.web.picture import FakeSource

PATHS = [
    "/",
    "/static/page.js",
    "/static/style.css",
    "/api/v1/status",
    "/api/v1/routes",
    "/api/v1/agents",
    "/healthz",
    "/metrics",
]


def ask(method: str, path: str, source: FakeSource | None = None) -> tuple[int, Any, str]:
    async def asking() -> tuple[int, Any, str]:
        app = make_app(source or FakeSource())
        async with TestClient(TestServer(app)) as client, client.request(method, path) as answer:
            return answer.status, answer.headers, await answer.text()

    return asyncio.run(asking())


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/api/v1/routes?limit=0"])
def test_security_headers(path: str) -> None:
    _, headers, _ = ask("GET", path)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Server"] == "arm"
    kept = {**dict.fromkeys(PATHS[:3], "no-cache"), **dict.fromkeys(PATHS[3:6], "private, no-cache")}
    assert headers["Cache-Control"] == kept.get(path, "no-store")


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(path: str) -> None:
    code, headers, body = ask("HEAD", path)
    assert (code, body) == (200, "")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_can_be_written(method: str, path: str) -> None:
    code, headers, body = ask(method, path)
    assert code == 405
    assert headers["Allow"] == "GET, HEAD"
    assert headers["Content-Type"].startswith("application/problem+json")
    assert method in body


def test_the_page_has_nothing_that_its_own_policy_forbids() -> None:
    _, _, page = ask("GET", "/")
    assert "style=" not in page
    assert "<style" not in page
    assert "://" not in page
    assert page.count("<script") == page.count('<script type="module" src="static/')


@pytest.mark.parametrize("path", ["/nothing", "/api/v2/status", "/static/nothing.js", "/static/../server.py"])
def test_unknown_paths(path: str) -> None:
    code, headers, body = ask("GET", path)
    assert code == 404
    assert headers["Content-Type"].startswith("application/problem+json")
    assert "there is nothing at" in body


def test_a_fault_inside_says_nothing_of_the_inside() -> None:
    class Broken(FakeSource):
        def status(self) -> Status:
            raise RuntimeError("secret")

    code, headers, body = ask("GET", "/api/v1/status", Broken())
    assert code == 500
    assert headers["Content-Type"].startswith("application/problem+json")
    assert "secret" not in body


def test_serve_gives_the_address_while_it_serves() -> None:
    async def test() -> None:
        async with asyncio.timeout(20), aiohttp.ClientSession() as client:
            async with serve(FakeSource(), "127.0.0.1", 0) as url, client.get(url + "healthz") as answer:
                assert await answer.text() == "ok\n"
            with pytest.raises(aiohttp.ClientError):
                await client.get(url)

    asyncio.run(test())


def test_the_address_of_ipv6_is_in_brackets() -> None:
    async def test() -> None:
        async with serve(FakeSource(), "::1", 0) as url:
            assert url.startswith("http://[::1]:")

    asyncio.run(test())


def listen(host: str, port: int) -> None:
    async def test() -> None:
        async with serve(FakeSource(), host, port):
            pass

    asyncio.run(test())


def test_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ArmError) as error:
            listen("127.0.0.1", port)
    assert error.value.problem == f"the web page cannot listen on 127.0.0.1 port {port}, which is in use"
    assert f"ss -ltnp sport = :{port}" in error.value.remedy


def test_port_not_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_server", refuse)  # the tests may run as root, who may
    with pytest.raises(ArmError, match=r"not permitted.*CAP_NET_BIND_SERVICE"):
        listen("127.0.0.1", 80)


def test_an_address_of_another_machine() -> None:
    with pytest.raises(ArmError, match=r"web\.listen to an address of this machine"):
        listen("192.0.2.1", 8008)
