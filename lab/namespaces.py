"""Nodes as Linux namespaces.

Each node is one set of namespaces (network, mount, UTS, IPC, PID) held by an `unshare` process whose init
is a `cat` on a pipe from us. Nothing has a name on the machine: when we close the pipe, or die in any way,
`cat` ends, the kernel kills every process of the node, and its interfaces and mounts are gone with it. So
two labs never meet and a crash leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

from lab.plan import LabError
from lab.topology import Bind, Endpoint, NodePlan

T = TypeVar("T")

# Where a node has a file system of its own, so that mount points can be made without touching the machine's.
_PRIVATE = ("/run", "/etc/bird")
_UNSHARE = (
    "unshare",
    "--net",
    "--mount",
    "--uts",
    "--ipc",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)
_libc = ctypes.CDLL(None, use_errno=True)


class Node:
    """One running node. Processes in it are children of ours, with their real process ids."""

    def __init__(self, plan: NodePlan) -> None:
        self.plan = plan
        self.name = plan.name
        self._children: list[subprocess.Popen[str]] = []
        # Ignored SIGCHLD: orphans that end in the node are reaped by the kernel, `cat` never waits.
        script = (
            f"set -e; {_mounts(plan.binds)} hostname {shlex.quote(plan.name)}; ip link set lo up; "
            "echo ready; exec env --ignore-signal=CHLD cat >/dev/null"
        )
        self._holder = subprocess.Popen(
            [*_UNSHARE, "--", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self._await_ready()
            for key, value in plan.sysctls.items():
                self.check(["sysctl", "-qw", f"{key}={value}"])
        except BaseException:
            self.close()
            raise

    def _await_ready(self) -> None:
        assert self._holder.stdout is not None
        readable, _, _ = select.select([self._holder.stdout], [], [], 10)
        if readable and self._holder.stdout.readline() == "ready\n":
            return
        self._holder.kill()
        assert self._holder.stderr is not None
        reason = self._holder.stderr.read().strip() or "no answer"
        raise LabError(
            f"cannot make the namespaces of {self.name}: {reason}",
            "run as root, on a machine or in a container that may create namespaces (--privileged)",
        )

    @property
    def pid(self) -> int:
        """A process whose namespaces are the node's: `nsenter -t PID -n -m`."""
        return self._holder.pid

    def popen(
        self,
        command: Sequence[str],
        *,
        stdin: int | IO[str] | None = subprocess.DEVNULL,
        stdout: int | IO[str] | None = None,
        stderr: int | IO[str] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a process in the node; it ends with the node at the latest."""
        prefix = [
            "nsenter",
            *(f"--{kind}=/proc/{self.pid}/ns/{file}" for kind, file in _NAMESPACES.items()),
            "--",
        ]

        def start() -> subprocess.Popen[str]:
            # The PID namespace counts for the next fork of this thread only; the rest nsenter joins.
            _join(self.pid, "pid_for_children")
            return subprocess.Popen(
                [*prefix, *command],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, **self.plan.env, **(env or {})},
                text=True,
                start_new_session=True,  # a Ctrl-C on our terminal is ours alone
            )

        child = _in_thread(start)
        self._children = [known for known in self._children if known.poll() is None]
        self._children.append(child)
        return child

    def run(
        self, command: Sequence[str], *, text: str | None = None, timeout: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the node to its end, `text` on its standard input."""
        child = self.popen(
            command,
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with child:
            try:
                output, errors = child.communicate(text, timeout)
            except subprocess.TimeoutExpired as error:
                child.kill()
                raise LabError(
                    f"{self.name}: `{' '.join(command)}` did not end in {timeout:g} s",
                    "look at the node's logs",
                ) from error
            except BaseException:
                child.kill()
                raise
        return subprocess.CompletedProcess(list(command), child.returncode, output, errors)

    def check(self, command: Sequence[str], *, text: str | None = None, timeout: float = 30.0) -> str:
        """Run a command that must succeed; its output."""
        done = self.run(command, text=text, timeout=timeout)
        if done.returncode:
            reason = (done.stderr or done.stdout).strip()
            raise LabError(f"{self.name}: `{' '.join(command)}` failed: {reason}", "see the message")
        return done.stdout

    def connect(self, family: socket.AddressFamily, address: object, timeout: float = 5.0) -> socket.socket:
        """A TCP connection opened from inside the node, used from outside."""

        def make() -> socket.socket:
            _join(self.pid, "net")
            return socket.socket(family, socket.SOCK_STREAM)

        connection = _in_thread(make)
        try:
            connection.settimeout(timeout)
            connection.connect(address)  # type: ignore[arg-type]
        except BaseException:
            connection.close()
            raise
        return connection

    def path(self, inside: str) -> Path:
        """A file of the node's private file systems, seen from outside."""
        return Path(f"/proc/{self.pid}/root") / inside.lstrip("/")

    def close(self) -> None:
        """End every process of the node, and the node."""
        for stream in (self._holder.stdin, self._holder.stdout, self._holder.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        # The namespace's init cannot end before we, the parent, have reaped everything it killed.
        deadline = time.monotonic() + 10
        for process in (*self._children, self._holder):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        self._children.clear()


_NAMESPACES = {"net": "net", "uts": "uts", "ipc": "ipc", "mount": "mnt"}


def link(nodes: Mapping[str, Node], ends: tuple[Endpoint, Endpoint]) -> None:
    """A veth pair straight from one node's namespace to the other's; the machine's own never sees it."""
    one, other = ends
    command = ["ip", "link", "add", one.interface, "netns", str(nodes[one.node].pid), "type", "veth"]
    command += ["peer", "name", other.interface, "netns", str(nodes[other.node].pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        raise LabError(f"cannot link {one} and {other}: {done.stderr.strip()}", "needs root and veth support")
    for end in ends:
        nodes[end.node].check(["ip", "link", "set", end.interface, "up"])


def _mounts(binds: Sequence[Bind]) -> str:
    """Shell commands that give the node its own /run, /sys and the topology's binds."""
    steps = [f"if [ -d {path} ]; then mount -t tmpfs lab {path}; fi;" for path in _PRIVATE]
    steps.append("mount -t sysfs lab /sys; mkdir -p /run/bird /run/lock /run/log;")
    for bind in binds:
        source, target = shlex.quote(str(bind.source)), shlex.quote(bind.target)
        if not bind.source.exists():
            raise LabError(f"bind source {bind.source} does not exist", "create it")
        if _private(str(bind.source)):
            raise LabError(
                f"bind source {bind.source} is hidden by the node's own file systems",
                f"move it out of {', '.join(_PRIVATE)}",
            )
        if _private(bind.target):
            make = "mkdir -p" if bind.source.is_dir() else "install -D /dev/null"
            steps.append(f"{make} {target};")
        elif not Path(bind.target).exists():
            raise LabError(
                f"bind target {bind.target} does not exist on this machine",
                f"use one below {', '.join(_PRIVATE)}",
            )
        steps.append(f"mount --bind {source} {target};")
        if bind.read_only:
            steps.append(f"mount -o remount,bind,ro {target};")
    return " ".join(steps)


def _private(path: str) -> bool:
    return path.startswith(tuple(f"{own}/" for own in _PRIVATE))


def _join(pid: int, kind: str) -> None:
    """Move the calling thread into a namespace (os.setns is Python 3.12)."""
    handle = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
    try:
        if _libc.setns(handle, 0):
            number = ctypes.get_errno()
            raise OSError(number, f"setns: {os.strerror(number)}")
    finally:
        os.close(handle)


def _in_thread(act: Callable[[], T]) -> T:
    """Run `act` in a thread of its own: namespaces belong to threads, and this one is thrown away."""
    result: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            result.append(act())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]
