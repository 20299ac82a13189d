"""What an operator sees when ARM cannot start: one clear line, and an exit code that is not zero."""

from __future__ import annotations

import asyncio
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from arm.fib.bird import ask
from arm.model import ArmError

ROOT = Path(__file__).parents[2]
CONFIGURATION = """
[reflector]
as = 65000
id = "192.0.2.254"
[target]
as = 65000
id = "192.0.2.254"
[state]
directory = "{state}"
[fib]
bird_socket = "{bird}"
"""


def run(folder: Path, text: str) -> tuple[int, list[str]]:
    """Run `arm run` until it exits by itself; its exit code and the lines that are not log events."""
    path = folder / "arm.toml"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "arm", "run", "-c", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.returncode, [line for line in done.stderr.splitlines() if " [info" not in line]


@contextmanager
def taken(port: int, kind: socket.SocketKind) -> Iterator[None]:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            holder.listen(1)
        yield


@pytest.mark.usefixtures("namespace")
def test_missing_bird(tmp_path: Path) -> None:
    code, lines = run(tmp_path, CONFIGURATION.format(state=tmp_path / "run", bird=tmp_path / "bird.ctl"))
    assert code == 1
    assert lines == [
        f"arm: no BIRD at {tmp_path}/bird.ctl (No such file or directory): "
        "start BIRD, or set fib.bird_socket to its control socket"
    ]


@pytest.mark.parametrize(
    ("port", "kind", "expected"),
    [
        (
            6343,
            socket.SOCK_DGRAM,
            "arm: cannot receive sFlow on 127.0.0.1 port 6343 (Address already in use): ",
        ),
        (
            8008,
            socket.SOCK_STREAM,
            "arm: the web page cannot listen on 127.0.0.1 port 8008, which is in use: ",
        ),
    ],
)
def test_port_in_use(bird: Path, tmp_path: Path, port: int, kind: socket.SocketKind, expected: str) -> None:
    with taken(port, kind):
        code, lines = run(tmp_path, CONFIGURATION.format(state=tmp_path / "run", bird=bird))
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(expected)


def test_directory_that_cannot_be_written(bird: Path, tmp_path: Path) -> None:
    code, lines = run(tmp_path, CONFIGURATION.format(state="/proc/arm", bird=bird))
    assert code == 1
    assert lines == [
        "arm: cannot write to /proc/arm (No such file or directory): "
        "set state.directory to a directory that this user may write to"
    ]


@pytest.mark.usefixtures("namespace")
def test_address_of_another_machine(bird: Path, tmp_path: Path) -> None:
    text = CONFIGURATION.format(state=tmp_path / "run", bird=bird)
    code, lines = run(tmp_path, text.replace("[target]", '[target]\nlocal_ip = "192.0.2.7"'))
    assert code == 1
    assert lines == [
        "arm: cannot open a BGP session from 192.0.2.7 (Cannot assign requested address): "
        "set target.local_ip to an address of this machine"
    ]


def test_no_permission_for_bird_s_socket(bird: Path, tmp_path: Path) -> None:
    """In this process, as nobody: a home directory that holds the checkout may be closed to others."""
    bird.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o711)
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        with pytest.raises(ArmError) as caught:
            asyncio.run(ask(str(bird), "show status"))
    finally:
        os.seteuid(0)
    assert str(caught.value) == f"may not talk to BIRD at {bird}: run as root or in the group bird"


@pytest.mark.usefixtures("namespace")
def test_wrong_protocol_name(bird: Path, tmp_path: Path) -> None:
    text = CONFIGURATION.format(state=tmp_path / "run", bird=bird) + 'bird_protocol = "nobody"\n'
    code, lines = run(tmp_path, text)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("arm: BIRD says: ")


@pytest.mark.usefixtures("namespace")
def test_broken_configuration(tmp_path: Path) -> None:
    code, lines = run(tmp_path, "[reflector]\nas = 0\n")
    assert code == 2
    assert len(lines) == 4, "every fault, a line each: one wrong value, three missing ones"
