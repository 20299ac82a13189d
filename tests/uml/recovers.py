"""The hardware refuses the first guards, then takes all that comes: what they guard would be misforwarded.

Runs in the user-mode kernel (test_hardware.py).
"""

from __future__ import annotations

from pathlib import Path

from arm.model import Family
from tests.uml.full import refused, until
from tests.uml.netdevsim import Full, Netdevsim
from tests.uml.world import World, wide

BLOCKS, CAPACITY = 20, 40


def test_what_a_refused_guard_was_there_for_is_taken_back(tmp_path: Path) -> None:
    device = Netdevsim()
    with Full(device, 0) as hardware, World(tmp_path, BLOCKS, CAPACITY) as world:
        until(world.running, 60, "ARM runs")
        until(lambda: len(refused()) > 0, 60, "refused")
        print(f"{len(refused())} entries were refused")
        hardware.room = 1000
        until(lambda: len(hardware.held) >= 1.8 * CAPACITY, 120, "everything is in")
        wrong = world.misforwarded(hardware.history)
    device.close()
    print("misforwarded:", [(prefix, round(seconds, 2)) for prefix, seconds in wrong])
    assert {wide(Family.IPV4, 0), wide(Family.IPV6, 0)} <= {
        prefix for _, prefix, way in hardware.history if way
    }
    assert all(seconds < 3.0 for _, seconds in wrong)
