"""Strategy `top`: the heaviest prefixes of the table, as the 2016 Active Route Manager chose them. Pure.

It cannot promise that nothing is misforwarded: an installed prefix attracts the traffic of more-specific
routes that were left out. Kept for parity and comparison.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def choose(
    rates: NDArray[np.float64],
    incumbent: NDArray[np.bool_],
    room: int,
    minimum: float,
    hysteresis: float,
) -> NDArray[np.intp]:
    """Indexes of the chosen prefixes, heaviest first.

    `rates` (n,) in bit/s, not yet below zero; `incumbent` (n,) marks those in the table now: they count
    (1 + hysteresis) times, so that two prefixes of about the same rate do not change places all the time.
    At most `room` are chosen, none below `minimum` bit/s. Ties fall to incumbents, then to the order given.
    """
    score = np.where(incumbent, rates * (1.0 + hysteresis), rates)
    candidates = np.flatnonzero(rates >= minimum)
    order = np.lexsort((candidates, ~incumbent[candidates], -score[candidates]))
    return candidates[order[: max(0, room)]]
