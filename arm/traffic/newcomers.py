"""Traffic that the last choice knew nothing of, and that is worth an entry beyond doubt. Pure.

The next choice comes sooner for it (rhythm.py). What is just about worth an entry can wait, or chance alone
would always be in a hurry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.rib.hoptable import DEFAULT, MIXED, Hops, Keys, Runs
from arm.traffic.blocks import find

SURE = 3.0  # times what light entries carry
LIGHT = 0.1  # of the entries carry less than a light one
NOTABLE = 1e-3  # of one interval's traffic: with room to spare light entries carry next to nothing


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a choice was made from: by block (n,), ascending, where its first address leads and what its
    traffic was worth. `does` is what the chosen entries do with every address, `light` what light ones carry.
    """

    blocks: Keys
    hops: Hops
    weights: NDArray[np.float64]
    does: Runs
    light: float


def light(carried: NDArray[np.float64]) -> float:
    """What light entries carry, of what all do (n,)."""
    return float(np.quantile(carried, LIGHT)) if len(carried) else 0.0


def newcomers(
    weighed: Weighed, keys: Keys, blocks: Keys, wanted: Hops, weights: NDArray[np.float64], notable: float
) -> bool:
    """Is there such traffic? Of addresses `keys` (n,): their `blocks`, what the table does with them, and
    what those blocks are worth by now. What is worth less than `notable` is not."""
    left = (wanted != DEFAULT) & (wanted != MIXED) & (weights >= max(SURE * weighed.light, notable))
    left[left] = weighed.does.hop(keys[left]) != wanted[left]
    if not left.any():
        return False
    blocks, wanted, gain = blocks[left], wanted[left], weights[left]
    at, known = find(weighed.blocks, blocks)
    # What led elsewhere then was not weighed for an entry that leads here.
    known[known] = weighed.hops[at[known]] == wanted[known]
    gain[known] -= weighed.weights[at[known]]
    return bool((gain >= max(SURE * weighed.light, notable)).any())
