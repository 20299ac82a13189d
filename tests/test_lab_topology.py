"""The lab's topology file: what containerlab would make of it, and what is refused."""

import json
import os
from pathlib import Path

import pytest
import yaml

from arm.model import Family
from lab.plan import NEIGHBOURS, SOURCES, SWITCH, TOPOLOGY, LabError
from lab.programs import IMAGES
from lab.topology import Bind, Endpoint, load, parse

FOLDER = Path("/folder")

LAYERED = """
name: t
topology:
  defaults: {kind: linux, exec: [from defaults], env: {A: 1, B: 1}, sysctls: {net.x: 1}}
  kinds:
    linux: {image: of-kind, exec: ["from 'the kind'"], env: {B: 2}, binds: ["one:/target", "two:/other"]}
  groups:
    g: {image: of-group, env: {C: 3}, binds: ["${WORK:-work}/__clabNodeName__:/target:ro"]}
  nodes:
    a: {group: g, exec: [from node], cmd: run it, sysctls: {net.x: 0}}
    b:
  links:
    - endpoints: ["a:eth1", "b:eth1"]
"""


def test_layers_merge_from_general_to_particular() -> None:
    topology = parse(LAYERED, FOLDER, {})
    a, b = topology.nodes["a"], topology.nodes["b"]
    assert (a.image, b.image) == ("of-group", "of-kind")
    assert a.exec == (("from", "defaults"), ("from", "the kind"), ("from", "node"))
    assert a.env == {"A": "1", "B": "2", "C": "3"}
    assert a.sysctls == {"net.x": "0"}
    assert a.cmd == ("run", "it")
    assert a.binds == (
        Bind(FOLDER / "work/a", "/target", read_only=True),
        Bind(FOLDER / "two", "/other", read_only=False),
    )
    assert topology.links == ((Endpoint("a", "eth1"), Endpoint("b", "eth1")),)


def test_variables_come_from_outside() -> None:
    topology = parse(LAYERED, FOLDER, {"WORK": "/elsewhere"})
    assert topology.nodes["a"].binds[0].source == Path("/elsewhere/a")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("name: t", "name: t\nmgmt: {network: x}"), "mgmt"),
        (("group: g,", "group: g, ports: ['80:80'],"), "ports"),
        (("  links:", "  settings: {}\n  links:"), "settings"),
        (("group: g,", "group: h,"), "'h'"),
        (("kind: linux", "kind: sonic-vs"), "sonic-vs"),
        (("cmd: run it", "network-mode: host"), "network-mode"),
        (("one:/target", "one"), "'one'"),
        (("one:/target", "one:/target:z"), "'one:/target:z'"),
        (("exec: [from node]", "exec: from node"), "exec of node a"),
        (('"b:eth1"', '"c:eth1"'), "'c'"),
        (('"b:eth1"', '"b:eth0"'), "b:eth0"),
        (('"b:eth1"', '"a:eth1"'), "a:eth1"),
        ((', "b:eth1"', ""), "endpoints"),
        (("- endpoints", "- mtu: 9000\n      endpoints"), "mtu"),
        (("name: t", ""), "name"),
        (("${WORK:-work}", "${WORK}"), "WORK"),
        (("name: t", "name: [t"), "YAML"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(change: tuple[str, str], named: str) -> None:
    assert change[0] in LAYERED
    with pytest.raises(LabError, match=named.replace("[", r"\[")):
        parse(LAYERED.replace(*change), FOLDER, {})


def test_the_labs_own_file() -> None:
    topology = load(TOPOLOGY, {"ARM_LAB_WORK": "/work-folder"})
    assert set(topology.nodes) == {SWITCH, *SOURCES, *(neighbour.name for neighbour in NEIGHBOURS)}
    assert {node.image for node in topology.nodes.values()} == set(IMAGES)
    for neighbour in NEIGHBOURS:
        node = topology.nodes[neighbour.name]
        commands = [" ".join(words) for words in node.exec]
        for family in Family:
            assert any(f"add {neighbour.address(family)}/" in command for command in commands)
        assert (Endpoint(SWITCH, f"eth{neighbour.link}"), Endpoint(neighbour.name, "eth1")) in topology.links
        assert Path("/work-folder") / neighbour.name in {bind.source for bind in node.binds}
    for node in topology.nodes.values():
        for bind in node.binds:
            assert bind.source.exists() or bind.source.is_relative_to("/work-folder")


@pytest.mark.skipif(
    "ARM_TEST_DATA" not in os.environ, reason="needs ARM_TEST_DATA with containerlab's schema"
)
def test_containerlab_would_accept_it() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((Path(os.environ["ARM_TEST_DATA"]) / "clab-0.79.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(yaml.safe_load(TOPOLOGY.read_text()))
