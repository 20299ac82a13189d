"""The programs that a node's image would start, here the machine's own, each with a log file."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.birdfiles import AS_SET_PORT, AS_SET_SPEAKER
from lab.namespaces import Node
from lab.plan import GENERATED, ROOT, LabError

PYTHON = (sys.executable,)
PYTHON_PATH = {"PYTHONPATH": str(ROOT)}
# Of the ExaBGP beside transit1's BIRD.
AS_SET_SETTINGS = {
    "exabgp_tcp_bind": AS_SET_SPEAKER,
    "exabgp_tcp_port": str(AS_SET_PORT),
    "exabgp_bgp_passive": "true",
    "exabgp_api_cli": "false",
    "exabgp_daemon_user": "root",
    "exabgp_log_level": "WARNING",
}
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
_OVS = "/run/openvswitch"
_QUIET = ("-vconsole:warn", "-vsyslog:off")


class Program:
    """One long-running process in a node."""

    def __init__(
        self, node: Node, name: str, command: Sequence[str], logs: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.node = node
        self.name = name
        self.log = logs / f"{node.name}-{name}.log"
        with self.log.open("a") as log:
            self.process = node.popen(command, stdout=log, stderr=log, env=env)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 10.0) -> int:
        """Send a signal and wait for the end; SIGKILL if it does not come. Returns the exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(timeout)

    def tail(self, lines: int = 12) -> str:
        """The last lines of its log, for the operator."""
        try:
            text = self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return ""
        return "".join(f"\n    {line}" for line in text)

    def wait_until(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait for `ready`; a program that ends before, or takes too long, is an error with its log."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running:
                raise LabError(
                    f"{self.node.name}: {self.name} ended with code {self.process.returncode}{self.tail()}",
                    f"see {self.log}",
                )
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self.node.name}: no {what} within {timeout:.0f} s{self.tail()}", f"see {self.log}"
                )
            time.sleep(0.05)


def start_bird(node: Node, logs: Path, *, recover: bool = False) -> Program:
    """BIRD with the node's /etc/bird; `recover`: after an earlier one, whose kernel routes stay at first."""
    words = ["bird", "-f", "-c", "/etc/bird/bird.conf"]
    return Program(node, "bird", [*words, "-R"] if recover else words, logs)


def start_forwarder(node: Node, logs: Path) -> Program:
    """Open vSwitch's ports and sFlow agent; what they do is in its database."""
    return Program(node, "ovs-vswitchd", ["ovs-vswitchd", f"unix:{_OVS}/db.sock", *_QUIET], logs)


def start_switch(node: Node, logs: Path) -> list[Program]:
    """Open vSwitch (userspace datapath: no kernel module needed) and BIRD."""
    node.check(["mkdir", "-p", _OVS])
    node.check(["ovsdb-tool", "create", f"{_OVS}/conf.db", _SCHEMA])
    database = Program(
        node,
        "ovsdb-server",
        ["ovsdb-server", f"{_OVS}/conf.db", f"--remote=punix:{_OVS}/db.sock", *_QUIET],
        logs,
    )
    database.wait_until(node.path(f"{_OVS}/db.sock").exists, 10, "Open vSwitch database")
    node.check(["ovs-vsctl", "--no-wait", "init"])
    return [database, start_forwarder(node, logs), start_bird(node, logs)]


def start_neighbour(node: Node, logs: Path) -> list[Program]:
    """BIRD; beside transit1's an ExaBGP for what BIRD cannot make."""
    started = [start_bird(node, logs)]
    configuration = f"{GENERATED}/exabgp.conf"
    if node.path(configuration).exists():
        env = {**PYTHON_PATH, **AS_SET_SETTINGS}
        command = [*PYTHON, "-m", "exabgp", "server", configuration]
        started.append(Program(node, "exabgp", command, logs, env))
    return started


def start_nothing(_node: Node, _logs: Path) -> list[Program]:
    """Sources get their sender when everything else is ready (start_sender)."""
    return []


IMAGES: Mapping[str, Callable[[Node, Path], list[Program]]] = {
    "arm-lab/switch": start_switch,
    "arm-lab/neighbour": start_neighbour,
    "arm-lab/source": start_nothing,
}


def start_image(node: Node, logs: Path) -> list[Program]:
    """What the image of the node would start."""
    if node.plan.image not in IMAGES:
        raise LabError(
            f"node {node.name} has image {node.plan.image!r}, for which the lab knows no program",
            f"use one of {', '.join(IMAGES)}",
        )
    started = IMAGES[node.plan.image](node, logs)
    if node.plan.cmd:
        started.append(Program(node, os.path.basename(node.plan.cmd[0]), node.plan.cmd, logs))
    return started


def start_sender(node: Node, logs: Path) -> Program:
    """The sender of a source, with the arguments that were written for it."""
    words = node.path(f"{GENERATED}/sender").read_text().split()
    return Program(node, "sender", [*PYTHON, "-m", "lab.traffic", *words], logs, PYTHON_PATH)


def start_arm(node: Node, logs: Path, configuration: Path, env: Mapping[str, str]) -> Program:
    """ARM itself; `env` beside PYTHON_PATH."""
    command = [*PYTHON, "-m", "arm.cli", "run", "-c", str(configuration)]
    return Program(node, "arm", command, logs, {**PYTHON_PATH, **env})
