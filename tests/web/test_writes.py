"""Changes over the API: what is taken, what is answered, and what else may come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession

from arm.reload import Outcome
from arm.web import writes
from arm.web.connection import MAX_REQUEST
from arm.web.gate import Gate
from arm.web.server import serve
from tests.operating import TOKEN, Desk, token_file
from tests.web.picture import FakeSource
from tests.web.test_connection import problem, say

Ask = Callable[..., Awaitable[tuple[int, Any]]]


def run(desk: Desk, test: Callable[[Ask], Awaitable[None]], token: Path | None) -> None:
    async def running() -> None:
        gate = Gate(token_file=token)
        async with (
            asyncio.timeout(30),
            serve(FakeSource(), "127.0.0.1", 0, gate=gate, operates=desk.operator) as url,
            ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client,
        ):

            async def ask(method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
                if body is not None:
                    options["json"] = body
                async with client.request(method, f"{url}api/v1/{path}", **options) as answer:
                    return answer.status, await answer.json(content_type=None)

            await test(ask)

    asyncio.run(running())


def test_a_pin_comes_and_goes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def test(ask: Ask) -> None:
        code, rule = await ask(
            "POST", "pins", {"prefix": "20.0.0.0/16", "seconds": 7200, "reason": "customers"}
        )
        assert code == 200
        assert (rule["verdict"], rule["prefix"], rule["as"]) == ("pin", "20.0.0.0/16", None)
        assert (rule["source"], rule["who"], rule["in_table"]) == ("api", "127.0.0.1", True)
        assert rule["until"] == pytest.approx(rule["since"] + 7200)
        assert await ask("GET", "pins") == (200, {"rules": [rule]})
        assert (await ask("GET", "denials"))[1] == {"rules": []}
        # Slashes as they are, and as clients that follow the document write them.
        assert (await ask("DELETE", "pins/20.0.0.0%2F16"))[0] == 200
        await ask("POST", "denials", {"prefix": "2001:DB8::/32"})
        code, gone = await ask("DELETE", "denials/2001:db8::/32", params={"reason": "done"})
        assert (code, gone["prefix"]) == (200, "2001:db8::/32")
        assert (await ask("DELETE", "denials/2001:db8::/32"))[0] == 404
        assert (await ask("DELETE", "denials/2001:db8::1/32"))[0] == 400

    run(desk, test, token_file(tmp_path))
    assert desk.said()[0] == "denial of 2001:db8::/32 taken back, by 127.0.0.1: done"


def test_the_mode_and_a_reload(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def test(ask: Ask) -> None:
        code, mode = await ask("POST", "mode", {"mode": "observe", "reason": "maintenance"})
        assert (code, mode["mode"], mode["source"], mode["file"]) == (200, "observe", "api", "active")
        assert (await ask("GET", "mode"))[1] == mode
        assert desk.operator.mode == "observe"
        assert await ask("POST", "reload") == (200, {"lines": ["nothing changed"]})
        desk.outcome = Outcome(desk.config, faults=("arm.toml: wrong",))
        code, refusal = await ask("POST", "reload", {})
        assert (code, refusal["detail"]) == (
            409,
            "arm.toml: wrong; the configuration from before stays",
        )

    run(desk, test, token_file(tmp_path))


@pytest.mark.parametrize(
    ("path", "body", "parameter"),
    [
        ("pins", {}, "prefix"),
        ("pins", {"prefix": "20.0.0.1/16"}, "prefix"),
        ("pins", {"prefix": "20.0.0.0/16", "seconds": "60"}, "seconds"),
        ("pins", {"prefix": "20.0.0.0/16", "seconds": -1}, "seconds"),
        ("pins", {"prefix": "20.0.0.0/16", "reason": "two\nlines"}, "reason"),
        ("pins", {"prefix": "20.0.0.0/16", "reason": "x" * 201}, "reason"),
        ("pins", {"prefix": "20.0.0.0/16", "other": 1}, "other"),
        ("pins", [], "body"),
        ("mode", {"mode": "faster"}, "mode"),
        ("reload", {"now": True}, "now"),
    ],
)
def test_what_cannot_be_understood(path: str, body: Any, parameter: str, tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    async def test(ask: Ask) -> None:
        code, refusal = await ask("POST", path, body)
        assert code == 400
        assert [fault["parameter"] for fault in refusal["parameters"]] == [parameter]

    run(desk, test, token_file(tmp_path))
    assert (desk.applied, desk.said()) == (0, [])


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"prefix":' + b"[" * 30_000, "application/json", 400),
        (b"prefix=20.0.0.0/16", "application/x-www-form-urlencoded", 415),
        (b'{"reason":"' + b"x" * MAX_REQUEST + b'"}', "application/json", 413),
    ],
    ids=["cut", "no text", "deep", "form", "large"],
)
def test_bodies_of_other_kinds(content: bytes, kind: str, code: int, tmp_path: Path) -> None:
    async def test(ask: Ask) -> None:
        found, _ = await ask("POST", "pins", data=content, headers={"Content-Type": kind})
        assert found == code

    run(Desk(tmp_path), test, token_file(tmp_path))


def test_who_may_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    changes = (("POST", "pins"), ("DELETE", "pins/20.0.0.0/16"), ("POST", "mode"), ("POST", "reload"))

    async def off(ask: Ask) -> None:
        for method, path in changes:
            code, refusal = await ask(method, path)
            assert code == 403
            assert "web.token_file" in refusal["detail"]
        assert (await ask("GET", "mode"))[0] == 200

    async def wrong(ask: Ask) -> None:
        for (method, path), code in zip((*changes, *changes), [401] * 5 + [429] * 3, strict=True):
            found, _ = await ask(method, path, headers={"Authorization": "Bearer wrong"})
            assert found == code
        assert (await ask("POST", "reload"))[0] == 429

    run(desk, off, None)
    run(desk, wrong, token_file(tmp_path))
    assert (desk.applied, desk.said()) == (0, [])


def test_what_nobody_operates(tmp_path: Path) -> None:
    async def asking() -> None:
        async with (
            serve(FakeSource(), "127.0.0.1", 0, gate=Gate(token_file=token_file(tmp_path))) as url,
            ClientSession() as client,
        ):
            for path in ("pins", "mode"):
                async with client.get(f"{url}api/v1/{path}") as answer:
                    assert answer.status == 501

    asyncio.run(asking())


HEAD = (
    b"POST /api/v1/pins HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
    b"Content-Type: application/json\r\n"
)


@pytest.mark.parametrize(
    ("pieces", "code"),
    [
        ([HEAD + b"Content-Length: 100\r\n\r\n", b'{"prefix"'], 408),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\n{    \r\n"], 408),
        ([HEAD + b"Content-Length: 99999999\r\n\r\n"], 413),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"4000\r\n" + b" " * 16384 + b"\r\n"] * 6], 413),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"no number\r\n"], 408),
    ],
    ids=["slow", "slow chunks", "announced", "endless", "malformed"],
)
def test_bodies_that_do_not_come_or_do_not_end(
    pieces: list[bytes], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "PATIENCE", 0.5)
    desk = Desk(tmp_path)

    async def saying() -> bytes:
        gate = Gate(token_file=token_file(tmp_path))
        async with (
            asyncio.timeout(20),
            serve(FakeSource(), "127.0.0.1", 0, gate=gate, operates=desk.operator) as url,
        ):
            return await say("127.0.0.1", urlsplit(url).port or 0, *pieces)

    answer = asyncio.run(saying())
    assert problem(answer)[0] == code
    assert desk.said() == []
