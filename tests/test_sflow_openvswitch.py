"""The example for Open vSwitch, run: its real daemons with a datapath in memory, its own sFlow agent, and
ARM's collector on the loopback address."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import which
from socket import AF_INET, SOCK_DGRAM, inet_aton, socket
from subprocess import DEVNULL, Popen, run

import pytest

from arm.sflow.collector import Collector
from arm.sflow.direction import Direction
from arm.sflow.intake import Intake
from tests.exposition import ROOT

pytestmark = pytest.mark.skipif(which("ovs-vswitchd") is None, reason="Open vSwitch is not here")

EXAMPLE = ROOT / "conf" / "sflow" / "openvswitch.sh"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
AGENT, DESTINATION = "192.0.2.1", "203.0.113.9"
PACKETS, OCTETS = 10, 500
PATIENCE = 30.0  # seconds
PACKET = (
    "in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),"
    f"ipv4(src=198.51.100.1,dst={DESTINATION},proto=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=443)"
)


class Switch:
    """A bridge br0 with a port p1."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.env = {
            **os.environ,
            "OVS_RUNDIR": str(folder),
            "OVS_LOGDIR": str(folder),
            "OVS_DBDIR": str(folder),
        }
        self._folder = folder
        self._running = running
        self.do("ovsdb-tool", "create", f"{folder}/conf.db", SCHEMA)
        self._start("ovsdb-server", f"{folder}/conf.db", f"--remote=punix:{folder}/db.sock")
        self._wait_for("db.sock")
        self.do("ovs-vsctl", "--no-wait", "init")
        memory = ("--enable-dummy", "--disable-system", "--disable-system-route")
        self._start("ovs-vswitchd", f"unix:{folder}/db.sock", *memory)
        bridge = "add-br br0 -- set bridge br0 datapath_type=dummy fail-mode=standalone"
        port = "add-port br0 p1 -- set interface p1 type=dummy"
        self.do("ovs-vsctl", f"--timeout={PATIENCE:.0f}", *bridge.split(), "--", *port.split())

    def do(self, *command: str) -> str:
        done = run(command, env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def receive(self) -> None:
        """A packet comes in at p1."""
        control = f"{self._folder}/ovs-vswitchd.ctl"
        self.do("ovs-appctl", "-t", control, "netdev-dummy/receive", "p1", PACKET, "--len", str(OCTETS))

    def _start(self, program: str, *arguments: str) -> None:
        control = f"--unixctl={self._folder}/{program}.ctl"
        process = Popen([program, *arguments, control], env=self.env, stdout=DEVNULL, stderr=DEVNULL)
        self._running.callback(process.wait, PATIENCE)
        self._running.callback(process.terminate)

    def _wait_for(self, name: str) -> None:
        until = time.monotonic() + PATIENCE
        while not (self._folder / name).exists():
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    with ExitStack() as running:
        yield Switch(tmp_path, running)


def free_port() -> int:
    with socket(AF_INET, SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_what_is_forwarded_arrives(switch: Switch, tmp_path: Path) -> None:
    port = free_port()
    script = tmp_path / "openvswitch.sh"
    script.write_text(EXAMPLE.read_text().replace("6343", str(port)))
    intake = Intake(Direction.AUTO, [inet_aton(AGENT)])
    octets = packets = 0.0
    addresses: set[bytes] = set()

    async def listen() -> None:
        nonlocal octets, packets
        loop = asyncio.get_running_loop()
        collector = Collector(intake, [("127.0.0.1", port)])
        collector.start(loop.time())
        try:
            await asyncio.to_thread(switch.do, "sh", str(script), "1")  # each packet is a sample
            for _ in range(PACKETS):
                await asyncio.to_thread(switch.receive)
            until = loop.time() + PATIENCE
            while packets < PACKETS and loop.time() < until:
                await asyncio.sleep(0.1)
                seen, _ = collector.take(loop.time())
                octets, packets = octets + float(seen.bytes.sum()), packets + float(seen.packets.sum())
                addresses.update(seen.addresses(4))
        finally:
            collector.stop()

    asyncio.run(listen())
    assert (packets, addresses) == (PACKETS, {inet_aton(DESTINATION)})
    assert octets == pytest.approx(PACKETS * OCTETS, abs=4 * PACKETS)  # with or without the frame's checksum
    assert intake.refused == 0
    assert not intake.malformed
    assert "sampling            : 1\n" in switch.do("ovs-vsctl", "list", "sflow")


def test_without_an_argument_it_samples_one_in_a_thousand(switch: Switch, tmp_path: Path) -> None:
    switch.do("sh", str(EXAMPLE))
    told = switch.do("ovs-vsctl", "list", "sflow")
    for line in (
        'targets             : ["127.0.0.1:6343"]',
        "sampling            : 1000",
        "polling             : 20",
    ):
        assert line in told
    switch.do("ovs-vsctl", "--", "clear", "bridge", "br0", "sflow")  # as the example's comment ends it
    assert switch.do("ovs-vsctl", "list", "sflow") == ""
