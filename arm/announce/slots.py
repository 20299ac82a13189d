"""The slots of the hardware's tables, as both families' entries take them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from arm.model import Family, Pool, Prefix
from arm.rib.prefixmap import key

Cost = tuple[int, ...]  # slots by pool


class Slots:
    """Who holds what."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._held: set[Prefix] = set()
        self.resize(pools)

    def resize(self, pools: Sequence[Pool]) -> None:
        """The limits have changed; what is held stays held, even where that is too much now."""
        self.pools = pools
        self._costs: dict[Family, list[Cost]] = {
            family: [tuple(pool.cost(family, length) for pool in pools) for length in range(family.bits + 1)]
            for family in Family
        }
        self._taken = self.cost(self._held)

    def hold(self, prefix: Prefix, holds: bool) -> None:
        """The hardware may hold an entry of this prefix, or surely does not."""
        if holds is (prefix in self._held):
            return
        sign = 1 if holds else -1
        for pool, cost in enumerate(self._cost(prefix)):
            self._taken[pool] += sign * cost
        (self._held.add if holds else self._held.discard)(prefix)

    def holds(self, prefix: Prefix) -> bool:
        return prefix in self._held

    def free(self) -> list[int]:
        """Free slots by pool; negative where a limit was lowered."""
        return [pool.slots - taken for pool, taken in zip(self.pools, self._taken, strict=True)]

    def take(self, free: list[int], prefix: Prefix) -> bool:
        """Take what an entry needs out of `free`, if it is there."""
        cost = self._cost(prefix)
        if any(need > left for need, left in zip(cost, free, strict=True) if need):
            return False
        for pool, need in enumerate(cost):
            free[pool] -= need
        return True

    def cost(self, prefixes: Iterable[Prefix]) -> list[int]:
        """What entries take altogether."""
        total = [0] * len(self.pools)
        for prefix in prefixes:
            for pool, cost in enumerate(self._cost(prefix)):
                total[pool] += cost
        return total

    def _cost(self, prefix: Prefix) -> Cost:
        return self._costs[Family.of(prefix)][key(prefix)[1]]
