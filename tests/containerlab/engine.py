"""arm.clab.yml in containers, where there is Docker or Podman but no containerlab.

It does what containerlab does with such a file, and nothing more: so the images are built and run for real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import topology
from lab.plan import ROOT, TOPOLOGY

BASE = "debian:bookworm-slim"
PREFIX = f"arm-test-{os.getpid()}-"  # of the containers' names; containerlab's is clab-arm-
FOLDER = ROOT / "lab" / "containerlab"


class EngineError(AssertionError):
    """A command of the engine that should have worked."""


class Engine:
    """Docker or Podman."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *words: str, timeout: float = 60) -> str:
        done = subprocess.run(
            [self.name, *words], capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise EngineError(f"{self.name} {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def build(self, work: Path, sizes: Sequence[str]) -> None:
        """All images, and below `work` what the nodes start from: build.sh itself."""
        environment = {**os.environ, "ENGINE": self.name, "ARM_LAB_WORK": str(work)}
        done = subprocess.run(
            [FOLDER / "build.sh", *sizes], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def find() -> tuple[Engine | None, str]:
    """An engine that can run the base image, or why there is none. Nothing is pulled for a test."""
    why = "neither docker nor podman is installed"
    for name in ("docker", "podman"):
        if shutil.which(name):
            engine = Engine(name)
            try:
                engine.run("run", "--rm", "--pull=never", "--network=none", "--privileged", BASE, "true")
            except (EngineError, subprocess.TimeoutExpired) as error:
                why = f"{name}: {str(error).splitlines()[-1][:200]}"
            else:
                return engine, ""
    return None, f"no container engine that runs {BASE}: {why}"


@contextmanager
def deployed(engine: Engine, work: Path) -> Iterator[Mapping[str, int]]:
    """The topology as containers; node → process id. Gone when left."""
    plan = topology.load(TOPOLOGY, {"ARM_LAB_WORK": str(work)})
    try:
        pids = {node.name: _start(engine, node) for node in plan.nodes.values()}
        for one, other in plan.links:
            ends = [(end.interface, str(pids[end.node])) for end in (one, other)]
            (name, pid), (peer, peer_pid) = ends
            _host(f"ip link add {name} netns {pid} type veth peer name {peer} netns {peer_pid}")
            for interface, owner in ends:
                _host(f"nsenter --target={owner} --net ip link set {interface} up")
        for node in plan.nodes.values():
            for command in node.exec:
                engine.run("exec", PREFIX + node.name, *command)
        yield pids
    finally:
        for name in plan.nodes:
            subprocess.run(
                [engine.name, "rm", "-f", "-t", "0", PREFIX + name], capture_output=True, check=False
            )


def _start(engine: Engine, node: topology.NodePlan) -> int:
    words = ["run", "--detach", "--privileged", "--network=none", f"--name={PREFIX}{node.name}"]
    words.append(f"--hostname={node.name}")
    words += [f"--sysctl={key}={value}" for key, value in node.sysctls.items()]
    words += [f"--env={key}={value}" for key, value in node.env.items()]
    for bind in node.binds:
        words.append(f"--volume={bind.source}:{bind.target}{':ro' if bind.read_only else ''}")
    engine.run(*words, node.image, *node.cmd)
    return int(engine.run("inspect", "--format", "{{.State.Pid}}", PREFIX + node.name))


def _host(command: str) -> None:
    subprocess.run(command.split(), check=True, timeout=10)
