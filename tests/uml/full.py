"""ARM believes in twice the entries that the hardware has room for, and hears of it by `rt_offload_failed`.

Runs in the user-mode kernel (test_hardware.py); the tests go one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from arm.fib.netlink import dump
from arm.model import Family
from tests.uml.netdevsim import Full, Netdevsim
from tests.uml.world import World

BLOCKS, CAPACITY, ROOM = 20, 40, 40  # the capacity is each family's, the room both families' together


class Switch(NamedTuple):
    world: World
    hardware: Full


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    device = Netdevsim()
    with (
        Full(device, ROOM) as hardware,
        World(tmp_path_factory.mktemp("world"), BLOCKS, CAPACITY) as world,
    ):
        yield Switch(world, hardware)
    device.close()


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    print(f"{what}: after {time.monotonic() - began:.1f} s")


def refused() -> list[str]:
    """Entries in the kernel that the hardware has refused."""
    return [each for f in Family for each, route in dump(f, 254)[0].bird.items() if route.offload_failed]


def settled(switch: Switch) -> bool:
    """Is all that ARM wants in the hardware?"""
    families = [switch.world.family(family) for family in Family]
    return all(
        each["state"] == "active" and each["wanted"] == each["installed"] for each in families
    ) and sum(each["wanted"] for each in families) == len(switch.hardware.held)


def test_full_hardware_freezes_the_choice(switch: Switch) -> None:
    until(switch.world.running, 60, "ARM runs")
    until(lambda: "hardware-full" in switch.world.concerns(), 60, "hardware-full")
    until(lambda: not refused(), 10, "what was refused is taken back")


def test_it_makes_do_with_what_the_hardware_takes(switch: Switch) -> None:
    until(lambda: settled(switch), 180, "settled")  # either family may have held back for 15 + 30 + 60 s
    print(f"the hardware holds {len(switch.hardware.held)} entries of {ROOM}")
    assert len(switch.hardware.held) <= ROOM
    assert refused() == []
    assert all(switch.world.family(family)["installed"] > 0 for family in Family)


def test_it_heals_when_there_is_room(switch: Switch) -> None:
    switch.hardware.room = 1000
    until(lambda: settled(switch) and len(switch.hardware.held) >= 1.8 * CAPACITY, 150, "everything is in")
    assert switch.world.concerns() == set()


def test_what_is_wrong_is_soon_put_right(switch: Switch) -> None:
    """The hardware may refuse a guard after the kernel had it, and take what it guards."""
    wrong = switch.world.misforwarded(switch.hardware.history)
    print(f"{len(switch.hardware.history)} changes; misforwarded:", [(p, round(s, 2)) for p, s in wrong])
    assert all(seconds < 3.0 for _, seconds in wrong)
