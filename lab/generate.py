"""Tables like the Internet's: its mix of prefix lengths and its nesting, from a seed or from a file."""

from __future__ import annotations

import gzip
import ipaddress
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arm.model import Family
from lab.attributes import AS_SET, as_numbers, make_upstreams
from lab.plan import KEPT_OUT, LabError
from lab.tables import FamilyTable, Table

# By prefix length: routes among 100,000, and how many percent of them lie inside another route. From the
# tables that RIPE RIS saw in May 2026 (1.04 M IPv4, 0.25 M IPv6); half the largest blocks, so that 1.3 M fit.
# fmt: off
_LENGTHS = {
    Family.IPV4: {
        8: (1, 0), 10: (2, 0), 11: (5, 5), 12: (15, 11), 13: (28, 17), 14: (58, 16), 15: (102, 24),
        16: (1308, 21), 17: (801, 46), 18: (1284, 47), 19: (2448, 42), 20: (4377, 54), 21: (5033, 56),
        22: (10912, 47), 23: (10349, 57), 24: (63067, 51),
    },
    Family.IPV6: {
        24: (17, 0), 28: (65, 21), 29: (2208, 1), 30: (336, 48), 31: (139, 37), 32: (10862, 8),
        33: (2196, 80), 34: (2111, 78), 35: (746, 69), 36: (3828, 56), 37: (491, 77), 38: (1087, 53),
        39: (743, 86), 40: (9382, 70), 41: (689, 70), 42: (1188, 69), 43: (590, 54), 44: (10099, 71),
        45: (1832, 83), 46: (2291, 66), 47: (3625, 76), 48: (45442, 58),
    },
}
# fmt: on
# Where registries allocate; shares of the addresses are not the Internet's, only the shape is.
_ALLOCATED = {
    Family.IPV4: ("0.0.0.0/0",),
    Family.IPV6: ("2001::/16", "2400::/12", "2600::/12", "2800::/12", "2a00::/12", "2c00::/12"),
}
_UPSTREAMS = 600
_EXCHANGE_SHARE = 0.25
_ONE = np.uint64(1)


def generated(routes: int, routes6: int, seed: int) -> Table:
    """`routes` IPv4 and `routes6` IPv6 routes; equal arguments give equal tables."""
    rng = np.random.default_rng(seed)
    upstreams = make_upstreams(_UPSTREAMS, _EXCHANGE_SHARE, rng)
    families = {}
    for family, count in ((Family.IPV4, routes), (Family.IPV6, routes6)):
        keys, lengths, parents = _place(family, count, rng)
        pool = np.array(as_numbers(max(50, count // 13), rng), np.uint32)
        # A few origins have very many prefixes; a more-specific mostly has its parent's origin.
        origins = pool[(len(pool) * rng.random(count) ** 2).astype(np.intp)]
        for index in np.flatnonzero((parents >= 0) & (rng.random(count) < 0.7)):
            origins[index] = origins[parents[index]]  # parents come before their children
        via = _via(origins, len(upstreams), rng)
        families[family] = FamilyTable(family, keys, lengths, origins, via, upstreams)
    return Table(families)


def from_file(path: Path, seed: int) -> Table:
    """A table from lines of `prefix <white space> origin AS or next hop`, plain or gzip."""
    rng = np.random.default_rng(seed)
    upstreams = make_upstreams(_UPSTREAMS, _EXCHANGE_SHARE, rng)
    found: dict[Family, dict[tuple[int, int], int]] = {Family.IPV4: {}, Family.IPV6: {}}
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            for number, line in enumerate(lines, 1):
                words = line.split()
                if not words or words[0].startswith("#"):
                    continue
                try:
                    network = ipaddress.ip_network(words[0])
                except ValueError as error:
                    raise LabError(f"{path}:{number}: {error}", "write `prefix origin`") from error
                family = Family.of(words[0])
                if 0 < network.prefixlen <= 64:
                    key = int(network.network_address)
                    key = key << 32 if family is Family.IPV4 else key >> 64
                    found[family][key, network.prefixlen] = _origin(words[1] if len(words) > 1 else "0")
    except OSError as error:
        raise LabError(f"cannot read {path}: {error}", "give a table file, plain or .gz") from error
    families = {}
    for family, routes in found.items():
        keys = np.array([key for key, _ in routes], np.uint64)
        lengths = np.array([length for _, length in routes], np.uint8)
        origins = np.array(list(routes.values()), np.uint32)
        free = ~_overlaps(keys, lengths, *_forbidden(family))
        keys, lengths, origins = keys[free], lengths[free], origins[free]
        via = _via(origins, len(upstreams), rng)
        families[family] = FamilyTable(family, keys, lengths, origins, via, upstreams)
    return Table(families)


def _origin(word: str) -> int:
    """An AS number as it stands; anything else (a next hop, a set) stands for one AS number."""
    if word.isdigit() and 0 < int(word) < 4_200_000_000:
        return int(word)
    return 200_000 + zlib.crc32(word.encode()) % 100_000


def _via(origins: NDArray[np.uint32], upstreams: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """An origin's routes mostly share their upstreams: traffic engineering moves one in eight."""
    own = rng.integers(1, upstreams, len(origins), dtype=np.uint16)
    usual = rng.permutation(np.arange(1, upstreams, dtype=np.uint16))
    shared = usual[
        (origins.astype(np.uint64) * np.uint64(2654435761) >> np.uint64(7)) % np.uint64(len(usual))
    ]
    via = np.where(rng.random(len(origins)) < 0.125, own, shared).astype(np.uint16)
    some = min(50, len(origins) // 500)
    via[rng.choice(len(origins), some, replace=False)] = AS_SET
    return via


def _place(
    family: Family, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint64], NDArray[np.uint8], NDArray[np.int64]]:
    """Prefixes from short to long, some inside earlier ones: keys, lengths, index of the parent or -1."""
    shares = np.array([share for share, _ in _LENGTHS[family].values()], float)
    bounds = np.rint(np.cumsum(shares) * (count / shares.sum())).astype(int)
    keys = np.zeros(count, np.uint64)
    lengths = np.zeros(count, np.uint8)
    parents = np.full(count, -1, np.int64)
    taken = _forbidden(family)  # disjoint ranges that no unnested prefix may touch
    done = 0
    for (length, (_, percent)), bound in zip(_LENGTHS[family].items(), bounds.tolist(), strict=True):
        first, host = done, np.uint64(64 - length)
        nested = first + ((bound - first) * percent // 100 if first else 0)
        for attempt in range(120):
            # Few parents have little room: what does not fit inside goes anywhere, and the other way round.
            inside = done < nested and attempt < 20 if attempt < 80 else first > 0
            size = (nested if inside and attempt < 20 else bound) - done
            if inside:
                parent = rng.integers(0, first, 2 * size)
                spare = (length - lengths[parent]).astype(float)
                new = keys[parent] | (rng.random(len(parent)) * np.exp2(spare)).astype(np.uint64) << host
            else:
                new = _anywhere(family, length, 2 * size, rng)
                new = new[~_overlaps(new, np.full(len(new), length, np.uint8), *taken)]
                parent = np.full(len(new), -1, np.int64)
            new, where = np.unique(new, return_index=True)
            parent = parent[where]
            fresh = np.flatnonzero(~np.isin(new, keys[first:done]))
            picked = rng.permutation(fresh)[:size]
            end = done + len(picked)
            keys[done:end], parents[done:end], lengths[done:end] = new[picked], parent[picked], length
            done = end
            if done == bound:
                break
        else:
            raise LabError(f"no room for {count} {family.title} routes", "ask for fewer")
        roots = keys[first:done][parents[first:done] < 0]
        starts = np.concatenate([taken[0], roots])
        ends = np.concatenate([taken[1], roots + ((_ONE << host) - _ONE)])
        order = np.argsort(starts)
        taken = starts[order], ends[order]
    return keys, lengths, parents


def _anywhere(family: Family, length: int, count: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    blocks = [ipaddress.ip_network(text) for text in _ALLOCATED[family]]
    shift = 32 if family is Family.IPV4 else -64
    starts = [_shifted(int(block.network_address), shift) for block in blocks]
    spans = [_shifted(block.num_addresses, shift) - 1 for block in blocks]
    block = rng.integers(0, len(blocks), count)
    offset = rng.integers(0, 1 << 64, count, dtype=np.uint64) & np.array(spans, np.uint64)[block]
    host = np.uint64(64 - length)
    result: NDArray[np.uint64] = (np.array(starts, np.uint64)[block] + offset) >> host << host
    return result


def _forbidden(family: Family) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    shift = 32 if family is Family.IPV4 else -64
    starts = [_shifted(int(network.network_address), shift) for network in KEPT_OUT[family]]
    sizes = [_shifted(network.num_addresses, shift) for network in KEPT_OUT[family]]
    ends = [start + size - 1 for start, size in zip(starts, sizes, strict=True)]
    return np.array(starts, np.uint64), np.array(ends, np.uint64)


def _overlaps(
    keys: NDArray[np.uint64],
    lengths: NDArray[np.uint8],
    starts: NDArray[np.uint64],
    ends: NDArray[np.uint64],
) -> NDArray[np.bool_]:
    """Which prefixes touch any of the ranges, which are sorted and disjoint."""
    last = keys + ((_ONE << (np.uint64(64) - lengths.astype(np.uint64))) - _ONE)
    before = np.searchsorted(starts, last, "right") - 1  # the last range that starts at or before our end
    result: NDArray[np.bool_] = (before >= 0) & (ends[before] >= keys)
    return result


def _shifted(value: int, shift: int) -> int:
    return value << shift if shift > 0 else value >> -shift
