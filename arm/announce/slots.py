"""The slots of the hardware's tables, as both families' entries take them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from arm.model import Family, Pool, Prefix
from arm.rib.prefixmap import key

Cost = tuple[int, ...]  # slots by pool


class Tally:
    """One family's entries, counted by length: so many take what one of that length takes."""

    def __init__(self, family: Family, prefixes: Iterable[Prefix] = ()) -> None:
        self.family = family
        self.many = [0] * (family.bits + 1)
        # Tens of thousands of prefixes, but few ways in which they end: "/24", "6/8", "128".
        for end, many in Counter([prefix[-3:] for prefix in prefixes]).items():
            self.many[int(end.rpartition("/")[2])] += many

    def count(self, prefix: Prefix, many: int) -> None:
        """So many more."""
        self.many[key(prefix)[1]] += many


class Slots:
    """Who holds what."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._held: set[Prefix] = set()
        self._tallies = {family: Tally(family) for family in Family}  # of what is held
        self.resize(pools)

    def resize(self, pools: Sequence[Pool]) -> None:
        """The limits have changed; what is held stays held, even where that is too much now."""
        self.pools = pools
        self._costs: dict[Family, list[Cost]] = {
            family: [tuple(pool.cost(family, length) for pool in pools) for length in range(family.bits + 1)]
            for family in Family
        }
        self._taken = self.cost(self._tallies.values())

    def hold(self, prefix: Prefix, holds: bool) -> None:
        """The hardware may hold an entry of this prefix, or surely does not."""
        if holds is (prefix in self._held):
            return
        sign = 1 if holds else -1
        for pool, cost in enumerate(self._cost(prefix)):
            self._taken[pool] += sign * cost
        (self._held.add if holds else self._held.discard)(prefix)
        self._tallies[Family.of(prefix)].count(prefix, sign)

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

    def cost(self, tallies: Iterable[Tally]) -> list[int]:
        """What entries take altogether, by pool."""
        total = [0] * len(self.pools)
        for tally in tallies:
            for costs, many in zip(self._costs[tally.family], tally.many, strict=True):
                if many:
                    for pool, cost in enumerate(costs):
                        total[pool] += cost * many
        return total

    def _cost(self, prefix: Prefix) -> Cost:
        return self._costs[Family.of(prefix)][key(prefix)[1]]
