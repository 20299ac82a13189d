"""Namespaces of our own for the tests that need a real kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyroute2 import netns

from tests.netns.kernel import NAME, ip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/netns/" in item.nodeid:
            item.add_marker(pytest.mark.netns)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="needs root: run tests/run"))


@contextmanager
def entered() -> Iterator[str]:
    """A network namespace with one link and addresses on it; this thread is inside meanwhile."""
    subprocess.run(["ip", "netns", "del", NAME], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    netns.pushns(NAME)
    try:
        ip("link set lo up")
        ip("link add d0 type veth peer name d1")
        ip("addr add 10.0.0.1/24 dev d0")
        ip("addr add 2001:db8::1/64 dev d0 nodad")
        ip("link set d0 up")
        ip("link set d1 up")
        yield NAME
    finally:
        netns.popns()
        subprocess.run(["ip", "netns", "del", NAME], check=True)


@contextmanager
def running_bird(where: Path) -> Iterator[Path]:
    """A real BIRD with the configuration that we ship, below `where`; gives its control socket."""
    folder = Path(shutil.copytree(Path(__file__).parents[2] / "bird", where / "bird"))
    # The namespace shares this machine's syslog, which is none of a test's business.
    conf = folder / "bird.conf"
    conf.write_text("".join(x for x in conf.read_text().splitlines(True) if not x.startswith("log syslog")))
    control = where / "bird.ctl"
    process = subprocess.Popen(["bird", "-f", "-c", str(conf), "-s", str(control)])
    try:
        for _ in range(100):
            if control.exists():
                break
            time.sleep(0.05)
        yield control
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def namespace() -> Iterator[str]:
    """A namespace for one test."""
    with entered() as name:
        yield name


@pytest.fixture
def bird(namespace: str, tmp_path: Path) -> Iterator[Path]:
    """A BIRD for one test, in its namespace."""
    with running_bird(tmp_path) as control:
        yield control
