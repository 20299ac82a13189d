"""What the operator's rules say of a table's routes, and of which something else once they change. Pure.

To ask about a million routes again takes seconds. So it is done in portions, what matters most first; until
all have been asked about, some of the table is as the rules were before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from arm.model import Family, Prefix, Route
from arm.rib.indexed import IndexedTable
from arm.rib.prefixmap import PrefixMap, key, text
from arm.selection.policy import Policy, Verdict

LOOKED, CHANGED = 4000, 1000  # routes to look at in one portion, and of these to find changed: 20 ms
PART = 500  # routes looked at together

NONE, PIN, DENY = Verdict  # a million routes are asked about: reading a member of an Enum is slow


class Verdicts:
    """On one table. `pins` are its routes that are pinned, as its index knows them."""

    def __init__(self, policy: Policy, time: float) -> None:
        self.pins: dict[Prefix, None] = {}
        self._denied: dict[Prefix, None] = {}
        self._policy = policy
        self._time = time  # Unix
        self._first: Iterator[Prefix] = iter(())  # to be asked about again
        self._rest: list[Prefix] = []  # likewise, with all that is inside of each

    def of(self, prefix: Prefix, route: Route | None) -> Verdict:
        """What the rules say now, and the index is about to know."""
        verdict = NONE
        if route is not None and not self._policy.empty:
            verdict = self._policy.judge(route, self._time)
        if verdict is not NONE or self.pins or self._denied:
            for known, kind in ((self.pins, PIN), (self._denied, DENY)):
                if verdict is kind:
                    known[prefix] = None
                else:
                    known.pop(prefix, None)
        return verdict

    def go_on(
        self, table: IndexedTable, policy: Policy, time: float, first: Callable[[], Iterable[Prefix]]
    ) -> None:
        """These are the rules from now on. If they say something else than before, all of the table has to be
        asked about again: what they or the last ones name, then `first`, then all else."""
        expiry = self._policy.next_expiry(self._time)
        if policy is not self._policy or (expiry is not None and expiry <= time):
            named = [prefix for prefix in policy.prefixes if Family.of(prefix) is table.family]
            named += [*self.pins, *self._denied]
            self._first, self._rest = iter(named), []
            if not policy.empty:
                self._first, self._rest = chain(named, first()), [table.family.default]
        self._policy, self._time = policy, time

    def changed(self, table: IndexedTable, fixed: PrefixMap[int]) -> list[Prefix]:
        """Of the next portion, the routes of which the index knows something else than the rules say. What is
        `fixed` there is none of the rules' business."""
        looked, found = 0, list[Prefix]()
        while looked < LOOKED and len(found) < CHANGED:
            routes = self._part(table)
            if routes is None:
                break
            looked += 1 + len(routes)
            found += [each.prefix for each in routes if self._differs(each) and each.prefix not in fixed]
        return found

    def _differs(self, route: Route) -> bool:
        verdict = NONE if self._policy.empty else self._policy.judge(route, self._time)
        return (verdict is PIN) is not (route.prefix in self.pins) or (verdict is DENY) is not (
            route.prefix in self._denied
        )

    def _part(self, table: IndexedTable) -> list[Route] | None:
        """Some routes that have not been asked about again, perhaps none; None: there are no more."""
        names = [*islice(self._first, PART)]
        if names:
            return [route for route in map(table.get, names) if route is not None]
        if not self._rest or not table.indexed:  # what arrives is asked about with all that is inside later
            return None
        prefix = self._rest.pop()
        start, length = key(prefix)
        if length >= table.index.bits or table.crowd(prefix) <= PART:
            return table.inside(prefix)
        half = 1 << (table.family.bits - length - 1)
        self._rest += [text(table.family, at, length + 1) for at in (start + half, start)]
        own = table.get(prefix)
        return [] if own is None else [own]
