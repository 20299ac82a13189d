"""An operator at the switch, end to end: `arm pin` and its like, with real BIRD, ExaBGP and kernel tables.

What is installed is what `ip` shows. The lab is small: what matters here is who decides, not how much.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from arm.model import Family
from lab.lab import Lab
from lab.options import LabOptions, arm_configuration
from lab.plan import PAGE_PORT, SWITCH, TEST_BETTER, TEST_SPARE
from tests.netns.test_loop import until

pytestmark = pytest.mark.timeout(600)

families = pytest.mark.parametrize("family", Family, ids=lambda family: family.label)


class Operated:
    """A lab whose ARM takes orders."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.token = folder / "token"
        self.token.write_text("0123456789abcdef0123456789abcdef\n")
        self.token.chmod(0o600)
        self.conf = folder / "arm.toml"
        text = arm_configuration(lab.options)
        self.conf.write_text(text.replace("[web]\n", f'[web]\ntoken_file = "{self.token}"\n'))

    def arm(self, *words: str, code: int = 0) -> str:
        """An `arm` command on the switch; its output."""
        command = [sys.executable, "-m", "arm", *words, "--url", f"http://127.0.0.1:{PAGE_PORT}"]
        if words[0] not in ("plan", "status"):  # those ask only
            command += ["--token-file", str(self.token)]
        with self.lab.popen(SWITCH, command, stdout=PIPE, stderr=PIPE) as process:
            out, err = process.communicate(timeout=30)
        assert process.returncode == code, err
        return out

    def json(self, *words: str) -> Any:
        return json.loads(self.arm(*words, "--json"))

    def installed(self, family: Family) -> set[str]:
        return set(self.lab.kernel_routes(family)) - {family.default}

    def start(self) -> None:
        self.lab.start_arm(self.conf)
        until(lambda: all(each == "active" for each in self.states()), 240, "active")

    def states(self) -> list[str]:
        return [each["state"] for each in self.lab.api("/api/v1/status")["families"]]


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    folder = tmp_path_factory.mktemp("operator")
    options = LabOptions(
        routes=5_000,
        routes6=1_000,
        active=500,
        active6=100,
        capacity=200,
        capacity6=50,
        window=20.0,
        pps=5_000.0,
        strategy="safe",
        workdir=folder / "lab",
        start_arm=False,
    )
    with Lab(options) as lab:
        found = Operated(lab, folder)
        found.start()
        until(lambda: len(found.installed(Family.IPV4)) > 100, 30, "entries")
        yield found


@families
def test_what_is_pinned_is_in_the_kernel_without_traffic(operated: Operated, family: Family) -> None:
    spare = TEST_SPARE[family].prefix
    assert spare not in operated.installed(family)
    out = operated.arm("pin", spare, "--reason", "a test")
    assert out.startswith(f"{spare}: pin, until it is taken back")
    took = until(lambda: spare in operated.installed(family), 10, "pinned")
    print(f"{family.title}: in the kernel {took:.2f} s after `arm pin`")
    assert took <= 4.0
    told = [event["text"] for event in operated.lab.api("/api/v1/log?kind=operator")["events"]]
    assert f"pin of {spare}, by 127.0.0.1: a test" in told

    def entry() -> dict[str, Any]:
        found: dict[str, Any] = operated.lab.api(f"/api/v1/entries?family={family.label}&q={spare}")
        return next(iter(found["entries"]), {})

    names = ("wanted", "announced", "in_kernel")
    until(lambda: all(entry().get(name) for name in names), 5, "the next picture")
    assert entry()["gateways"] == operated.lab.kernel_routes(family)[spare]


@families
def test_what_is_denied_is_not(operated: Operated, family: Family) -> None:
    rows = operated.lab.api(f"/api/v1/routes?family={family.label}&state=installed&kind=route")["routes"]
    heaviest = next(row["prefix"] for row in rows if row["wanted"])
    operated.arm("deny", heaviest)
    took = until(lambda: heaviest not in operated.installed(family), 10, "denied")
    print(f"{family.title}: out of the kernel {took:.2f} s after `arm deny`")
    assert took <= 4.0
    reasons = operated.lab.api(f"/api/v1/explain?address={heaviest}")["reasons"]
    assert "denied" in [reason["name"] for reason in reasons]
    operated.arm("undeny", heaviest)
    until(lambda: heaviest in operated.installed(family), 20, "back")


def test_orders_stay_over_a_restart_even_a_sudden_one(operated: Operated) -> None:
    spare = TEST_SPARE[Family.IPV4].prefix
    assert operated.lab.stop_arm(signal.SIGKILL) is not None
    assert spare in operated.installed(Family.IPV4), "BIRD keeps it"
    operated.start()
    assert spare in [rule["prefix"] for rule in operated.json("pin")["rules"]]
    assert spare in operated.installed(Family.IPV4)
    for family in Family:
        operated.arm("unpin", TEST_SPARE[family].prefix)
    until(lambda: spare not in operated.installed(Family.IPV4), 60, "unpinned, without traffic")


def test_the_plan_says_what_happens_then(operated: Operated) -> None:
    """While ARM only observes, the plan grows; when it acts again, that is what it does."""
    spare = TEST_BETTER[Family.IPV4]
    operated.lab.birdc("transit2", "enable test_better4")  # a route that does not go as the default does
    assert operated.json("mode", "observe", "--reason", "plan")["mode"] == "observe"
    until(lambda: operated.states() == ["observing"] * 2, 5, "observing")
    operated.lab.traffic.add(spare.address, 60.0)
    before = operated.installed(Family.IPV4)

    def planned() -> bool:
        changes = operated.json("plan", "--family", "ipv4", "--limit", "1000")["changes"]
        return any(each["prefix"] == spare.prefix and each["action"] == "add" for each in changes)

    until(planned, 30, "planned")
    print(operated.arm("plan", "--family", "ipv4", "--limit", "5"))
    families = operated.json("plan")["families"]
    assert [each["taken"] for each in families] == [False, False]
    assert "the mode is observe" in families[0]["why"]
    assert operated.installed(Family.IPV4) == before
    operated.arm("mode", "active")
    until(lambda: spare.prefix in operated.installed(Family.IPV4), 10, "done as planned")
    operated.lab.traffic.remove(spare.address)
    operated.lab.birdc("transit2", "disable test_better4")


def test_the_kill_switch_and_back(operated: Operated) -> None:
    operated.arm("mode", "withdraw", "--reason", "the drill")
    took = until(lambda: not any(operated.installed(family) for family in Family), 20, "withdrawn")
    print(f"everything withdrawn {took:.2f} s after `arm mode withdraw`")
    assert "mode withdraw (set at run time)" in operated.arm("status")
    operated.arm("mode", "active")
    until(lambda: len(operated.installed(Family.IPV4)) > 100, 30, "entries are back")
    assert operated.json("mode")["source"] == "file"


def test_a_reload_and_what_stays_on_top_of_it(operated: Operated) -> None:
    operated.arm("mode", "observe")
    operated.conf.write_text(operated.conf.read_text().replace("ipv4 = 200", "ipv4 = 150"))
    assert operated.json("reload")["lines"] == ["capacity.ipv4: 200 → 150"]
    until(lambda: operated.lab.api("/api/v1/status")["operated"]["mode"] == "observe", 5, "the next picture")
    time.sleep(2)
    assert operated.lab.api("/api/v1/status")["operated"]["mode"] == "observe", "whatever the file says"
    operated.conf.write_text("[reflector\n")
    assert operated.arm("reload", code=4) == ""
    operated.arm("mode", "active")
    until(lambda: len(operated.installed(Family.IPV4)) <= 150, 20, "within the new capacity")


def test_peers_are_those_of_bird(operated: Operated) -> None:
    peers = operated.lab.api("/api/v1/peers")
    shown = operated.lab.birdc(SWITCH, "show protocols")
    bgp = {line.split()[0] for line in shown.splitlines() if " BGP " in line}
    assert {each["name"] for each in peers["peers"]} == bgp
    assert {each["name"] for each in peers["peers"] if each["own"]} == {"arm_reflector", "arm_target"}
    assert all(each["established"] for each in peers["peers"])
    assert peers["version"] in operated.lab.birdc(SWITCH, "show status")


@families
def test_the_curve_and_the_map_of_real_traffic(operated: Operated, family: Family) -> None:
    curve = operated.lab.api(f"/api/v1/curve?family={family.label}", timeout=60)
    at = curve["entries"].index(curve["capacity"])
    shares = curve["strategies"]
    assert 0.3 < shares["safe"][at] <= shares["optimal"][at] + 0.01 <= curve["bound"][at] + 0.02
    whole = operated.lab.api(f"/api/v1/map?family={family.label}&order=4")
    assert sum(cell["bits_per_second"] for cell in whole["cells"]) > 0
    cell = max(whole["cells"], key=lambda each: each["bits_per_second"])
    inside = operated.lab.api(f"/api/v1/map?family={family.label}&order=4&prefix={cell['prefix']}")
    parts = sum(each["bits_per_second"] for each in inside["cells"])
    assert parts == pytest.approx(cell["bits_per_second"], rel=0.5), "a moment later"
