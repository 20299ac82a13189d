"""ARM believes in more entries than the hardware has room for, and the kernel does not even take them.

Runs in the user-mode kernel (test_hardware.py); the tests go one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from arm.model import Family
from tests.uml.full import Switch, until
from tests.uml.netdevsim import Full, Netdevsim
from tests.uml.world import World

BLOCKS, CAPACITY, ROOM = 20, 40, 36  # in each family; the room is connected routes' and the default's too


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    device = Netdevsim()
    device.limit(ROOM)
    with (
        Full(device, 1000) as hardware,
        World(tmp_path_factory.mktemp("world"), BLOCKS, CAPACITY) as world,
    ):
        yield Switch(world, hardware)
    device.close()


def test_what_fits_is_in_and_the_rest_is_taken_back(switch: Switch) -> None:
    until(switch.world.running, 60, "ARM runs")

    def calm() -> bool:
        families = [switch.world.family(family) for family in Family]
        return all(each["wanted"] > each["announced"] == each["installed"] > ROOM / 2 for each in families)

    until(calm, 60, "calm")


def test_an_operator_sees_it(switch: Switch) -> None:
    """While it is tried again, and refused again: after 5 s, 10 s and 20 s."""
    seen: set[str] = set()
    for _ in range(40):
        seen |= switch.world.concerns()
        time.sleep(1)
    assert seen


def test_nothing_is_misforwarded(switch: Switch) -> None:
    """What a guard is there for waits for the kernel to have the guard."""
    assert len(switch.hardware.history) > ROOM
    assert switch.world.misforwarded(switch.hardware.history) == []
