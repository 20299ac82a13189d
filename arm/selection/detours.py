"""Ways from one table to another where there is no room to go straight. Pure.

Withdrawing from the top down leaves each address with the entry that decided or, as nothing is left above,
with the default: that is always safe. A region takes a detour of its own so: it and all that is installed
above it are withdrawn and set anew, longest first; for that moment its traffic takes the default.

Under a fixed entry that is not the default's, there would be neither left for that moment. What is tied to
such an entry must go straight, and others make the room: entries that do not change, and are not tied
themselves, are withdrawn for as long as it takes, the least important first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from arm.model import Prefix
from arm.rib.prefixmap import PrefixMap, key
from arm.selection.regions import Change, Free, Region, Value, ground, together


@dataclass(frozen=True, slots=True)
class Step(Generic[Value]):
    """One change. It may be made once all earlier steps on the prefixes of `after` have taken effect. These
    are the nearest on its chain only, as they wait for theirs in turn; and those that it made room for."""

    prefix: Prefix
    value: Value | None  # None: withdraw
    after: frozenset[Prefix]


class Detours(Generic[Value]):
    """All detours of one plan, whose `steps` are made one after the other."""

    def __init__(
        self,
        old: PrefixMap[Value],
        new: Mapping[Prefix, Value],
        changed: Sequence[Change[Value]],
        fixed: PrefixMap[int],
        steps: list[Step[Value]],
    ) -> None:
        self._old = old
        self._new = new
        self._changed = changed
        self._fixed = fixed
        self._steps = steps
        self._looked_at = 0  # steps that `_made` knows
        self._made: PrefixMap[Value | None] = PrefixMap(old.family)

    def trees(self, stuck: Iterable[Region[Value]]) -> list[Region[Value]]:
        """Regions under one topmost entry take their detour together: it should come and go only once."""
        trees: dict[Prefix, list[Region[Value]]] = {}
        for region in stuck:
            first = region.changes[0].prefix
            top = min((first, *self._above(first)), key=lambda prefix: key(prefix)[1])
            trees.setdefault(top, []).append(region)
        return [together(tree) for tree in trees.values()]

    def own(self, region: Region[Value]) -> None:
        """Withdraw the region and all above it, then set it anew. Each step waits for every earlier one that
        shares addresses with it: detours are rare, and need not be quick."""
        back: dict[Prefix, Value] = {}
        for change in region.changes:
            if change.above is None:
                back.update(self._above(change.prefix))
        gone = {*back, *(change.prefix for change in region.changes if change.installed)}
        for change in region.changes:
            if change.value is None:
                back.pop(change.prefix, None)
            else:
                back[change.prefix] = change.value
        for prefix in _downwards(gone):
            self._make(prefix, None)
        for prefix in reversed(_downwards(back)):
            self._make(prefix, back[prefix])

    def others(
        self, stuck: Iterable[Region[Value]], free: Free, straight: Callable[[Region[Value]], None]
    ) -> list[Region[Value]]:
        """Go straight with the room of entries elsewhere; returns the regions for which there are too few."""
        away: dict[Prefix, None] = {}
        waits: set[Prefix] = set()
        left = []
        for region in sorted(stuck, key=Region.turn):
            chosen = self._room_for(region, free, away) if free.has_in_the_end(region) else None
            if chosen is None:
                left.append(region)
                continue
            for prefix in _downwards(chosen):
                self._make(prefix, None)
                free.lend(prefix)
                away[prefix] = None
            straight(region)
            free.done(region)
            waits.update(change.prefix for change in region.changes)
        for prefix in reversed(_downwards(away)):
            self._make(prefix, self._new[prefix], waits)
        free.give_back()
        return left

    def _room_for(
        self, region: Region[Value], free: Free, away: Mapping[Prefix, None]
    ) -> Sequence[Prefix] | None:
        """Unchanged entries that take, together, what is missing; with all that is above each."""
        missing = free.missing(region)
        chosen: dict[Prefix, None] = {}
        if not any(missing):
            return []
        changed = PrefixMap(self._old.family, {change.prefix: None for change in self._changed})
        for prefix in reversed(list(self._new)):
            if prefix in away or prefix in chosen or prefix in changed or not free.helps(missing, prefix):
                continue
            floor, exposed = ground(prefix, self._fixed)
            if exposed or any(True for _ in changed.covering(prefix, floor)):
                continue
            chain = [prefix, *(cover for cover, _ in self._old.covering(prefix, floor))]
            for each in reversed(chain):
                if each not in away and each not in chosen:
                    chosen[each] = None
                    missing = free.without(missing, each)
                if not any(missing):
                    return list(chosen)
        return None

    def _above(self, prefix: Prefix) -> dict[Prefix, Value]:
        """What is installed now and would show if the prefix was withdrawn."""
        self._look()
        floor, _ = ground(prefix, self._fixed)
        found: dict[Prefix, Value | None] = dict(self._old.covering(prefix, floor))
        found.update(self._made.covering(prefix, floor))
        return {cover: value for cover, value in found.items() if value is not None}

    def _make(self, prefix: Prefix, value: Value | None, waits: Iterable[Prefix] = ()) -> None:
        self._look()
        self._steps.append(Step(prefix, value, frozenset((*self._made.related(prefix), *waits))))

    def _look(self) -> None:
        """Take note of the steps so far."""
        for step in self._steps[self._looked_at :]:
            self._made[step.prefix] = step.value
        self._looked_at = len(self._steps)


def _downwards(prefixes: Iterable[Prefix]) -> list[Prefix]:
    """Shortest first."""
    return sorted(prefixes, key=lambda prefix: key(prefix)[::-1])
