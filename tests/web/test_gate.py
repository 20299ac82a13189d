"""Who may ask, and who may change anything."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.web.gate import Gate, Guard
from arm.web.problem import ProblemError
from arm.web.server import make_app
from tests.operating import TOKEN, token_file
from tests.web.picture import FakeSource

NAMES = Gate(frozenset({"switch1.example.net"}))


def asked(*hosts: str) -> list[int]:
    """What is answered to who asks for these hosts."""

    async def asking() -> list[int]:
        codes = []
        async with TestClient(TestServer(make_app(FakeSource(), NAMES))) as client:
            for host in hosts:
                async with client.get("/api/v1/status", headers={"Host": host}) as answer:
                    codes.append(answer.status)
        return codes

    return asyncio.run(asking())


def test_hosts_that_may_be_asked_for() -> None:
    known = ["localhost", "LOCALHOST:8008", "127.0.0.1:80", "192.0.2.1", "[::1]:8008", "[2001:db8::1]"]
    known += ["switch1.example.net", "Switch1.Example.Net.:8008"]
    assert asked(*known) == [200] * len(known)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8008",
        "localhost.evil.example",
        "switch1.example.net.evil.example",
        "127.0.0.1.evil.example",
        "2130706433",
        "::1",
        "[evil]",
        "localhost:x",
        "localhost:80:80",
        "[::1",
        "",
    ],
)
def test_hosts_of_strangers(host: str) -> None:
    assert asked(host) == [421]


def test_every_part_of_the_web_is_behind_it() -> None:
    async def asking() -> None:
        async with TestClient(TestServer(make_app(FakeSource(), NAMES))) as client:
            for path in ("/", "/metrics", "/healthz", "/static/page.js", "/api/v1/events", "/nothing"):
                async with client.get(path, headers={"Host": "evil.example"}) as answer:
                    assert answer.status == 421
                    assert "web.hosts" in (await answer.json(content_type=None))["detail"]

    asyncio.run(asking())


def admit(guard: Guard, remote: str | None, authorization: str | None) -> Any:
    """Who is let in, or code and detail of the problem."""
    headers = {} if authorization is None else {"Authorization": authorization}
    request: Any = make_mocked_request("POST", "/", headers=headers)
    request = request.clone(remote=remote or "")

    async def admitting() -> str | tuple[int, str]:
        try:
            return await guard.admit(request)
        except ProblemError as problem:
            return int(problem.status), problem.detail

    return asyncio.run(admitting())


def test_the_right_word_from_near(tmp_path: Path) -> None:
    path = token_file(tmp_path)
    guard = Guard(Gate(token_file=path))
    for remote in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert admit(guard, remote, f"Bearer {TOKEN}") == remote.removeprefix("::ffff:")
    assert admit(guard, "127.0.0.1", f"bearer  {TOKEN} ") == "127.0.0.1"
    path.write_text("another-word-of-some-length")
    assert admit(guard, "127.0.0.1", "Bearer another-word-of-some-length") == "127.0.0.1"  # without a restart


@pytest.mark.parametrize(
    "told", [None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ä", TOKEN]
)
def test_no_word_or_a_wrong_one(told: str | None, tmp_path: Path) -> None:
    found = admit(Guard(Gate(token_file=token_file(tmp_path))), "127.0.0.1", told)
    assert found[0] == 401


@settings(max_examples=40, deadline=None)
@given(st.ip_addresses())
def test_only_named_networks_and_this_machine(address: IPv4Address | IPv6Address) -> None:
    networks = [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
    guard = Guard(Gate(token_file=None, write_from=networks))
    found = admit(guard, str(address), None)
    plain: Any = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
    near = plain.is_loopback or any(plain in each for each in networks if each.version == plain.version)
    assert found[0] == 403
    assert ("web.token_file" in found[1]) is near
    assert ("web.write_from" in found[1]) is not near


def test_changes_are_off_until_there_is_a_token_that_is_secret(tmp_path: Path) -> None:
    path = tmp_path / "token"
    guard = Guard(Gate(token_file=path))

    def refusal() -> str:
        code, detail = admit(guard, "::1", f"Bearer {TOKEN}")
        assert code == 403
        return str(detail)

    assert "there is no" in refusal()
    assert "openssl rand" in refusal()
    path.write_text(TOKEN)
    path.chmod(0o644)
    assert "everybody may read" in refusal()
    path.chmod(0o640)
    path.write_text("short")
    assert "holds no word of 16 to 512" in refusal()
    path.unlink()
    path.mkdir()
    assert "is not a file" in refusal() or "cannot be read" in refusal()
    assert admit(Guard(Gate()), "::1", "Bearer x")[0] == 403
    assert admit(guard, None, None)[0] == 403


def test_wrong_words_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = Guard(Gate(token_file=token_file(tmp_path), write_from=[ip_network("::/0")]))
    place, other = "2001:db8::", "2001:db8:0:1::"
    for number in range(5):
        assert admit(guard, f"{place}{number + 1:x}", "Bearer wrong")[0] == 401
    code, detail = admit(guard, f"{place}9", f"Bearer {TOKEN}")
    assert code == 429
    assert "try again in" in str(detail)
    assert admit(guard, f"{other}1", f"Bearer {TOKEN}") == f"{other}1"
    monkeypatch.setattr("arm.web.gate.PER", -1e9)  # a minute later
    assert admit(guard, f"{place}9", f"Bearer {TOKEN}") == f"{place}9"


def test_what_is_remembered_of_wrong_words_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arm.web.gate.PLACES", 20)
    guard = Guard(Gate(token_file=token_file(tmp_path), write_from=[ip_network("0.0.0.0/0")]))
    for number in range(40):
        admit(guard, f"192.0.2.{number}", "Bearer wrong")
    assert len(guard._wrong) == 20
