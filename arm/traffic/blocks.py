"""Traffic per block of addresses, remembered with exponential decay. Pure.

What is remembered must survive route changes, so its keys do not depend on the routing table: the first
address of a /24 (IPv4) or a /48 (IPv6); where the table has longer routes the address itself, as far as keys
reach.

A weight is the sum of what the samples of a block stand for, each aged by e^(-age/window). Divided by the
age-weighted time observed so far it is a rate without the bias towards zero that such averages have after a
start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import Keys
from arm.traffic.window import AutomaticWindow

Weights = NDArray[np.float64]

BLOCK_LENGTH = {32: 24, 64: 48}  # by the bits of a key: the longest prefixes that are accepted everywhere

# With a given window a block is forgotten after one window without a sample, as operators are told. The
# automatic one forgets when the last sample has faded: what is left of it then serves no ranking.
PATIENCE = 3.0  # windows without a sample
FADED = 0.05  # samples

# Who may stay when memory is full is judged over more windows than weights are: by chance a block with three
# samples a window falls below the count of one fresh sample every now and then, but not over that long.
STANDING = 3.0

_OCTETS, _PACKETS, _SAMPLES, _STANDING = range(4)


def block_keys(keys: Keys, fine: NDArray[np.bool_] | None, bits: int) -> Keys:
    """What traffic to addresses is remembered by; (n,). `fine` (n,) tells the addresses that stay whole.

    A block shares its key with its first address: when it turns fine, what was remembered of it stays there.
    """
    drop = np.uint64(bits - BLOCK_LENGTH[bits])
    coarse = keys >> drop << drop
    return coarse if fine is None else np.where(fine, keys, coarse)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a meter remembers at one moment; arrays of shape (n,), one row for each block."""

    keys: Keys  # ascending
    octets: Weights  # the sums, aged to that moment
    packets: Weights
    samples: Weights
    standing: Weights  # samples, aged more slowly
    silent: Weights  # seconds since the block's last sample
    observed: float  # age-weighted seconds
    rate: float  # samples per second of the whole switch


class BlockMeter:
    """One family's weights. Times in seconds.

    The arrays that it gives have shape (n,), in the order of `keys()`. They are read-only and never change
    afterwards, because `add` makes new ones: another thread may go on with the old.
    """

    def __init__(self, bits: int, window: float | None, limit: int = 400_000) -> None:
        """`bits` of a key: 32 or 64; `window` None: automatic; `limit`: most blocks to remember.

        When there are more, those with the fewest samples over the last windows go, of equal ones those
        silent for longest, until there is a quarter's room. What starts during a flood of one-sample
        destinations therefore needs a second sample before that quarter is filled again.
        """
        self._bits = bits
        self._fixed = window
        self._automatic = AutomaticWindow()
        self._limit = limit
        self._keys: Keys = np.empty(0, np.uint64)
        self._sums: Weights = np.empty((4, 0))
        self._seen: Weights = np.empty(0)  # when the last sample came
        self._time: float | None = None  # of the last `add`
        self._observed = 0.0

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def window(self) -> float:
        """The time constant of the decay."""
        return self._automatic.seconds if self._fixed is None else self._fixed

    @property
    def observed(self) -> float:
        """Age-weighted seconds since the first `add`; approaches the window."""
        return self._observed

    def keys(self) -> Keys:
        """Addresses, ascending, that have had a sample lately."""
        return self._keys

    def octets(self) -> Weights:
        """Aged bytes."""
        return self._row(_OCTETS)

    def packets(self) -> Weights:
        """Aged packets, of which the samples are a few."""
        return self._row(_PACKETS)

    def samples(self) -> Weights:
        """Aged samples: how much is really known."""
        return self._row(_SAMPLES)

    def rate_of(self, weights: Weights) -> Weights:
        """Aged sums as rates per second; 0 before any time has passed."""
        return weights / self._observed if self._observed > 0.0 else np.zeros_like(weights)

    def add(
        self,
        keys: Keys,
        octets: Weights,
        packets: Weights,
        samples: Weights | NDArray[np.int64],
        fine: NDArray[np.bool_] | None,
        rate: float,
        now: float,
    ) -> None:
        """Age everything to `now`, then add one interval's traffic.

        `keys` (n,) are full addresses and may repeat; `fine` (n,) tells those inside prefixes below which the
        table has routes longer than a block. `rate`: samples per second of the whole switch, of which the
        automatic window is made. How long the first interval was nobody knows: what it brings counts, its
        time does not.
        """
        elapsed = 0.0 if self._time is None else max(0.0, now - self._time)
        self._time = now
        self._automatic.add(rate, elapsed)
        window = self.window
        decay = math.exp(-elapsed / window)
        self._observed = self._observed * decay + window * (1.0 - decay)
        sums = self._sums * decay
        sums[_STANDING] = self._sums[_STANDING] * math.exp(-elapsed / (STANDING * window))
        distinct, gain = _add_up(block_keys(keys, fine, self._bits), (octets, packets, samples))
        at, known = find(self._keys, distinct)
        sums[:, at[known]] += gain[:, known]
        seen = self._seen.copy()
        seen[at[known]] = now
        stay = np.flatnonzero(self._remembered(seen, sums[_SAMPLES], now))
        self._merge(stay, sums, seen, distinct[~known], gain[:, ~known], now)
        self._forget_most()

    def pause(self, now: float) -> None:
        """Nothing was observed since the last `add`: that time counts for nothing, and nothing fades."""
        if self._time is not None:
            self._seen = self._seen + (now - self._time)
            self._time = now

    def set_window(self, window: float | None) -> None:
        """Another window from now on; what is known fades or stays accordingly."""
        self._fixed = window

    def dump(self) -> Memory:
        """What is remembered, as of the last `add`. The arrays are read-only and never change afterwards."""
        octets, packets, samples, standing = self._sums
        silent = (self._time or 0.0) - self._seen
        return Memory(
            self._keys, octets, packets, samples, standing, silent, self._observed, self._automatic.rate
        )

    def restore(self, memory: Memory, elapsed: float, now: float) -> None:
        """Go on from what was remembered `elapsed` seconds ago, by this meter or that of an earlier run.

        Nothing was observed in between: what is known has aged, but the rates are still what they were. A
        short absence is no silence of the blocks'.
        """
        self._automatic.add(memory.rate, memory.observed)
        window = self.window
        decay, slower = (math.exp(-elapsed / (times * window)) for times in (1.0, STANDING))
        self._keys = memory.keys
        sums = (memory.octets * decay, memory.packets * decay, memory.samples * decay)
        self._sums = np.stack((*sums, memory.standing * slower))
        silence = elapsed if elapsed > PATIENCE * window else 0.0
        self._seen = now - silence - memory.silent
        self._time, self._observed = now, memory.observed * decay
        self._take(np.flatnonzero(self._remembered(self._seen, self._sums[_SAMPLES], now)))
        self._forget_most()

    def _row(self, number: int) -> Weights:
        row: Weights = self._sums[number]
        return row

    def _remembered(self, seen: Weights, samples: Weights, now: float) -> NDArray[np.bool_]:
        if self._fixed is not None:
            return seen >= now - self._fixed
        return (seen >= now - PATIENCE * self.window) & (samples >= FADED)

    def _merge(
        self, stay: NDArray[np.intp], sums: Weights, seen: Weights, fresh: Keys, gain: Weights, now: float
    ) -> None:
        """Take the known blocks at `stay` and fresh ones together, in order."""
        if len(stay) == len(self._keys) and not len(fresh):
            self._sums, self._seen = sums, seen
            return
        behind = np.arange(len(self._keys), len(self._keys) + len(fresh))
        order = np.insert(stay, np.searchsorted(self._keys[stay], fresh), behind)
        self._keys = np.concatenate((self._keys, fresh))
        self._sums = np.concatenate((sums, gain), axis=1)
        self._seen = np.concatenate((seen, np.full(len(fresh), now)))
        self._take(order)

    def _forget_most(self) -> None:
        """Keep to the limit, and what others may hold unchanged."""
        if len(self) > self._limit:
            self._take(_best(self._sums[_STANDING], self._seen, self._limit - self._limit // 4))
        for array in (self._keys, self._sums, self._seen):
            array.flags.writeable = False

    def _take(self, rows: NDArray[np.intp]) -> None:
        self._keys = self._keys[rows]
        self._sums = self._sums.take(rows, axis=1)
        self._seen = self._seen[rows]


def _add_up(keys: Keys, columns: tuple[Weights | NDArray[np.int64], ...]) -> tuple[Keys, Weights]:
    """Distinct keys, ascending, and the sums of what belongs to each: octets, packets, samples, standing."""
    distinct, group = np.unique(keys, return_inverse=True)
    sums = [np.bincount(group, column, len(distinct)) for column in columns]
    return distinct, np.stack((*sums, sums[_SAMPLES]))


def find(keys: Keys, wanted: Keys) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each wanted key is among ascending ones, and whether it is there at all."""
    at = np.searchsorted(keys, wanted)
    known = at < len(keys)
    known[known] = keys[at[known]] == wanted[known]
    return at, known


def _best(standing: Weights, seen: Weights, count: int) -> NDArray[np.intp]:
    """The `count` rows with the highest standing, of equal ones those seen last; in their old order."""
    bar = np.partition(standing, len(standing) - count)[len(standing) - count]
    chosen = standing > bar
    tied = np.flatnonzero(standing == bar)
    tied = tied[np.argsort(-seen[tied], kind="stable")]
    chosen[tied[: count - np.count_nonzero(chosen)]] = True
    return np.flatnonzero(chosen)
