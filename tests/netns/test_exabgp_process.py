"""ExaBGP never outlives ARM, ARM never goes on without ExaBGP, and no fault of either takes a route away.

One BIRD as we ship it, one neighbour that announces a default and a few routes, ARM, and traffic to them. The
kernel's own account of its routes says what a fault did to them.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.netns.conftest import entered, running_bird
from tests.netns.kernel import NAME, ip
from tests.netns.test_start import CONFIGURATION, ROOT, run
from tests.sflow import build

HOLD_TIME = 18  # seconds: ExaBGP counts as hung after six
OPTIONS = f"""
[bgp]
hold_time = {HOLD_TIME}
[selection]
window = 5
[capacity]
ipv6 = 0
"""
ROUTES = [f"203.0.113.{number * 32}/27" for number in range(4)]
NEIGHBOUR = f"""
router id 192.0.2.9;
protocol device {{ }}
protocol static {{ ipv4; {" ".join(f"route {each} blackhole;" for each in ["0.0.0.0/0", *ROUTES])} }}
filter another_way {{ if net.len > 0 then bgp_next_hop = 10.0.0.3; accept; }}
protocol bgp switch {{
  local 10.0.0.2 as 64501; neighbor 10.0.0.1 as 65000; connect delay time 1;
  ipv4 {{ import none; export filter another_way; }};
}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For everybody's files: one BIRD, one neighbour and, while it lives, one ARM serve all tests."""
    return tmp_path_factory.mktemp("exabgp")


@pytest.fixture(scope="module")
def bird(folder: Path) -> Iterator[Path]:
    with entered(), running_bird(folder) as control:
        yield control


@pytest.fixture(scope="module")
def neighbour(bird: Path, folder: Path) -> Iterator[None]:
    """A transit behind d0, with the default route; the other routes go another way."""
    place = f"{NAME}-n"
    subprocess.run(["ip", "netns", "add", place], check=True)
    try:
        ip(f"link set d1 netns {place}")
        for words in ("addr add 10.0.0.2/24 dev d1", "addr add 10.0.0.3/24 dev d1", "link set d1 up"):
            ip(f"-n {place} {words}")
        conf = folder / "neighbour.conf"
        conf.write_text(NEIGHBOUR)
        command = ["bird", "-f", "-c", str(conf), "-s", str(folder / "neighbour.ctl")]
        process = subprocess.Popen(["ip", "netns", "exec", place, *command])
        session = (
            "protocol bgp transit4 from neighbour4 { neighbor 10.0.0.2 as 64501; connect delay time 1; }\n"
        )
        (folder / "bird" / "peers.d" / "transit.conf").write_text(session)
        birdc(bird, "configure")
        yield
        process.kill()
        process.wait()
    finally:
        subprocess.run(["ip", "netns", "del", place], check=True)


@pytest.fixture(scope="module")
def traffic(bird: Path) -> Iterator[None]:
    """Samples of packets to every route, five times a second."""
    assert bird.exists(), "this thread is in the namespace"
    records = [build.raw_header(build.ethernet(build.ipv4(each.split("/")[0])), 1000) for each in ROUTES]
    stop = threading.Event()

    def send(sock: socket.socket) -> None:
        number = 0
        while not stop.wait(0.2):
            number += 1
            samples = [build.flow_sample(each, source=1, sequence=number) for each in records]
            sock.sendto(build.datagram(*samples, sequence=number), ("127.0.0.1", 6343))

    with socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as sock:  # made here: this thread is in the namespace
        thread = threading.Thread(target=send, args=(sock,))
        thread.start()
        yield
        stop.set()
        thread.join()


def start_arm(bird: Path, folder: Path, *before: str) -> subprocess.Popen[bytes]:
    """ARM with both sessions up and all routes in the kernel."""
    path = folder / "arm.toml"
    path.write_text(CONFIGURATION.format(state=folder / "run", bird=bird) + OPTIONS)
    with (folder / "arm.log").open("ab") as log:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "arm", "run", "-c", str(path)], stderr=log, cwd=ROOT
        )
    try:
        wait(lambda: sessions(bird) == 2, "both sessions")
        wait(lambda: installed() == set(ROUTES), "all routes")
    except AssertionError:
        process.kill()
        process.wait()
        raise
    return process


class Arm:
    """The ARM that runs now, if one does."""

    def __init__(self, bird: Path, folder: Path) -> None:
        self.bird, self.folder = bird, folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """The one that runs; a new one, if a test has ended it."""
        if self.process is None or self.process.poll() is not None:
            self.process = start_arm(self.bird, self.folder)
            wait(lambda: not waiting(self.bird), "end-of-RIB")
        return self.process

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        wait(lambda: not descendants(self.folder), "ExaBGP's end")


@pytest.fixture(scope="module")
def daemon(bird: Path, neighbour: None, traffic: None, folder: Path) -> Iterator[Arm]:
    daemon = Arm(bird, folder)
    yield daemon
    daemon.end()


@pytest.fixture
def arm(daemon: Arm) -> subprocess.Popen[bytes]:
    return daemon.start()


@pytest.fixture
def lost(arm: subprocess.Popen[bytes], tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """What the kernel has deleted or changed of our routes since the test began."""
    assert arm.poll() is None
    path = tmp_path / "monitor"
    with path.open("wb") as events:
        monitor = subprocess.Popen(["stdbuf", "-oL", "ip", "-o", "monitor", "route"], stdout=events)
    time.sleep(0.3)
    yield lambda: [line for line in path.read_text().splitlines() if "203.0.113." in line]
    monitor.kill()
    monitor.wait()


def birdc(bird: Path, words: str) -> str:
    return subprocess.run(
        ["birdc", "-s", str(bird), *words.split()], capture_output=True, text=True, check=True
    ).stdout


def sessions(bird: Path) -> int:
    shown = birdc(bird, "show protocols").splitlines()
    return sum("Established" in line and line.startswith("arm_") for line in shown)


def waiting(bird: Path) -> bool:
    """BIRD keeps ARM's routes for a session that ended without a NOTIFICATION."""
    return "Neighbor graceful restart active" in birdc(bird, "show protocols all arm_target")


def installed() -> set[str]:
    shown = subprocess.run(["ip", "route", "show"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in shown.splitlines()} & set(ROUTES)


def descendants(folder: Path) -> dict[str, int]:
    """ExaBGP's and its pipe's process, found by the folder in their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
            if any(word.startswith(str(folder / "run")) for word in words):
                kind = "exabgp" if "exabgp" in words else "pipe"
                if kind == "exabgp" and os.getsid(int(entry.name)) != int(entry.name):
                    continue  # about to become the pipe's process
                assert kind not in found, "two at once"
                found[kind] = int(entry.name)
    return found


def wait(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def healed(bird: Path, folder: Path, before: dict[str, int]) -> None:
    """A new ExaBGP, both sessions, and BIRD no longer keeps anything for later."""
    wait(lambda: len(set(descendants(folder).values()) - set(before.values())) == 2, "a new ExaBGP")
    wait(lambda: sessions(bird) == 2, "both sessions again")
    wait(lambda: not waiting(bird), "end-of-RIB")
    assert set(before.values()).isdisjoint(descendants(folder).values())
    assert installed() == set(ROUTES)


def test_killed_arm_takes_exabgp_with_it_even_if_exabgp_ends_its_pipe_first(
    arm: subprocess.Popen[bytes], folder: Path
) -> None:
    """ExaBGP ends a helper whose pipe has closed with SIGTERM: that must not save ExaBGP."""
    os.kill(descendants(folder)["pipe"], signal.SIGTERM)
    time.sleep(0.3)
    assert set(descendants(folder)) == {"exabgp", "pipe"}
    arm.kill()
    arm.wait()
    wait(lambda: not descendants(folder), "ExaBGP's end")


@pytest.mark.parametrize("victim", ["exabgp", "pipe"])
def test_arm_starts_exabgp_again(
    arm: subprocess.Popen[bytes], bird: Path, folder: Path, victim: str, lost: Callable[[], list[str]]
) -> None:
    before = descendants(folder)
    os.kill(before[victim], signal.SIGKILL)
    healed(bird, folder, before)
    assert lost() == []
    assert arm.poll() is None


@pytest.mark.parametrize("stopped", [("exabgp",), ("exabgp", "pipe")])
def test_a_hung_exabgp_is_ended_before_bird_gives_it_up(
    arm: subprocess.Popen[bytes],
    bird: Path,
    folder: Path,
    stopped: tuple[str, ...],
    lost: Callable[[], list[str]],
) -> None:
    """BIRD's hold timer would send a NOTIFICATION and drop the routes."""
    before = descendants(folder)
    written = len((folder / "arm.log").read_text())
    for name in stopped:
        os.kill(before[name], signal.SIGSTOP)
    begun = time.monotonic()
    wait(lambda: waiting(bird), "the end of the session")
    assert time.monotonic() - begun < HOLD_TIME * 2 / 3
    healed(bird, folder, before)
    assert lost() == []
    assert arm.poll() is None
    assert "hangs" in (folder / "arm.log").read_text()[written:]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_of_arm_is_no_goodbye(
    arm: subprocess.Popen[bytes],
    daemon: Arm,
    bird: Path,
    folder: Path,
    how: int,
    lost: Callable[[], list[str]],
) -> None:
    before = descendants(folder)
    arm.send_signal(how)
    wait(lambda: waiting(bird), "graceful restart")
    arm.wait(10)
    wait(lambda: not descendants(folder), "ExaBGP's end")
    daemon.start()
    healed(bird, folder, before)
    assert lost() == []


@pytest.mark.usefixtures("arm")
def test_two_arms_do_not_fight_over_one_bird(
    bird: Path, tmp_path: Path, lost: Callable[[], list[str]]
) -> None:
    """BIRD would take the second one's connection for the first one's restart, and so on."""
    elsewhere = '[sflow]\nlisten = ["127.0.0.1:6344"]\n[web]\nlisten = "127.0.0.1:8009"\n'
    code, lines = run(tmp_path, CONFIGURATION.format(state=tmp_path / "run", bird=bird) + elsewhere)
    expected = "arm: BIRD's session arm_target is up already, with another ARM: stop the other ARM"
    assert (code, lines) == (1, [expected])
    assert (sessions(bird), lost()) == (2, [])


@pytest.mark.skipif(shutil.which("pypy3") is None, reason="needs PyPy: apt install pypy3")
@pytest.mark.usefixtures("arm")
def test_pypy_runs_exabgp_where_it_is_there(folder: Path) -> None:
    assert Path(os.readlink(f"/proc/{descendants(folder)['exabgp']}/exe")).name.startswith("pypy3")


def test_no_privilege_is_needed(daemon: Arm, bird: Path, tmp_path: Path) -> None:
    """As conf/arm.service runs it: no root, no capability."""
    words = "setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs --bounding-set=-all"
    before = [*words.split(), "--inh-caps=-all"]
    trial = [*before, sys.executable, "-m", "arm", "--version"]
    if subprocess.run(trial, capture_output=True, cwd=ROOT, check=False).returncode:
        pytest.skip("needs a checkout that others may read")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "run").mkdir(mode=0o777)
    (tmp_path / "run").chmod(0o777)
    for place in (bird.parent, *bird.parents[1:3]):
        place.chmod(place.stat().st_mode | 0o055)
    bird.chmod(0o666)
    daemon.end()
    for word in ("disable", "enable"):  # what BIRD keeps for another ARM is not to be taken for this one's
        birdc(bird, f"{word} arm_target")
    wait(lambda: installed() == set(), "nothing installed")
    arm = start_arm(bird, tmp_path, *before)
    try:
        found = descendants(tmp_path)
        assert Path(f"/proc/{found['exabgp']}").stat().st_uid != 0
        os.kill(found["exabgp"], signal.SIGKILL)
        healed(bird, tmp_path, found)
    finally:
        arm.kill()
        arm.wait()
    wait(lambda: not descendants(tmp_path), "ExaBGP's end")
