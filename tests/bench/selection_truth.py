"""What a chosen table does with every address and with the traffic, independently of how ARM finds that out.

Nothing here uses the run map, the check or anything else that ARM decides with; a HopTable is only the form
in which tables arrive. Keys are unsigned integers of `bits` bits, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import HopTable, Keys, Lengths


@dataclass(frozen=True, slots=True)
class Steps:
    """A function of the address: from `starts[i]` to the next start it is `values[i]`; `starts[0]` is 0."""

    bits: int
    starts: Keys
    values: NDArray[np.int64]

    def at(self, keys: Keys) -> NDArray[np.int64]:
        """The value at each address."""
        return self.values[np.searchsorted(self.starts, keys, "right") - 1]

    def sizes(self) -> NDArray[np.float64]:
        """How many addresses each step spans."""
        behind = float((1 << self.bits) - int(self.starts[-1]))
        return np.append((self.starts[1:] - self.starts[:-1]).astype(float), behind)


def ends(bits: int, starts: Keys, lengths: Lengths) -> Keys:
    """Last address of each prefix."""
    by_length = np.array([(1 << (bits - length)) - 1 for length in range(bits + 1)], np.uint64)
    return starts | by_length[lengths]


def flatten(
    bits: int,
    starts: Keys,
    lengths: Lengths,
    values: NDArray[np.int64],
    outside: int,
) -> Steps:
    """The value of the longest prefix around each address, `outside` where there is none.

    Paints the shortest prefixes first, so that longer ones cover them; no order of the prefixes is assumed.
    Neighbouring steps may have the same value.
    """
    finals = ends(bits, starts, lengths)
    beyond = finals[finals < np.uint64((1 << bits) - 1)] + np.uint64(1)
    borders = _distinct(np.concatenate([np.zeros(1, np.uint64), starts, beyond]))
    painted = np.full(len(borders), outside, np.int64)
    first = np.searchsorted(borders, starts, "left")
    after = np.searchsorted(borders, finals, "right")
    for length in np.unique(lengths):
        here = np.flatnonzero(lengths == length)
        spans = after[here] - first[here]
        within = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
        painted[np.repeat(first[here], spans) + within] = np.repeat(values[here], spans)
    return Steps(bits, borders, painted)


def _distinct(keys: Keys) -> Keys:
    """Ascending, each once; numpy.unique hashes, which takes 100 times as long on aligned addresses."""
    ordered = np.sort(keys)
    distinct: Keys = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    return distinct


def hop_steps(table: HopTable) -> Steps:
    """What a table does with each address; the default's next hop, 0, where it says nothing."""
    return flatten(table.bits, table.starts, table.lengths, table.hops.astype(np.int64), 0)


@dataclass(frozen=True, slots=True)
class Score:
    """How good and how safe a chosen table is."""

    coverage: float  # share of the traffic that goes where the full table sends it
    misforwarded: float  # share of the traffic that goes neither there nor where the default sends it
    addresses: float  # how many addresses go wrong so, of all that there are


class Truth:
    """The full table and the traffic to judge chosen tables by.

    `keys` (n,) are the addresses that receive `weights` (n,); these may change from call to call.
    """

    def __init__(self, table: HopTable, keys: Keys) -> None:
        steps = hop_steps(table)
        changes = np.append(True, steps.values[1:] != steps.values[:-1])
        self.steps = Steps(steps.bits, steps.starts[changes], steps.values[changes])
        self.keys = keys
        self.right = self.steps.at(keys)

    def score(self, entries: HopTable, weights: NDArray[np.float64]) -> Score:
        """Judge a table by each address at which it or the full table changes."""
        chosen = hop_steps(entries)
        does = chosen.at(self.keys)
        right = does == self.right
        wrong = ~right & (does != 0)
        total = float(weights.sum())
        return Score(
            float(weights[right].sum()) / total, float(weights[wrong].sum()) / total, self._addresses(chosen)
        )

    def _addresses(self, chosen: Steps) -> float:
        borders = _distinct(np.concatenate([chosen.starts, self.steps.starts]))
        does = chosen.at(borders)
        wrong = (does != 0) & (does != self.steps.at(borders))
        return float(Steps(chosen.bits, borders, does).sizes()[wrong].sum())
