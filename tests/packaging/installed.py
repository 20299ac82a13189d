"""A system with the package: the documented commands, ARM and BIRD as their units run them, what is in it."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.packaging.chroot import Chroot

ROOT = Path(__file__).parents[2]
UNIT = "usr/lib/systemd/system/arm.service"
# What a running system changes by itself, and the records of apt and dpkg.
VOLATILE = ("dev", "proc", "run", "sys", "tmp", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/log/apt")


def documented(heading: str, block: int = 0) -> list[str]:
    """The commands of a fenced block of docs/install.md, by the heading above it and its number there."""
    text = (ROOT / "docs" / "install.md").read_text()
    section = re.split(rf"^#+ {heading}$", text, flags=re.MULTILINE)[1]
    found: list[str] = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return found[block].splitlines()


def paths(root: Path) -> set[str]:
    """All that is in a system, but for what changes by itself."""
    words = [word for path in VOLATILE for word in ("-path", f"./{path}/*", "-o")]
    found = subprocess.run(
        ["find", ".", "-xdev", "(", *words[:-1], ")", "-prune", "-o", "-printf", "%P\n"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line for line in found.stdout.splitlines() if not line.endswith((".log", "-"))}


def settings(root: Path) -> dict[str, list[str]]:
    """The options of the installed unit, as often as each is given."""
    found: dict[str, list[str]] = {}
    for line in (root / UNIT).read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@contextmanager
def bird(system: Chroot, log: Path) -> Iterator[None]:
    """BIRD of the package bird2, as its unit runs it, with the configuration in /etc/bird."""
    system.run("install", "-d", "-o", "bird", "-g", "bird", "/run/bird")
    process = system.popen(["bird", "-f", "-u", "bird", "-g", "bird"], log)
    try:
        until(lambda: system.run("birdc", "show", "status", check=False).returncode == 0, 20, log)
        yield
    finally:
        process.kill()
        process.wait()


class Service:
    """ARM as systemd would run it from the installed unit: account, environment, check and command line."""

    def __init__(self, system: Chroot, log: Path) -> None:
        self._system, self._log = system, log
        unit = settings(system.root)
        self._environment = dict(word.split("=", 1) for word in unit["Environment"])
        (self._check,) = unit["ExecStartPre"]
        (self._start,) = unit["ExecStart"]
        (user,), (group,) = unit["User"], unit["Group"]
        # --init-groups: with the group bird, as SupplementaryGroups says.
        self._account = ["setpriv", "--reuid", user, "--regid", group, "--init-groups"]
        self._account += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]

    def check(self) -> str:
        """What ExecStartPre says."""
        return self._system.run(*self._account, *shlex.split(self._check)).stdout

    @contextmanager
    def running(self) -> Iterator[list[str]]:
        """ARM, once it has told systemd that it is ready; the list is all that it has told."""
        told: list[str] = []
        path = self._system.root / "run" / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            path.chmod(0o777)
            notify.settimeout(0.1)
            environment = {**self._environment, "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "20000000"}
            command = [*self._account, *shlex.split(self._start)]
            process = self._system.popen(command, self._log, environment)

            def heard(words: str) -> bool:
                assert process.poll() is None, f"ARM ended:\n{self._log.read_text()[-3000:]}"
                try:
                    told.extend(notify.recv(4096).decode().splitlines())
                except TimeoutError:
                    return False
                return words in told

            try:
                until(lambda: heard("READY=1"), 60, self._log)
                until(lambda: heard("WATCHDOG=1"), 20, self._log)
                notify.setblocking(False)
                yield told
            finally:
                process.terminate()
                process.wait(30)


def until(true: Callable[[], bool], seconds: float, log: Path) -> None:
    """Wait for `true` to return something true; if it never does, the error has what `log` ends with."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s:\n{log.read_text()[-3000:]}"
        time.sleep(0.1)
