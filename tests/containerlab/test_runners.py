"""containerlab and the namespace runner make the same lab of arm.clab.yml: as it is read, and as it runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lab.files import write
from lab.lab import Lab
from lab.options import LabOptions
from lab.plan import GENERATED, TOPOLOGY
from lab.programs import AS_SET_SETTINGS, IMAGES
from lab.topology import load
from tests.containerlab.reading import read
from tests.containerlab.running import differences

VARIABLES = {"ARM_LAB_WORK": "/generated", "ARM_LAB_SAMPLING": "16"}


@pytest.mark.parametrize("variables", [{}, VARIABLES], ids=["defaults", "given"])
def test_both_read_the_same(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    ours, theirs = load(TOPOLOGY, variables), read(variables)
    assert ours.nodes.keys() == theirs.keys()
    for name, node in theirs.items():
        mine = ours.nodes[name]
        ends = {end.interface for link in ours.links for end in link if end.node == name}
        assert ends == node.interfaces
        assert {(str(b.source), b.target, "ro" if b.read_only else "rw") for b in mine.binds} == node.binds
        assert mine.exec == node.exec
        assert (mine.env, mine.sysctls, mine.image) == (node.env, node.sysctls, node.image)


def test_nothing_in_it_is_read_differently_elsewhere() -> None:
    """containerlab drops repeated commands, and its splitter and a shell's disagree about backslashes."""
    for node in load(TOPOLOGY).nodes.values():
        assert len(set(node.exec)) == len(node.exec)
    assert "\\" not in TOPOLOGY.read_text()


def test_every_image_has_its_target_and_its_start() -> None:
    folder = TOPOLOGY.parent
    dockerfile = (folder / "Dockerfile").read_text()
    build = (folder / "build.sh").read_text()
    for image in IMAGES:
        target = image.removeprefix("arm-lab/")
        assert f" AS {target}\n" in dockerfile
        assert f'CMD ["/opt/lab/lab/containerlab/{target}/start"]' in dockerfile
        assert (folder / target / "start").stat().st_mode & 0o111
        assert target in build.partition("for target in ")[2].partition(";")[0].split()


def test_exabgp_is_started_alike() -> None:
    """Beside transit1's BIRD: the settings of the image's script are those of lab/programs.py."""
    script = (TOPOLOGY.parent / "neighbour" / "start").read_text()
    assert dict(re.findall(r"\b(exabgp_\w+)=(\S+)", script)) == AS_SET_SETTINGS
    assert f"exabgp server {GENERATED}/exabgp.conf" in script


def test_every_file_bound_in_exists(tmp_path: Path) -> None:
    options = LabOptions(routes=600, routes6=600, active=20, active6=20)
    write(tmp_path, options)
    for node in load(TOPOLOGY, {"ARM_LAB_WORK": str(tmp_path)}).nodes.values():
        assert node.binds
        for bind in node.binds:
            assert bind.source.exists()
            assert bind.read_only
    assert len(json.loads((tmp_path / "source2" / "active.json").read_text())) == 40


def test_namespaces_are_what_the_file_says(lab: Lab) -> None:
    def execute(node: str, words: list[str]) -> str:
        return lab.nodes[node].check(words)

    assert differences(read({"ARM_LAB_WORK": str(lab.workdir)}), execute) == []


def test_a_difference_would_be_seen(lab: Lab) -> None:
    """The same comparison, where an address is gone, a setting is another, and a bind can be written."""
    switch = lab.nodes["switch"]
    switch.check(["sysctl", "-qw", "net.ipv4.conf.all.send_redirects=1"])
    switch.check(["ip", "address", "del", "192.0.2.1/32", "dev", "lo"])
    switch.check(["mount", "-o", "remount,bind,rw", "/etc/bird/local.conf"])
    try:
        found = differences(read({}), lambda node, words: lab.nodes[node].check(words))
    finally:
        switch.check(["sysctl", "-qw", "net.ipv4.conf.all.send_redirects=0"])
        switch.check(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"])
        switch.check(["mount", "-o", "remount,bind,ro", "/etc/bird/local.conf"])
    assert found == [
        "switch: /etc/bird/local.conf is not bound read-only",
        "switch: net.ipv4.conf.all.send_redirects is 1, not 0",
        "switch: lo has no 192.0.2.1/32",
    ]
