"""The choice of both families' entries, from their tables and traffic. Pure; may run in a thread.

Whatever comes out has been proven: a table that would misforward never leaves, the one before it stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from arm.family import FamilyLoop
from arm.model import Entry, Family, Kind, Pool, Prefix
from arm.rib.hoptable import DEFAULT, HopTable, Runs
from arm.rib.paint import flatten
from arm.rib.prefixmap import PrefixMap, text
from arm.rib.table import RouteTable
from arm.selection.check import Wrong, misforwarded
from arm.selection.choose import choose, kinds
from arm.selection.demand import Demand, carried
from arm.traffic.misses import Chosen
from arm.traffic.newcomers import Weighed, light


@dataclass(frozen=True, slots=True)
class Question:
    """One family's part. `current` are its entries now; if it `keeps_all`, all of them stay. If the table is
    `fresh`, the attributes of any may be others than when it was chosen."""

    loop: FamilyLoop
    table: RouteTable
    demand: Demand
    current: Sequence[Entry]
    standing: HopTable  # `current`, by numbers
    rows: Sequence[Entry]  # of `standing`
    keeps_all: bool
    fresh: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One family's entries, those that carry most first. `wrong`: what the table would have misforwarded;
    then it must not leave. `active` are the table's prefixes that carry traffic, with what they carry per
    second; `chosen` is the same choice, for whoever asks why traffic takes no entry, and `weighed` for
    whoever looks out for what it did not know."""

    entries: PrefixMap[Entry]
    wrong: Wrong
    crowded: bool
    active: Sequence[tuple[Prefix, float]]
    chosen: Chosen
    weighed: Weighed


class Chooser:
    """Remembers the prices of its last choice."""

    def __init__(self, strategy: str, pools: Sequence[Pool], discount: float, reserve: float) -> None:
        self._strategy = strategy
        self._pools = pools
        self._discount = discount
        self._reserve = reserve
        self._prices: Mapping[tuple[frozenset[Family], int], Sequence[float]] = {}  # of such questions

    def choose(
        self,
        questions: Mapping[Family, Question],
        taken: Sequence[int],
        ceilings: Mapping[Family, int | None],
    ) -> dict[Family, Answer]:
        """Answer. `taken`: slots of each pool that families which are not asked about hold; `ceilings`:
        entries that the hardware has room for, as it turned out."""
        kind = frozenset(questions), len(self._pools) + sum(each is not None for each in ceilings.values())
        demands = {family: question.demand for family, question in questions.items()}
        pools = [
            replace(pool, slots=max(0, pool.slots - slots))
            for pool, slots in zip(self._pools, taken, strict=True)
        ]
        pools += [
            Pool(f"{family.label} accepted", ceiling, {family: (1,) * (family.bits + 1)})
            for family, ceiling in ceilings.items()
            if ceiling is not None
        ]
        choice = choose(
            self._strategy,
            demands,
            pools,
            discount=self._discount,
            prices=self._prices.get(kind),
            reserve=self._reserve,
        )
        self._prices = {kind: choice.prices}
        tables = self._kept(questions, choice.tables, pools)
        return {
            family: self._answer(question, tables[family], family in choice.crowded)
            for family, question in questions.items()
        }

    def _kept(
        self, questions: Mapping[Family, Question], chosen: Mapping[Family, HopTable], pools: Sequence[Pool]
    ) -> Mapping[Family, HopTable]:
        """The same with all that must stay, and beside that no more than fits."""
        tables = {
            family: question.standing if question.keeps_all else chosen[family]
            for family, question in questions.items()
        }
        left = np.array([int(pool.slots * (1.0 - self._reserve)) for pool in pools], np.int64)
        for family, table in tables.items():
            left -= _slots(pools, family, table).sum(axis=1)
        for family, question in questions.items():
            if question.keeps_all:
                costs = _slots(pools, family, chosen[family])
                tables[family] = beside(question.standing, chosen[family], costs, left)
        return tables

    def _answer(self, question: Question, table: HopTable, crowded: bool) -> Answer:
        demand = question.demand
        wrong = Wrong(*(np.empty(0, np.uint64),) * 2)
        if self._strategy != "top":
            wrong = misforwarded(table, demand.table, demand.fixed)
        carries, decides, does = carried(demand), decided(table, demand), flatten(table)
        weighed = Weighed(
            demand.keys,
            demand.table.runs.hop(demand.keys),
            demand.weights,
            does,
            light(decides[table.hops != DEFAULT]),
        )
        active, chosen = _active(question.loop, demand, carries), _chosen(demand, does, carries)
        return Answer(self._entries(question, table, decides), wrong, crowded, active, chosen, weighed)

    def _entries(self, question: Question, table: HopTable, decides: NDArray[np.float64]) -> PrefixMap[Entry]:
        family = question.loop.family
        known = {entry.prefix: entry for entry in question.current}
        found: dict[Prefix, Entry] = {}
        reasons = kinds(self._strategy, table, question.demand.table)
        stays = self._stays(question, table, reasons)
        order = np.argsort(-decides, kind="stable")
        starts, lengths, hops = table.starts.tolist(), table.lengths.tolist(), table.hops.tolist()
        for row, stands in zip(order.tolist(), stays[order].tolist(), strict=True):
            if stands >= 0:
                found[question.rows[stands].prefix] = question.rows[stands]
                continue
            hop, kind = hops[row], Kind(reasons[row])
            prefix = text(family, starts[row] << (family.bits - table.bits), lengths[row])
            before = known.get(prefix)
            if self._strategy == "top":
                route = question.table.get(prefix)
                if route is None or question.loop.denies(route):
                    continue  # withdrawn since; or heavy, but not to be installed
                entry = Entry(prefix, route.next_hop, route.attributes)
            else:
                # Also if its route is another since the question: the table is safe as it was chosen, and
                # the repairs that follow rely on that.
                hop = hop if kind is not Kind.GUARD else DEFAULT
                entry = question.loop.entry(prefix, hop, question.table)
            found[prefix] = before if before == entry else entry
        return PrefixMap(family, found)

    def _stays(self, question: Question, table: HopTable, reasons: NDArray[np.intp]) -> NDArray[np.intp]:
        """Which of the question's rows each entry (n,) is, if it is the same; else -1. Most are, and what
        need not be made is not."""
        if question.fresh or self._strategy == "top":
            return np.full(len(table), -1, np.intp)
        standing = question.standing
        had = np.fromiter((entry.kind.value for entry in question.rows), np.intp, len(standing))
        rows = standing.find(table.starts, table.lengths)
        same = rows >= 0
        same[same] = (standing.hops[rows[same]] == table.hops[same]) & (had[rows[same]] == reasons[same])
        return np.where(same, rows, -1)


def decided(table: HopTable, demand: Demand) -> NDArray[np.float64]:
    """The traffic that each entry decides about; shape (entries,)."""
    numbers = np.arange(1, len(table) + 1, dtype=np.int32)  # in place of next hops
    decider = flatten(replace(table, hops=numbers)).hop(demand.keys)
    return np.bincount(decider, demand.weights, len(table) + 1)[1:].astype(np.float64)


def beside(old: HopTable, new: HopTable, costs: NDArray[np.int64], left: NDArray[np.int64]) -> HopTable:
    """All of `old`, and of `new` what shares no address with it, as far as there is room.

    `costs` (pools, entries of `new`) are the slots that each takes of each pool; `left` (pools,) are those
    left, of which what is added is taken.
    """
    if not len(new):
        return old
    tops = new.take(_outermost(new))
    first = np.searchsorted(old.starts, tops.starts, "left")
    inside = first < np.searchsorted(old.starts, tops.ends(), "right")
    reach = np.append(np.maximum.accumulate(old.ends()), np.uint64(0))
    covered = (first > 0) & (reach[first - 1] >= tops.starts)
    tree = np.searchsorted(tops.starts, new.starts, "right") - 1
    sizes = np.stack([np.bincount(tree, row, len(tops)) for row in costs]).astype(np.int64)
    added = np.zeros(len(tops), np.bool_)
    for top in np.flatnonzero(~(inside | covered)).tolist():
        if (sizes[:, top] <= left).all():  # an entry cannot come without those inside of it
            left -= sizes[:, top]
            added[top] = True
    rows = np.flatnonzero(added[tree])
    return HopTable.sort(
        old.bits,
        np.concatenate((old.starts, new.starts[rows])),
        np.concatenate((old.lengths, new.lengths[rows])),
        np.concatenate((old.hops, new.hops[rows])),
    )


def _slots(pools: Sequence[Pool], family: Family, table: HopTable) -> NDArray[np.int64]:
    """What each entry takes of each pool; shape (pools, entries)."""
    nothing = (0,) * (family.bits + 1)
    return np.array([pool.costs.get(family, nothing) for pool in pools], np.int64)[:, table.lengths]


def _outermost(table: HopTable) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which prefixes no other one of the table covers."""
    outer = np.ones(len(table), np.bool_)
    reach = np.maximum.accumulate(table.ends())
    outer[1:] = table.starts[1:] > reach[:-1]
    return outer


class Active(Sequence[tuple[Prefix, float]]):
    """Prefixes with what each carries per second. Of 50,000 that change every second few are ever looked at,
    so each is made for who does."""

    def __init__(self, family: Family, routes: HopTable, weights: NDArray[np.float64]) -> None:
        self._family, self._routes, self._weights = family, routes, weights

    def __len__(self) -> int:
        return len(self._weights)

    @overload
    def __getitem__(self, index: int) -> tuple[Prefix, float]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[Prefix, float]]: ...
    def __getitem__(self, index: int | slice) -> tuple[Prefix, float] | Sequence[tuple[Prefix, float]]:
        if isinstance(index, slice):
            return [self[row] for row in range(len(self))[index]]
        place = int(self._routes.starts[index]) << (self._family.bits - self._routes.bits)
        return text(self._family, place, int(self._routes.lengths[index])), float(self._weights[index])


def _active(loop: FamilyLoop, demand: Demand, carries: NDArray[np.float64]) -> Active:
    """Prefixes of the table with traffic, the heaviest first; `carries` what each route does."""
    weights = loop.meter.rate_of(carries)
    rows = np.flatnonzero(weights > 0.0)
    rows = rows[np.argsort(-weights[rows], kind="stable")]
    return Active(loop.family, demand.table.routes.take(rows), weights[rows])


def _chosen(demand: Demand, does: Runs, carries: NDArray[np.float64]) -> Chosen:
    """What was chosen, and which traffic could not be because its prefix carries too little."""
    poor = np.zeros(len(demand.keys), np.bool_)
    if demand.minimum > 0.0:
        owners = demand.table.owner(demand.keys)
        poor[owners >= 0] = carries[owners[owners >= 0]] < demand.minimum
    return Chosen(demand.keys, poor, does)
