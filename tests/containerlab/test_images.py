"""The images of lab/containerlab, built and run where there is an engine: containers pass check.sh too.

Minutes, most of them for Debian's and Python's packages; skipped where no engine has the base image and can
run it (`docker pull debian:bookworm-slim`).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.plan import SOURCES, SWITCH
from tests.containerlab.engine import FOLDER, PREFIX, Engine, deployed, find
from tests.containerlab.reading import read
from tests.containerlab.running import differences

pytestmark = pytest.mark.timeout(1200)

SIZES = [
    *("--routes", "3000", "--routes6", "1000", "--active", "600", "--active6", "200"),
    *("--capacity", "200", "--capacity6", "80", "--pps", "4000"),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Engine, Path]:
    """The engine that has them, and the folder with what the nodes start from."""
    engine, why = find()
    if engine is None:
        pytest.skip(why)
    work = tmp_path_factory.mktemp("work")
    engine.build(work, SIZES)
    return engine, work


@pytest.fixture(scope="module")
def pids(images: tuple[Engine, Path]) -> Iterator[Mapping[str, int]]:
    with deployed(*images) as pids:
        yield pids


def test_the_lab_in_containers_passes_its_check(images: tuple[Engine, Path], pids: Mapping[str, int]) -> None:
    engine = images[0]
    environment = {**os.environ, "ARM_LAB_EXEC": f"{engine.name} exec -i {PREFIX}NODE"}
    done = subprocess.run(
        [FOLDER / "check.sh"], capture_output=True, text=True, env=environment, timeout=240, check=False
    )
    logs = "".join(engine.run("logs", "--tail", "30", PREFIX + name) for name in pids)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs}"


def test_containers_are_what_the_file_says(images: tuple[Engine, Path], pids: Mapping[str, int]) -> None:
    engine, work = images
    assert pids.keys() == read({}).keys()

    def execute(node: str, words: list[str]) -> str:
        return engine.run("exec", PREFIX + node, *words)

    assert differences(read({"ARM_LAB_WORK": str(work)}), execute) == []


def test_a_source_has_no_compiler_and_a_neighbour_no_traffic(images: tuple[Engine, Path]) -> None:
    """Each image has what its nodes run, and not what only building it needs."""
    engine = images[0]
    for target, absent in {SWITCH: "gcc", "neighbour": "ovs-vsctl", "source": "bird"}.items():
        found = engine.run(
            "run", "--rm", "--network=none", f"arm-lab/{target}", "sh", "-c", f"command -v {absent} || :"
        )
        assert found == ""


def test_when_a_program_ends_its_container_does(images: tuple[Engine, Path], pids: Mapping[str, int]) -> None:
    """A node that is half alive would only confuse; runs last, as the lab is broken by it."""
    engine = images[0]
    engine.run("exec", PREFIX + SWITCH, "pkill", "bird")
    engine.run("wait", PREFIX + SWITCH)
    running = engine.run("ps", "--format", "{{.Names}}").split()
    assert PREFIX + SWITCH not in running
    assert PREFIX + SOURCES[0] in running
