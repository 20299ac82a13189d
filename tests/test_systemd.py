"""What arrives at a real notification socket, and that its absence or silence harms nobody."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from arm.systemd import Systemd

UNIT = Path(__file__).parents[1] / "conf" / "arm.service"


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    """A socket in systemd's place, and the environment that it gives to a service."""
    abstract = request.param == "abstract"
    path = f"\0arm-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.setblocking(False)
        environment = {
            "NOTIFY_SOCKET": path.replace("\0", "@"),
            "WATCHDOG_USEC": "20000000",
            "WATCHDOG_PID": str(os.getpid()),
            "HOME": "/",
        }
        yield sock, environment


def received(sock: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(sock.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_a_life(manager: tuple[socket.socket, dict[str, str]]) -> None:
    sock, environment = manager
    systemd = Systemd(environment)
    assert environment == {"HOME": "/"}, "no child may speak for ARM"
    assert systemd.watchdog == 20.0
    systemd.ready("learning")
    assert received(sock) == ["READY=1\nSTATUS=learning"]
    assert systemd.alive({"kernel": True, "choice": True}, "learning")
    assert systemd.alive({"kernel": True, "choice": True}, "20,000 of 20,000 entries\nREADY=0")
    assert received(sock) == ["WATCHDOG=1", "WATCHDOG=1\nSTATUS=20,000 of 20,000 entries READY=0"]
    systemd.reloading(12.5)
    systemd.ready("reloaded")
    assert received(sock) == [
        "RELOADING=1\nMONOTONIC_USEC=12500000\nSTATUS=reloading",
        "READY=1\nSTATUS=reloaded",
    ]
    systemd.stopping()
    assert received(sock) == ["STOPPING=1\nSTATUS=stopping, installed routes stay"]


def test_a_dead_part_starves_the_watchdog_and_is_named(manager: tuple[socket.socket, dict[str, str]]) -> None:
    sock, environment = manager
    systemd = Systemd(environment)
    for _ in range(3):
        assert not systemd.alive({"kernel": True, "choice": False, "ExaBGP": False}, "fine")
    assert received(sock) == ["STATUS=not working: choice, ExaBGP"]
    assert systemd.alive({"kernel": True, "choice": True, "ExaBGP": True}, "fine")
    assert received(sock) == ["WATCHDOG=1\nSTATUS=fine"]


@pytest.mark.parametrize("change", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "no"}])
def test_a_watchdog_that_is_not_ours_is_not_fed(
    manager: tuple[socket.socket, dict[str, str]], change: dict[str, str]
) -> None:
    sock, environment = manager
    systemd = Systemd(environment | change)
    assert systemd.watchdog is None
    systemd.alive({}, "fine")
    systemd.alive({}, "fine")
    assert received(sock) == ["STATUS=fine"]


def test_nothing_is_sent_outside_systemd() -> None:
    systemd = Systemd({})
    assert systemd.watchdog is None
    systemd.ready("")
    assert systemd.alive({}, "fine")
    systemd.stopping()


def test_a_status_that_did_not_arrive_is_told_again(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    systemd = Systemd({"NOTIFY_SOCKET": str(path)})
    assert systemd.alive({}, "fine"), "systemd is away for a moment"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.setblocking(False)
        systemd.alive({}, "fine")
        assert received(sock) == ["STATUS=fine"]


def test_a_manager_that_does_not_read_holds_nobody_up_for_long(
    manager: tuple[socket.socket, dict[str, str]],
) -> None:
    sock, environment = manager
    systemd = Systemd(environment)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                other.sendto(b"X=1", sock.getsockname())
    begun = time.monotonic()
    systemd.ready("late")
    assert time.monotonic() - begun < 5
    assert "READY=1\nSTATUS=late" not in received(sock)


# --- the unit file ------------------------------------------------------------------------------------


def unit(tmp_path: Path) -> Path:
    """The unit with programs that exist here, and without the other units that it names."""
    text = UNIT.read_text().replace("/usr/bin/arm", "/bin/true")
    path = tmp_path / "arm.service"
    path.write_text(re.sub(r"(User|Group|SupplementaryGroups)=.*", r"\1=root", text))
    return path


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt install systemd"
)
def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit(tmp_path))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze: apt install systemd"
)
def test_a_mistake_in_the_unit_is_seen(tmp_path: Path) -> None:
    """The check itself can fail."""
    path = unit(tmp_path)
    path.write_text(path.read_text().replace("WatchdogSec", "WatchDogSec"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    assert "WatchDogSec" in done.stderr


def test_what_the_unit_must_say() -> None:
    """Lines without which stopping or restarting ARM would take routes away, or never happen."""
    lines = set(UNIT.read_text().splitlines())
    assert lines >= {
        "Type=notify",
        "Restart=always",
        "KillMode=mixed",  # SIGTERM would make ExaBGP send NOTIFICATIONs, and BIRD drop ARM's routes
        "StartLimitIntervalSec=0",
        "CapabilityBoundingSet=",
        "ExecReload=/bin/kill -HUP $MAINPID",
    }
