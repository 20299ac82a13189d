"""Everything that a choice was made from, in one file: to make it again where it can be looked into."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arm.model import Family, Pool
from arm.rib.fulltable import RouteIndex
from arm.rib.hoptable import HopTable
from arm.selection.demand import Demand

_TABLES = ("fixed", "pins", "incumbents")


def pack(demands: Mapping[Family, Demand], pools: Sequence[Pool]) -> bytes:
    """An .npz archive; `unpack` gives what `choose` takes."""
    columns: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]] = {}
    for family, demand in demands.items():
        tables = {"routes": demand.table.routes} | {name: getattr(demand, name) for name in _TABLES}
        for name, table in tables.items():
            for column in ("starts", "lengths", "hops"):
                columns[f"{family.label}.{name}.{column}"] = getattr(table, column)
        columns[f"{family.label}.keys"] = demand.keys
        columns[f"{family.label}.weights"] = demand.weights
        columns[f"{family.label}.worth"] = np.array([demand.minimum, demand.local], np.float64)
    for number, pool in enumerate(pools):
        columns[f"pool.{number}.slots"] = np.array([pool.slots])
        for family, costs in pool.costs.items():
            columns[f"pool.{number}.{family.label}"] = np.array(costs)
    archive = io.BytesIO()
    np.savez_compressed(archive, **columns)  # type: ignore[arg-type]
    return archive.getvalue()


def unpack(archive: bytes) -> tuple[dict[Family, Demand], list[Pool]]:
    """What was packed."""
    columns: Any = np.load(io.BytesIO(archive), allow_pickle=False)
    demands = {
        family: _demand(columns, family) for family in Family if f"{family.label}.keys" in columns.files
    }
    pools: list[Pool] = []
    while f"pool.{len(pools)}.slots" in columns.files:
        name = f"pool.{len(pools)}"
        costs = {
            family: tuple(columns[f"{name}.{family.label}"].tolist())
            for family in Family
            if f"{name}.{family.label}" in columns.files
        }
        pools.append(Pool(name, int(columns[f"{name}.slots"][0]), costs))
    return demands, pools


def _demand(columns: Any, family: Family) -> Demand:
    bits = min(family.bits, 64)

    def table(name: str) -> HopTable:
        starts, lengths, hops = (
            columns[f"{family.label}.{name}.{part}"] for part in ("starts", "lengths", "hops")
        )
        return HopTable(bits, starts, lengths, hops)

    index = RouteIndex(bits)
    index.load(table("routes"))
    minimum, local = columns[f"{family.label}.worth"].tolist()
    fixed, pins, incumbents = map(table, _TABLES)
    keys, weights = columns[f"{family.label}.keys"], columns[f"{family.label}.weights"]
    return Demand(index.snapshot(), keys, weights, fixed, pins, incumbents, minimum, int(local))
