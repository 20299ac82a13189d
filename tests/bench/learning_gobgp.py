"""GoBGP learns the same tables from the same BIRD."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Protocol

from arm.model import Family
from tests.bench.learning_arm import LONGEST, cpu_seconds, resident

_CONFIGURATION = """\
[global.config]
  as = 65000
  router-id = "192.0.2.8"
  port = -1
[[neighbors]]
  [neighbors.config]
    neighbor-address = "127.0.0.1"
    peer-as = 65000
  [neighbors.transport.config]
    local-address = "127.0.0.8"
    remote-port = {port}
  [neighbors.timers.config]
    connect-retry = 10
{families}
"""
_FAMILY = """\
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "{family}-unicast"
"""


class Teller(Protocol):
    """BIRD."""

    port: int
    routes: int

    def tell(self, on: bool) -> None: ...


def learn_by_gobgp(bird: Teller, folder: Path) -> None:
    """Measure it and print the same lines; only that if it is not installed."""
    if shutil.which("gobgpd") is None:
        print("gobgpd is not installed: not measured")
        return
    configuration = folder / "gobgp.toml"
    families = "".join(_FAMILY.format(family=family.label) for family in Family)
    configuration.write_text(_CONFIGURATION.format(port=bird.port, families=families))
    api = _free_port()
    command = ["gobgpd", "-f", str(configuration), "--api-hosts", f"127.0.0.1:{api}", "-l", "warn"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for_api(api)
            bird.tell(on=True)
            began: float | None = None
            started, count = time.monotonic(), 0
            while count < bird.routes:
                time.sleep(0.2)
                received, up = _received(api)
                count = received
                began = time.monotonic() if up and began is None else began
                if time.monotonic() - started > LONGEST:
                    raise TimeoutError(f"GoBGP has {count:,} routes after {LONGEST:.0f} s")
            assert began is not None
            took = time.monotonic() - began
            now, most = resident(process.pid)
            print("\n## GoBGP\n\n| what | |\n|---|---:|")
            print(f"| both: {count:,} routes | {took:.1f} s, {count / took:,.0f} routes/s |")
            spent = cpu_seconds(process.pid)
            print(f"| CPU; memory, at the most | {spent:.1f} s; {now:.0f} MB, {most:.0f} MB |")
        finally:
            process.kill()
            bird.tell(on=False)


def _received(api: int) -> tuple[int, bool]:
    """Routes received, and whether the session is up."""
    found = subprocess.run(
        ["gobgp", "-u", "127.0.0.1", "-p", str(api), "-j", "neighbor"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (neighbour,) = json.loads(found)
    families = neighbour.get("afi_safis", ())
    count = sum(int(each.get("state", {}).get("received", 0)) for each in families)
    return count, neighbour.get("state", {}).get("session_state") in (6, "ESTABLISHED")


def _wait_for_api(api: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", api)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("GoBGP does not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
