"""Namespaces of our own for the tests that need a real kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
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


@pytest.fixture
def namespace() -> Iterator[str]:
    """A network namespace with one link and addresses on it; this thread is inside while the test runs."""
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


@pytest.fixture
def bird(namespace: str, tmp_path: Path) -> Iterator[Path]:
    """A real BIRD with the configuration that we ship, in the namespace; gives its control socket."""
    folder = Path(shutil.copytree(Path(__file__).parents[2] / "bird", tmp_path / "bird"))
    # The namespace shares this machine's syslog, which is none of a test's business.
    conf = folder / "bird.conf"
    conf.write_text("".join(x for x in conf.read_text().splitlines(True) if not x.startswith("log syslog")))
    control = tmp_path / "bird.ctl"
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
