"""ARM asks devlink how much room there is, believes that, and is not refused anything.

Runs in the user-mode kernel (test_hardware.py); the tests go one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from arm.fib.devlink import Devlink
from arm.fib.platforms import platform
from arm.model import Family
from tests.uml.full import Switch, until
from tests.uml.netdevsim import Full, Netdevsim
from tests.uml.world import World

BLOCKS, CAPACITY, ROOM = 20, 40, 30  # in each family; the room is connected routes' and the default's too


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    device = Netdevsim()
    device.limit(ROOM)
    found = Devlink().read().usage
    for family in Family:
        assert (found[family].used, found[family].available) == (device.occupied(family), ROOM)
    assert isinstance(platform("auto"), Devlink)
    with (
        Full(device, 1000) as hardware,
        World(tmp_path_factory.mktemp("world"), BLOCKS, CAPACITY, "auto") as world,
    ):
        yield Switch(world, hardware)
    device.close()


def test_it_makes_do_with_what_there_is(switch: Switch) -> None:
    until(switch.world.running, 60, "ARM runs")

    def calm() -> bool:
        families = [switch.world.family(family) for family in Family]
        return all(
            each["wanted"] == each["announced"] == each["installed"] >= 0.7 * ROOM
            and each["capacity"] < CAPACITY
            for each in families
        )

    until(calm, 120, "calm")
    for family in Family:
        shown = switch.world.family(family)["hardware"]
        assert shown["platform"] == "devlink"
        assert shown["available"] is not None


def test_an_operator_sees_it(switch: Switch) -> None:
    until(lambda: "beyond-hardware" in switch.world.concerns(), 20, "beyond-hardware")
    found = [each for each in switch.world.status()["concerns"] if each["name"] == "beyond-hardware"]
    assert {each["family"] for each in found} == {family.label for family in Family}
    print([each["text"] for each in found])
    assert all(f"{CAPACITY} IPv" in each["text"] for each in found)


def test_nothing_is_misforwarded(switch: Switch) -> None:
    assert switch.world.misforwarded(switch.hardware.history) == []
