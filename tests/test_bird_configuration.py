"""BIRD itself reads the configuration that we ship."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

BIRD = Path(__file__).parent.parent / "bird"

NEIGHBOURS = """
protocol bgp transit1_4 from neighbour4 { neighbor 10.0.1.2 as 64501; bfd; }
protocol bgp transit1_6 from neighbour6 { neighbor 2001:db8:1::2 as 64501; bfd; }
protocol static transit1_hop4 { ipv4 { table hops4; }; route 10.0.1.2/32 via 10.0.1.2 bfd; }
protocol static transit1_hop6 { ipv6 { table hops6; }; route 2001:db8:1::2/128 via 2001:db8:1::2 bfd; }
filter from_exchange { without_arm_mark(); bgp_local_pref = 200; accept; }
protocol bgp exchange_4 from neighbour4 {
  neighbor 10.0.3.2 as 64503;
  ipv4 { table full4; import filter from_exchange; export filter to_neighbour; };
}
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    assert shutil.which("bird"), "BIRD is missing: run tests/run, which installs it"
    return Path(shutil.copytree(BIRD, tmp_path / "bird"))


def parse(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bird", "-p", "-c", str(folder / "bird.conf")], capture_output=True, text=True, check=False
    )


def test_as_shipped(configuration: Path) -> None:
    assert parse(configuration).returncode == 0, parse(configuration).stderr


def test_with_neighbours(configuration: Path) -> None:
    (configuration / "peers.d" / "all.conf").write_text(NEIGHBOURS)
    assert parse(configuration).returncode == 0, parse(configuration).stderr


def test_the_examples_of_its_documentation(configuration: Path) -> None:
    text = (configuration / "peers.d" / "README.md").read_text()
    blocks = text.split("```")[1::2]
    assert len(blocks) == 3
    for number, block in enumerate(blocks):
        (configuration / "peers.d" / "example.conf").write_text(block)
        done = parse(configuration)
        assert done.returncode == 0, f"block {number}: {done.stderr}"


def test_a_fault_is_found(configuration: Path) -> None:
    (configuration / "peers.d" / "broken.conf").write_text("protocol bgp x from nowhere { }\n")
    assert parse(configuration).returncode != 0
