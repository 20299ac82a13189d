"""States to save, and what they are in plain values."""

from __future__ import annotations

import hashlib
import struct
from ipaddress import IPv4Address, IPv6Address

import numpy as np
from hypothesis import strategies as st

from arm.model import Family, Kind, Prefix
from arm.state.saved import COLUMNS, Saved, SavedEntry, SavedFamily
from arm.traffic.blocks import Memory

numbers = st.floats(0.0, 1e18)
addresses = st.integers(0, 2**32 - 1).map(lambda n: str(IPv4Address(n))) | st.integers(0, 2**128 - 1).map(
    lambda n: str(IPv6Address(n))
)


@st.composite
def entries(draw: st.DrawFn, family: Family) -> list[SavedEntry]:
    address = IPv4Address if family is Family.IPV4 else IPv6Address
    found: dict[Prefix, SavedEntry] = {}
    for _ in range(draw(st.integers(0, 4))):
        length = draw(st.integers(0, family.bits))
        start = draw(st.integers(0, (1 << length) - 1)) << (family.bits - length)
        prefix = Prefix(f"{address(start)}/{length}")
        found[prefix] = SavedEntry(prefix, draw(addresses), draw(st.sampled_from(Kind)))
    return list(found.values())


@st.composite
def memories(draw: st.DrawFn, family: Family) -> Memory:
    bits = min(64, family.bits)
    keys = draw(st.lists(st.integers(0, (1 << bits) - 1), max_size=5, unique=True).map(sorted))
    rows = st.lists(numbers, min_size=len(keys), max_size=len(keys)).map(np.array)
    columns = {name: draw(rows).astype(np.float64) for name in COLUMNS if name != "keys"}
    return Memory(np.array(keys, np.uint64), **columns, observed=draw(numbers), rate=draw(numbers))


def families(family: Family) -> st.SearchStrategy[SavedFamily]:
    return st.builds(
        SavedFamily, entries(family), st.none() | memories(family), st.none() | st.integers(0, 2**40)
    )


saves = st.builds(
    Saved,
    numbers,
    st.fixed_dictionaries({}, optional={family: families(family) for family in Family}),
    st.dictionaries(st.text(max_size=9).map("history".__add__), st.binary(max_size=9), max_size=2),
)


def plain(saved: Saved | None) -> object:
    """To compare: arrays as lists."""
    if saved is None:
        return None
    found = {
        family: (
            list(each.entries),
            None
            if each.memory is None
            else (
                [getattr(each.memory, name).tolist() for name in COLUMNS],
                each.memory.observed,
                each.memory.rate,
            ),
            each.routes,
        )
        for family, each in saved.families.items()
    }
    return saved.time, found, dict(saved.sections)


def many(blocks: int, family: Family = Family.IPV4) -> Memory:
    """Blocks of which every other one is heavier than all the rest, the later the heavier."""
    keys = np.arange(blocks, dtype=np.uint64)
    standing = np.arange(blocks, dtype=np.float64) + np.where(np.arange(blocks) % 2, float(blocks), 0.0)
    return Memory(keys, standing, standing, standing, standing, np.zeros(blocks), 5.0, 6.0)


def some() -> Saved:
    """A state with a bit of everything."""
    some_entries = [
        SavedEntry(Prefix("20.0.0.0/16"), "192.0.2.1", Kind.ROUTE),
        SavedEntry(Prefix("20.0.1.0/24"), "198.18.0.1", Kind.GUARD),
    ]
    other = [SavedEntry(Prefix("2001:db8::/32"), "2001:db8::1", Kind.SYNTHESISED)]
    return Saved(
        1.7e9,
        {
            Family.IPV4: SavedFamily(some_entries, many(3), 900_000),
            Family.IPV6: SavedFamily(other, None, None),
        },
        {"history": b"\x00\x01"},
    )


def sealed(body: bytes, version: int = 1, magic: bytes = b"ARM state") -> bytes:
    """A file with a right checksum, whatever it holds. By the format's description, not by its code."""
    start = magic + bytes([version]) + struct.pack("<Q", len(body))
    return start + hashlib.sha256(start + body).digest() + body


def body(header: bytes, *sections: bytes) -> bytes:
    return struct.pack("<I", len(header)) + header + b"".join(sections)
