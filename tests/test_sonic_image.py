"""The image for SONiC: its manifest by SONiC's rules, and its first program with the real BIRD and ARM."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

ROOT = Path(__file__).parent.parent
SONIC = ROOT / "packaging" / "sonic"
DATABASES = ROOT / "tests" / "fib" / "recorded" / "sonic" / "database_config.json"
METRIC = 0x14000000

# sonic-package-manager's schema: fields and their types; a list of one is an array of these.
TEXTS: Final = [str]
SCHEMA: dict[str, Any] = {
    "version": str,
    "package": {
        **dict.fromkeys(("version", "name", "description", "debug-dump"), str),
        **dict.fromkeys(("base-os", "init-cfg", "changelog"), dict),
        **dict.fromkeys(("depends", "breaks"), TEXTS),
    },
    "service": {
        **dict.fromkeys(("name", "post-start-action", "pre-shutdown-action", "type", "stop-time"), str),
        **dict.fromkeys(("requires", "requisite", "wanted-by", "after", "before"), TEXTS),
        **dict.fromkeys(("dependent", "dependent-of"), TEXTS),
        **dict.fromkeys(("asic-service", "host-service", "delayed", "check_up_status"), bool),
    },
    "container": {
        "privileged": bool,
        "volumes": TEXTS,
        "tmpfs": TEXTS,
        "environment": dict,
        "mounts": [{"source": str, "target": str, "type": str}],
    },
    "processes": [{"name": str, "reconciles": bool}],
    "cli": dict,
}


def misfits(written: Any, schema: Any, place: str = "") -> Iterator[str]:
    """Where a manifest is not what the schema says."""
    if isinstance(schema, dict) and isinstance(written, dict):
        for key, value in written.items():
            yield from misfits(value, schema.get(key), f"{place}.{key}")
    elif isinstance(schema, list) and isinstance(written, list):
        for number, value in enumerate(written):
            yield from misfits(value, schema[0], f"{place}[{number}]")
    elif not isinstance(schema, type) or type(written) is not schema:
        yield place


def manifest() -> Any:
    return json.loads((SONIC / "manifest.json").read_text())


def test_the_manifest_is_what_the_package_manager_takes() -> None:
    ours = manifest()
    assert list(misfits(ours, SCHEMA)) == []
    assert {"version", "name"} <= ours["package"].keys()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert ours["package"]["version"] == version
    assert ours["container"]["privileged"], "BIRD writes routes, and there is no other way to ask for that"
    feature = ours["service"]["name"]
    assert f"config feature state {feature} enabled" in (ROOT / "docs" / "sonic.md").read_text()
    assert {"/etc/sonic", "/var/lib/arm"} == {each.split(":")[0] for each in ours["container"]["volumes"]}


def test_misfits_are_found() -> None:
    wrong = {"version": 1, "service": {"after": "swss", "wanted": []}, "processes": [{"name": None}], "x": {}}
    assert set(misfits(wrong, SCHEMA)) == {
        ".version",
        ".service.after",
        ".service.wanted",
        ".processes[0].name",
        ".x",
    }


# --- the first program --------------------------------------------------------------------------------

_ARM = """
[reflector]
as = 65000
id = "192.0.2.254"
[target]
as = 65000
id = "192.0.2.254"
[web]
listen = "127.0.0.1:8008"
[state]
directory = "{state}"
"""
_PEER = """
protocol static transit {{ ipv4 {{ table full4; }}; route 0.0.0.0/0 via 192.0.2.2; }}
"""
# A network and files of its own: what is in /run elsewhere, and any BIRD there, is out of the way. SONiC's
# databases have room for 95 entries: CRM's figures, and a default route that is in the ASIC.
_INSIDE = """
mount -t tmpfs none /run && ip link set lo up && ip link add port type veth peer name other &&
ip link set port up && ip link set other up && ip address add 192.0.2.1/24 dev port &&
mkdir -p /run/redis/sonic-db && cp {databases} /run/redis/sonic-db/database_config.json &&
{{ setpriv --pdeathsig KILL redis-server --port 0 --unixsocket /run/redis/redis.sock --save '' \\
    --notify-keyspace-events AKE >/dev/null & }} &&
until redis-cli -s /run/redis/redis.sock -n 2 hset CRM:STATS crm_stats_ipv4_route_used 5 \\
    crm_stats_ipv4_route_available 95 >/dev/null; do sleep 0.1; done &&
exec {start}
"""


class Container:
    """What the container would be, without one: namespaces, and `start` with the real programs."""

    def __init__(self, directory: Path) -> None:
        etc = directory / "etc"
        (etc / "peers.d").mkdir(parents=True)
        local = (ROOT / "bird" / "local.conf").read_text()
        (etc / "local.conf").write_text(
            local.replace("define KERNEL_METRIC = 512;", f"define KERNEL_METRIC = {METRIC:#x};")
        )
        (etc / "peers.d" / "transit.conf").write_text(_PEER.format())
        (etc / "arm.toml").write_text(_ARM.format(state=directory / "state"))
        self.log = directory / "log"
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "ARM_ETC": str(etc),
            "ARM_RUN": str(directory / "run"),
            "ARM_STATE": str(directory / "state"),
            "ARM_BIRD": str(ROOT / "bird" / "bird.conf"),
        }
        words = [
            "env",
            "--default-signal=HUP",  # who runs the tests by nohup has it ignored, which no shell can change
            "unshare",
            "--net",
            "--mount",
            "sh",
            "-c",
            _INSIDE.format(start=SONIC / "start", databases=DATABASES),
        ]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, env=environment, stderr=log, stdout=log)

    def inside(self, *words: str) -> str:
        done = subprocess.run(
            ["nsenter", "--net", "--mount", "--target", str(self.process.pid), *words],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def programs(self) -> dict[str, int]:
        """The program under each keeper, by its name."""
        found = {}
        for keeper in self._children(self.process.pid):
            for child in self._children(keeper):
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                for name in ("bird", "arm"):
                    if any(Path(word.decode()).name == name for word in words[:2]):
                        found[name] = child
        return found

    @staticmethod
    def _children(pid: int) -> list[int]:
        try:
            return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def until(self, condition: Callable[[], object], what: str) -> None:
        for _ in range(600):
            if condition():
                return
            time.sleep(0.1)
        pytest.fail(f"{what}: not within a minute\n{self.log.read_text()}")


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_bird_and_arm_run_are_run_again_and_leave_the_routes(tmp_path: Path) -> None:
    assert shutil.which("bird", path=f"{os.environ['PATH']}:/usr/sbin"), "run tests/run, which installs it"
    if shutil.which("redis-server") is None:
        pytest.skip("no redis: install redis-server (tests/run does)")
    container = Container(tmp_path)
    try:

        def default() -> str:
            return container.inside("ip", "route", "show", "proto", "bird")

        def page() -> bool:
            text = container.inside("curl", "-s", "http://127.0.0.1:8008/api/v1/status")
            if '"hardware":{"platform":"sonic","used":5,"available":95,' not in text:
                return False
            status = json.loads(text)
            assert status["families"][0]["capacity"] == 95
            assert status["families"][1]["hardware"]["available"] is None
            assert status["families"][1]["capacity"] == 20_000
            (found,) = (each for each in status["concerns"] if each["name"] == "beyond-hardware")
            text = "20000 IPv4 entries are configured, the hardware has room for 95"
            return bool(found["text"].startswith(text))

        container.until(lambda: f"metric {METRIC}" in default(), "BIRD's default in the kernel")
        container.until(page, "ARM's page")
        container.until(lambda: "] running" in container.log.read_text(), "ARM runs")
        container.process.send_signal(signal.SIGHUP)
        container.until(lambda: "nothing changed" in container.log.read_text(), "ARM has read its file again")

        def again(name: str) -> bool:
            return container.programs().get(name, before[name]) != before[name]

        before = container.programs()
        assert before.keys() == {"bird", "arm"}
        for name, pid in before.items():
            os.kill(pid, signal.SIGKILL)
            container.until(partial(again, name), f"{name} again")
            assert f"metric {METRIC}" in default()
        after = container.programs()
        assert b"-R" in Path(f"/proc/{after['bird']}/cmdline").read_bytes(), "it knows its routes again"
        container.until(page, "ARM's page again")
        container.process.terminate()
        # The namespaces are this process's only: look while it ends.
        seen = {default()}
        while container.process.poll() is None:
            seen.add(default())
        assert container.process.returncode == 0
        assert all(f"metric {METRIC}" in each for each in seen if each)
        text = container.log.read_text()
        assert text.index("ARM is stopped") < text.index("BIRD is stopped")
    finally:
        container.process.terminate()
        container.process.wait(30)


def test_without_a_configuration_it_waits_and_says_so(tmp_path: Path) -> None:
    with subprocess.Popen(
        [SONIC / "start"], env={**os.environ, "ARM_ETC": str(tmp_path)}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "waiting for" in process.stderr.readline()
        process.terminate()
        assert process.wait(10) == 0
