"""The scenario in which selections are compared: a real table, next hops by origin AS, Zipf traffic.

The same as in the project's first experiments, seeds and formulas included, so that figures stay comparable.
Needs the tables of ARM_TEST_DATA.
"""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arm.model import Family, Prefix
from arm.rib.hoptable import Hops, HopTable, Keys, Lengths
from tests.bench.selection_truth import Truth, flatten
from tests.bench.table import prefix_words

TABLES = {  # family, file, prefixes that anybody sends to
    "2016": (Family.IPV4, "routeviews-2016-02-02-ipv4", 200_000),
    "2026": (Family.IPV4, "ris-2026-05-11-ipv4", 300_000),
    "2026v6": (Family.IPV6, "ris-2026-05-11-ipv6", 60_000),
}
EIGHT = np.array(
    [0.45, 0.20, 0.12, 0.08, 0.06, 0.04, 0.03, 0.02]
)  # share of ASes; the first is the default's
_TAIL = np.arange(1, 1000) ** -0.9
THOUSAND = np.concatenate([[0.30], 0.70 * _TAIL / _TAIL.sum()])  # an exchange point: 1,000 next hops

_POINTS = 8  # at most so many addresses stand for the hosts of one prefix
_HOP_SEED, _TRAFFIC_SEED = 1, 7


@dataclass(frozen=True, slots=True)
class Origins:
    """A BGP table by (start, length), each prefix with the first AS of its origin; columns of shape (n,)."""

    family: Family
    bits: int
    starts: Keys
    lengths: Lengths
    origins: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Addresses in ascending order with their share of the traffic (sum 1); columns of shape (n,).

    `routes` says by index of the table which prefix is the longest match of each address.
    """

    keys: Keys
    weights: NDArray[np.float64]
    routes: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a selection is made from and judged by."""

    name: str
    family: Family
    table: HopTable
    traffic: Traffic
    truth: Truth

    def top(self, entries: int) -> HopTable:
        """The heaviest prefixes, whatever they hide: what ARM did in 2016."""
        weights = np.bincount(self.traffic.routes, self.traffic.weights, minlength=len(self.table))
        rows = np.sort(np.argsort(-weights, kind="stable")[:entries])
        table = self.table
        return HopTable(table.bits, table.starts[rows], table.lengths[rows], table.hops[rows])


def scenario(name: str, shares: NDArray[np.float64] = EIGHT) -> Scenario:
    """The scenario on one of TABLES, with a next hop for each of `shares` of the ASes."""
    table = load(name)
    hops = HopTable(table.bits, table.starts, table.lengths, next_hops(table.origins, shares))
    sent = traffic(table, TABLES[name][2])
    return Scenario(name, table.family, hops, sent, Truth(hops, sent.keys))


def load(name: str) -> Origins:
    """Read a table: lines `prefix<TAB>origin AS`. IPv6 longer than /64 fits no key: left out."""
    family, file, _ = TABLES[name]
    bits = min(family.bits, 64)
    routes: dict[tuple[int, int], int] = {}
    with gzip.open(Path(os.environ["ARM_TEST_DATA"]) / "tables" / f"{file}.tsv.gz", "rt") as lines:
        for line in lines:
            prefix, _, origin = line.partition("\t")
            address, length = prefix_words(Prefix(prefix))
            if 0 < length <= bits:
                routes.setdefault((address >> (family.bits - bits), length), _first(origin))
    starts = np.fromiter((start for start, _ in routes), np.uint64, len(routes))
    lengths = np.fromiter((length for _, length in routes), np.int8, len(routes))
    origins = np.fromiter(routes.values(), np.int64, len(routes))
    order = np.lexsort((lengths, starts))
    return Origins(family, bits, starts[order], lengths[order], origins[order])


def _first(origin: str) -> int:
    """The first AS of an origin, which may be a set or several: "64500", "64500_64501", "{64500,64501}"."""
    return int(origin.strip().strip("{}").replace(",", "_").split("_")[0])


def next_hops(origins: NDArray[np.int64], shares: NDArray[np.float64]) -> Hops:
    """A next hop for each AS by hash, so that `shares` of all ASes have each."""
    bounds = np.cumsum(shares)
    bounds[-1] = 1.0
    return np.searchsorted(bounds, _uniform(origins, _HOP_SEED), "right").astype(np.int32)


def _uniform(numbers: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Hash each number into [0, 1): the output function of SplitMix64 (Steele, Lea, Flood 2014)."""
    mixed = numbers.astype(np.uint64) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(float) / 2.0**53


def traffic(table: Origins, active: int) -> Traffic:
    """Zipf traffic (exponent 1) to `active` prefixes in random order.

    Each prefix' share goes to up to 8 addresses (as 1 / rank) in its own space, which is not that of a more
    specific prefix; in a small space to fewer, no more than it has /24 or /48.
    """
    chance = np.random.default_rng(_TRAFFIC_SEED)
    owner = flatten(table.bits, table.starts, table.lengths, np.arange(len(table.starts)), -1)
    routed = np.flatnonzero(owner.values >= 0)
    routed = routed[np.argsort(owner.values[routed], kind="stable")]
    piece_starts, piece_owners, piece_sizes = (
        each[routed] for each in (owner.starts, owner.values, owner.sizes())
    )
    upto = np.concatenate([[0.0], np.cumsum(piece_sizes)])

    routes = chance.permutation(np.unique(piece_owners))[:active]
    shares = np.arange(1, len(routes) + 1) ** -1.0
    shares /= shares.sum()
    first = np.searchsorted(piece_owners, routes, "left")
    last = np.searchsorted(piece_owners, routes, "right")
    room = upto[last] - upto[first]
    units = np.maximum(1.0, room / 2.0 ** (table.bits - (24 if table.family is Family.IPV4 else 48)))
    points = np.minimum(np.minimum(_POINTS, units), 1 + chance.geometric(0.35, len(routes))).astype(np.int64)
    points[units <= 1.5] = 1

    of = np.repeat(np.arange(len(routes)), points)
    rank = np.arange(len(of)) - np.repeat(np.cumsum(points) - points, points) + 1
    weights = 1.0 / rank
    weights *= shares[of] / np.bincount(of, weights)[of]
    where = upto[first[of]] + chance.random(len(of)) * room[of]
    piece = np.clip(np.searchsorted(upto, where, "right") - 1, first[of], last[of] - 1)
    offset = np.clip(where - upto[piece], 0.0, piece_sizes[piece] - 1.0)
    keys = piece_starts[piece] + offset.astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    return Traffic(keys[order], weights[order], routes[of][order])
