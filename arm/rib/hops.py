"""Next hops as numbers: equal number, equal forwarding decision. Pure.

A next hop is the set of gateways that packets really go to, so ECMP groups compare as sets, and a route's
next hop compares with what the kernel shows. Raw numbers never change; what they mean does, with the default
route and with what is connected: `meaning` translates.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np

from arm.rib.hoptable import DEFAULT, MIXED, Hops

RAW_DEFAULT, RAW_MIXED, RAW_LOCAL = 0, 1, 2  # LOCAL: connected, or thrown away on purpose

Gateways = tuple[str, ...]  # addresses, sorted


class NextHops:
    """One family's numbering. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers: dict[Gateways, int] = {}
        self._gateways: list[Gateways] = [(), (), ()]

    def __len__(self) -> int:
        return len(self._gateways)

    def number(self, gateways: Gateways) -> int:
        """The raw number; no gateway at all is LOCAL."""
        if not gateways:
            return RAW_LOCAL
        number = self._numbers.get(gateways)
        return number if number is not None else self._new(gateways)

    def _new(self, gateways: Gateways) -> int:
        with self._lock:
            number = self._numbers.get(gateways)
            if number is None:
                number = len(self._gateways)
                self._gateways.append(gateways)  # first: who finds the number may ask what it stands for
                self._numbers[gateways] = number
        return number

    def gateways(self, number: int) -> Gateways:
        """What a number stands for, raw or translated."""
        return self._gateways[number]

    def meaning(self, default: Gateways, reachable: Callable[[str], bool]) -> Hops:
        """By raw number, the number to compare: DEFAULT for what goes where the default goes.

        BIRD resolves a next hop that is not `reachable` through the default route, so that is where it goes.
        """
        found = np.arange(len(self._gateways), dtype=np.int32)
        found[RAW_DEFAULT], found[RAW_MIXED] = DEFAULT, MIXED
        for number in range(RAW_LOCAL + 1, len(found)):
            gateways = self._gateways[number]
            if gateways == default or not all(map(reachable, gateways)):
                found[number] = DEFAULT
        return found
