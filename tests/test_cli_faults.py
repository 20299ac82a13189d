"""What the commands that ask the daemon say when something is wrong: one line, and an exit code."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Capture, busy, call, serving
from tests.web.picture import NO_DEFAULT, NO_SAMPLES, FakeSource, make_routes, make_status

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def daemon() -> Iterator[str]:
    with serving(busy()) as url:
        yield url


@pytest.fixture(scope="module")
def large() -> Iterator[str]:
    with serving(FakeSource(make_status([NO_SAMPLES, NO_DEFAULT]), make_routes(4000))) as url:
        yield url


@pytest.mark.parametrize("command", [["status"], ["top"], ["explain", "10.0.0.1"], ["routes"]])
def test_no_daemon_there(command: list[str], capsys: Capture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = call(capsys, *command, "--url", url)
    assert (code, out) == (1, "")
    assert err.startswith(f"arm: no answer from {url} (Connection refused): is ARM running")
    assert err.count("\n") == 1


def test_who_answers_is_not_arm(capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            for body in (b"SSH-2.0-x\r\n", b"HTTP/1.0 200 OK\r\n\r\n<html>", b"HTTP/1.0 404 No\r\n\r\n[]"):
                taken, _ = server.accept()
                with taken:
                    taken.recv(9999)
                    taken.sendall(body)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        for _ in range(3):
            code, _, err = call(capsys, "status", "--url", url)
            assert (code, err.count("\n")) == (1, 1)
            assert err.startswith(f"arm: what answers at {url} is not ARM: ")
        thread.join()


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8008", "ftp://x", "http://", "http://x:y", "http://[::1", "http://a b"]
)
def test_an_address_that_cannot_be(url: str, capsys: Capture) -> None:
    code, out, err = call(capsys, "status", "--url", url)
    assert (code, out) == (2, "")
    assert err == f"arm: {url!r} is no address of a daemon: write it like http://127.0.0.1:8008\n"


@pytest.mark.parametrize("url", ["http://" + "x" * 70, "http://127.0.0.1:9/ä"])
def test_an_address_where_nobody_can_be(url: str, capsys: Capture) -> None:
    code, out, err = call(capsys, "status", "--url", url)
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_what_is_no_address_to_explain(daemon: str, capsys: Capture) -> None:
    code, out, err = call(capsys, "explain", "--url", daemon, "10.0.0.0/x")
    assert (code, out) == (2, "")
    assert err == "arm: address: cannot be '10.0.0.0/x': allowed: an IPv4 or IPv6 address or prefix\n"


def test_a_daemon_that_cannot_explain(large: str, capsys: Capture) -> None:
    code, _, err = call(capsys, "explain", "--url", large, "10.0.0.1")
    assert (code, err.count("\n")) == (1, 1)
    assert "answers 501: what is shown here cannot be explained" in err


def test_who_reads_has_seen_enough(large: str) -> None:
    command = f"{sys.executable} -m arm routes --limit 4000 --url {large} | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout.split()[:2]) == (0, "", ["rank", "prefix"])
