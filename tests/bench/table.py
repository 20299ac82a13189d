"""A full table, 1.04 M IPv4 and 246 k IPv6 routes: a real one where ARM_TEST_DATA has it, else generated."""

from __future__ import annotations

import gzip
import os
import socket
from pathlib import Path

from arm.model import Attributes, Family, Prefix, Route
from arm.rib.indexed import IndexedTable

ROUTES = {Family.IPV4: 1_042_325, Family.IPV6: 246_175}
_SNAPSHOT = "ris-2026-05-11"


def prefixes() -> dict[Family, list[Prefix]]:
    """Every prefix of the table."""
    data = os.environ.get("ARM_TEST_DATA")
    if data is not None:
        folder = Path(data) / "tables"
        return {family: _read(folder / f"{_SNAPSHOT}-{family.label}.tsv.gz") for family in Family}
    from lab.generate import generated  # needed only where there is no real table

    table = generated(ROUTES[Family.IPV4], ROUTES[Family.IPV6], 1)
    return {family: table[family].prefixes for family in Family}


def _read(path: Path) -> list[Prefix]:
    with gzip.open(path, "rt") as lines:
        return [Prefix(line.split("\t", 1)[0]) for line in lines]


def route_tables(prefixes: dict[Family, list[Prefix]]) -> dict[Family, IndexedTable]:
    """As ARM learns them."""
    attributes = Attributes()
    tables = {}
    for family, each in prefixes.items():
        table = tables[family] = IndexedTable(family)
        for prefix in each:
            table.set(Route(prefix, "192.0.2.1", attributes))
    return tables


def prefix_words(prefix: Prefix) -> tuple[int, int]:
    """Network address as a number, and prefix length."""
    address, _, length = prefix.partition("/")
    return int.from_bytes(socket.inet_pton(Family.of(prefix).af, address), "big"), int(length)


def networks_file(prefixes: dict[Family, list[Prefix]], path: Path) -> None:
    """The same table for pmacct."""
    with path.open("w") as out:
        for each in prefixes.values():
            out.writelines(f"{prefix}\n" for prefix in each)
