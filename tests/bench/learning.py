"""Learning both full tables from BIRD: how long, whose CPU, whose memory.

`python -m tests.bench.learning [--interpreter pypy3 --interpreter python3] [--rivals]` needs
ARM_TEST_DATA with the tables, and BIRD. A peer tells BIRD the tables (learning_stream.py); then ARM's
rooms (learning_arm.py), with ExaBGP under each interpreter, learn them from BIRD, and after them GoBGP
does if `--rivals` and it is installed. Everything is on loopback addresses and ports of its own; nothing
touches the kernel's routes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from arm.model import Family
from tests.bench import learning_stream
from tests.bench.learning_arm import LONGEST, cpu_seconds, resident
from tests.bench.learning_gobgp import learn_by_gobgp

_BIRD = """\
log stderr {{ warning, error, auth, fatal, bug }};
router id 192.0.2.7;
ipv4 table full4;
ipv6 table full6;
protocol device {{ }}
protocol bgp peer {{
  local 127.0.0.1 port {port} as 65000; neighbor 127.0.0.7 as {asn}; multihop; passive;
  ipv4 {{ table full4; import all; export none; next hop keep; }};
  ipv6 {{ table full6; import all; export none; next hop keep; }};
}}
template bgp arm {{
  local 127.0.0.1 port {port} as 65000;
  passive; multihop; hold time 90; error wait time 1, 2; disabled;
}}
protocol bgp reflector from arm {{
  neighbor 127.0.0.8 as 65000;
  rr client;
  ipv4 {{ table full4; import none; export where source = RTS_BGP; next hop keep; }};
  ipv6 {{ table full6; import none; export where source = RTS_BGP; next hop keep; }};
}}
protocol bgp target from arm {{
  neighbor 127.0.0.9 as 65000;
  ipv4 {{ table full4; import none; export none; }};
  ipv6 {{ table full6; import none; export none; next hop keep; }};
}}
"""


class Bird:
    """A BIRD with both full tables; `port` is where it waits for whom it tells them to."""

    def __init__(self, folder: Path, stream: Path) -> None:
        if shutil.which("bird") is None:
            raise learning_stream.NoTableError("bird is not installed")
        self._control = str(folder / "bird.ctl")
        self.port = _free_port()
        configuration = folder / "bird.conf"
        configuration.write_text(_BIRD.format(port=self.port, asn=learning_stream.ASN))
        self._process = subprocess.Popen(["bird", "-f", "-c", str(configuration), "-s", self._control])
        self._connected: learning_stream.Peer | None = None
        try:
            started = time.monotonic()
            self._connected = _retried(lambda: learning_stream.Peer("127.0.0.7", "127.0.0.1", self.port))
            self.peer.send(stream.read_bytes())
            self.routes = self._settled()
            print(f"BIRD: {self.routes:,} routes after {time.monotonic() - started:.1f} s", flush=True)
        except BaseException:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def peer(self) -> learning_stream.Peer:
        """Whose table it has."""
        assert self._connected is not None
        return self._connected

    def tell(self, on: bool) -> None:
        """Bring both sessions with the learner up, or down."""
        for protocol in ("reflector", "target"):
            self._ask(f"{'enable' if on else 'disable'} {protocol}")

    def stop(self) -> None:
        if self._connected is not None:
            self._connected.close()
        self._process.terminate()
        self._process.wait()

    def _settled(self) -> int:
        """Number of routes, once no more come."""
        before, count = -1, 0
        for _ in range(120):
            time.sleep(1.0)
            before, count = count, self._count()
            if count == before > 0:
                return count
        raise RuntimeError("BIRD has not taken the peer's routes")

    def _count(self) -> int:
        answers = [self._ask(f"show route count table {table}") for table in ("full4", "full6")]
        return sum(
            int(line.split()[0]) for each in answers for line in each.splitlines() if " routes " in line
        )

    def _ask(self, command: str) -> str:
        return subprocess.run(
            ["birdc", "-s", self._control, command], capture_output=True, text=True, check=True
        ).stdout


def learn_by_arm(bird: Bird, folder: Path, interpreter: str) -> dict[str, Any]:
    """What ARM reports."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.bench.learning_arm", str(folder), str(bird.port), interpreter]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError("ARM's part has not started")
            bird.tell(on=True)
            before = cpu_seconds(bird.pid)
            found: dict[str, Any] = json.loads(process.stdout.readline() or "{}")
            found |= {"cpu bird": cpu_seconds(bird.pid) - before, "rss bird": resident(bird.pid)}
            process.wait(LONGEST)
        finally:
            process.kill()
            bird.tell(on=False)
    return found


def report(found: dict[str, Any]) -> None:
    """As a Markdown table."""
    routes = sum(found["routes"].values())
    seconds = max(found["seconds"].values())
    print(f"\n## ExaBGP by {found['python']}\n\n| what | |\n|---|---:|")
    for family in Family:
        took = found["seconds"][family.label]
        print(f"| {family.title}: {found['routes'][family.label]:,} routes, to end-of-RIB | {took:.1f} s |")
    print(f"| both: {routes:,} routes in {found['updates']:,} updates | {routes / seconds:,.0f} routes/s |")
    print(f"| since ExaBGP was started | {found['since start']:.1f} s |")
    for who in ("arm", "exabgp", "bird"):
        now, most = found[f"rss {who}"]
        print(
            f"| {who}: CPU; memory, at the most | {found[f'cpu {who}']:.1f} s; {now:.0f} MB, {most:.0f} MB |"
        )
    print(f"| all three | {sum(found[f'rss {who}'][0] for who in ('arm', 'exabgp', 'bird')):.0f} MB |")
    for step, spent in found["cpu"].items():
        print(f"| ARM, {step}: CPU, longest piece | {spent:.2f} s, {found['longest'][step]:.1f} ms |")
    print(f"| the event loop did not come round for | {found['stall'] * 1e3:.0f} ms |", flush=True)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _retried(connect: Any) -> learning_stream.Peer:
    for _ in range(100):
        try:
            return connect()  # type: ignore[no-any-return]
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("BIRD does not take the peer's session")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interpreter", action="append", help="what runs ExaBGP; both Pythons if not given")
    parser.add_argument("--rivals", action="store_true", help="also GoBGP")
    parser.add_argument("--stream", type=Path, help="a file to keep the peer's messages in")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # BIRD and the others end with us
    try:
        learning_stream.folder()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            stream = options.stream or folder / "stream"
            if not stream.exists():
                subprocess.run([sys.executable, "-m", "tests.bench.learning_stream", str(stream)], check=True)
            bird = Bird(folder, stream)
            try:
                pythons = options.interpreter or ["pypy3", sys.executable]
                for number, python in enumerate(pythons):
                    where = shutil.which(python)
                    if where is None:
                        print(f"{python} is not installed: not measured")
                        continue
                    report(learn_by_arm(bird, folder / str(number), where))
                if options.rivals:
                    learn_by_gobgp(bird, folder)
            finally:
                bird.stop()
    except learning_stream.NoTableError as error:
        print(f"nothing measured: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
