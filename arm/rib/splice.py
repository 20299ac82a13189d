"""Many rows put into and taken out of columns at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from arm.rib.paint import spread

_Column = TypeVar("_Column", bound=np.generic)

FEW = 1000  # cuts up to which copying what is between them is quicker than row by row


@dataclass(frozen=True)
class Cuts:
    """Of `count` old rows, first <= i < behind make room for the new rows new_first <= i < new_behind;
    ascending."""

    count: int
    firsts: NDArray[np.intp]
    behinds: NDArray[np.intp]
    new_firsts: NDArray[np.intp]
    new_behinds: NDArray[np.intp]

    def splice(self, old: NDArray[_Column], new: NDArray[_Column]) -> NDArray[_Column]:
        """The column after the cuts."""
        if len(self.firsts) > FEW:
            return np.concatenate((old, new)).take(self._rows)
        parts, at = [], 0
        rows = (self.firsts, self.behinds, self.new_firsts, self.new_behinds)
        for first, behind, new_first, new_behind in zip(*(row.tolist() for row in rows), strict=True):
            parts += [old[at:first], new[new_first:new_behind]]
            at = behind
        return np.concatenate((*parts, old[at:]))

    @cached_property
    def _rows(self) -> NDArray[np.intp]:
        """Where each row of the result is among the old ones and the new ones behind them."""
        firsts = np.append(0, self.behinds), np.append(self.new_firsts, 0) + self.count
        behinds = np.append(self.firsts, self.count), np.append(self.new_behinds, 0) + self.count
        return spread(np.stack(firsts, axis=1).ravel(), np.stack(behinds, axis=1).ravel())
