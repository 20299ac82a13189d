"""The lab as one object: started by entering it, gone when it is left, by whatever way."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from arm.model import Family
from lab import files, machine, neighbours, programs, queues, switch, topology
from lab.active import ActivePrefix
from lab.namespaces import Node, link
from lab.options import LabOptions
from lab.plan import CONTROL_SOCKET, NEIGHBOURS, PAGE_PORT, SOURCES, SWITCH, TOPOLOGY, LabError
from lab.programs import Program
from lab.relay import Relay
from lab.steer import Traffic
from lab.tables import Table


class Lab:
    """An Internet edge in network namespaces: `with Lab(LabOptions(...)) as lab:`."""

    table: Table
    active: list[ActivePrefix]
    traffic: Traffic
    arm: Program | None  # None while it is not started

    def __init__(self, options: LabOptions) -> None:
        self.options = options
        self.nodes: dict[str, Node] = {}
        self.programs: dict[str, dict[str, Program]] = {}  # node → program's name → program
        self.arm = None
        self.relay: Relay | None = None
        self._began = time.monotonic()
        self._workdir: Path | None = None
        self._lock: int | None = None

    # --- coming and going

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def workdir(self) -> Path:
        """Generated files, and logs in `log`."""
        assert self._workdir is not None
        return self._workdir

    def _start(self) -> None:
        machine.check()
        if self.options.workdir is None:
            self._workdir = Path(tempfile.mkdtemp(prefix="arm-lab-"))
        else:
            self._workdir = self.options.workdir.resolve()
        self._lock = machine.claim(self.workdir)
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir()
        with self._step("tables"):
            self.table, self.active = files.write(self.workdir, self.options)
        with self._step("nodes and links"):
            self._make_nodes()
        if self.options.page_port is not None:
            self.relay = Relay(self.nodes[SWITCH], PAGE_PORT, self.options.page_port)
        with self._step("programs"):
            for name, node in self.nodes.items():
                started = programs.start_image(node, self.logs)
                self.programs[name] = {program.name: program for program in started}
        with self._step("addresses"):
            for node in self.nodes.values():
                for command in node.plan.exec:
                    node.check(command)
            # The ports of the bridge exist from here on.
            queues.lengthen(self.programs[SWITCH]["ovs-vswitchd"].pid)
        with self._step("BGP sessions and full tables"):
            self._await_tables()
        if self.options.start_arm:
            with self._step("Active Route Manager"):
                self.start_arm()
        with self._step("traffic"):
            self._start_traffic()

    def close(self) -> None:
        """End everything: the processes, with them the namespaces, interfaces and mounts."""
        if self.relay is not None:
            self.relay.close()
        self.stop_arm()
        for node in self.nodes.values():
            with contextlib.suppress(OSError):
                node.close()
        self.nodes.clear()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._workdir is not None and self.options.workdir is None:
            shutil.rmtree(self._workdir, ignore_errors=True)

    # --- use

    @property
    def logs(self) -> Path:
        return self.workdir / "log"

    def run(
        self, node: str, command: Sequence[str], timeout: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside a node to its end."""
        return self._node(node).run(command, timeout=timeout)

    def popen(self, node: str, command: Sequence[str], **streams: Any) -> subprocess.Popen[str]:
        """Start a process inside a node; it ends with the lab at the latest. `.pid` is its real one."""
        return self._node(node).popen(command, **streams)

    def birdc(self, node: str, command: str, timeout: float = 30.0) -> str:
        """What a node's BIRD answers."""
        return self._node(node).check(["birdc", *command.split()], timeout=timeout)

    def restart_bird(self, node: str) -> Program:
        """Start a node's BIRD again, after `lab.programs[node]["bird"].stop(...)`.

        The switch's recovers what the one before left in the kernel.
        """
        program = programs.start_bird(self._node(node), self.logs, recover=node == SWITCH)
        self.programs[node]["bird"] = program
        return program

    def restart_forwarder(self) -> Program:
        """Start Open vSwitch's ports and sFlow agent again, with what its database does not know of br0."""
        node = self.nodes[SWITCH]
        program = programs.start_forwarder(node, self.logs)
        self.programs[SWITCH]["ovs-vswitchd"] = program
        program.wait_until(lambda: not node.run(["ovs-ofctl", "show", "br0"]).returncode, 10, "br0")
        for command in node.plan.exec:
            if "br0" in command and command[0] in ("ip", "ovs-ofctl"):
                node.check(["replace" if word == "add" else word for word in command])
        queues.lengthen(program.pid)
        return program

    def counts(self) -> dict[str, dict[str, int]]:
        """Packets that reached each neighbour so far, by destination address."""
        return {neighbour.name: neighbours.counts(self.nodes[neighbour.name]) for neighbour in NEIGHBOURS}

    def totals(self) -> dict[str, int]:
        """Packets that reached each neighbour so far; cheap, and never cleared."""
        return {neighbour.name: neighbours.total(self.nodes[neighbour.name]) for neighbour in NEIGHBOURS}

    def clear_counts(self) -> None:
        """Let the neighbours count from zero."""
        for neighbour in NEIGHBOURS:
            neighbours.clear(self.nodes[neighbour.name])

    def kernel_routes(self, family: Family) -> dict[str, list[str]]:
        """The switch's kernel routes that BIRD installed: prefix → gateways."""
        return switch.kernel_routes(self.nodes[SWITCH], family)

    def start_arm(
        self,
        configuration: Path | None = None,
        timeout: float = 30.0,
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Program:
        """Start ARM on the switch and wait until its API answers."""
        path = configuration or self.options.arm_conf or self.workdir / SWITCH / "arm.toml"
        self.arm = programs.start_arm(self.nodes[SWITCH], self.logs, path.resolve(), env)
        self.arm.wait_until(lambda: switch.answers(self.nodes[SWITCH]), timeout, "answer of ARM's API")
        return self.arm

    def stop_arm(self, number: signal.Signals = signal.SIGTERM, timeout: float = 15.0) -> int | None:
        """End ARM by a signal; its exit code."""
        if self.arm is None:
            return None
        code = self.arm.stop(number, timeout)
        self.arm = None
        return code

    def api(self, path: str, timeout: float = 10.0) -> Any:
        """GET from ARM's API inside the switch; JSON, decoded."""
        return switch.get(self.nodes[SWITCH], path, timeout)

    # --- how it starts

    @contextlib.contextmanager
    def _step(self, what: str) -> Iterator[None]:
        self._say(f"{what} …")
        began = time.monotonic()
        yield
        self._say(f"{what}: {time.monotonic() - began:.1f} s")

    def _say(self, text: str) -> None:
        print(f"lab [{time.monotonic() - self._began:5.1f} s] {text}", file=sys.stderr, flush=True)

    def _make_nodes(self) -> None:
        variables = {"ARM_LAB_WORK": str(self.workdir), "ARM_LAB_SAMPLING": str(self.options.sampling)}
        plan = topology.load(TOPOLOGY, variables)
        for node in plan.nodes.values():
            self.nodes[node.name] = Node(node)
        for ends in plan.links:
            link(self.nodes, ends)
        (self.workdir / "lab.json").write_text(
            json.dumps(
                {"runner": os.getpid(), "nodes": {name: node.pid for name, node in self.nodes.items()}}
            )
        )

    def _await_tables(self) -> None:
        wanted = {
            family: sum(self.table.offered(neighbour, family) for neighbour in NEIGHBOURS)
            for family in Family
        }
        bird = self.programs[SWITCH]["bird"]
        timeout = 60 + sum(wanted.values()) / 5000
        for family, count in wanted.items():
            name = f"full{4 if family is Family.IPV4 else 6}"
            bird.wait_until(
                lambda name=name, count=count: switch.routes_in(self.nodes[SWITCH], name) >= count,  # type: ignore[misc]
                timeout,
                f"full {family.title} table of {count} routes",
            )
            bird.wait_until(
                lambda family=family: family.default in self.kernel_routes(family),  # type: ignore[misc]
                20,
                f"{family.title} default route in the kernel",
            )

    def _start_traffic(self) -> None:
        sockets = {name: self.nodes[name].path(CONTROL_SOCKET) for name in SOURCES}
        for name in SOURCES:
            sender = programs.start_sender(self.nodes[name], self.logs)
            self.programs[name]["sender"] = sender
            sender.wait_until(sockets[name].exists, 30, "control socket")
        self.traffic = Traffic(sockets)

    def _node(self, name: str) -> Node:
        if name not in self.nodes:
            raise LabError(f"the lab has no node {name!r}", f"use one of {', '.join(self.nodes)}")
        return self.nodes[name]
