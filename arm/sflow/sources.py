"""Samples added up by the address that they come from: who sends. Where to is in destinations.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.sflow.groups import groups
from arm.sflow.samples import Samples


@dataclass(frozen=True, slots=True)
class Sources:
    """Columns of equal length. Keys are IPv4 addresses, or the upper 64 bits of IPv6 ones."""

    family: NDArray[np.uint8]  # 4 or 6
    keys: NDArray[np.uint64]
    bytes: NDArray[np.float64]  # scaled by the sampling rate

    def __len__(self) -> int:
        return len(self.family)


NONE = Sources(np.empty(0, np.uint8), np.empty(0, np.uint64), np.empty(0))


def sources_of(samples: Samples, chosen: NDArray[np.bool_]) -> Sources:
    """Of the samples that destinations are counted of as well, one row each."""
    rows = np.flatnonzero(chosen & (samples.family != 0) & (samples.sampling_rate != 0))
    family = samples.family[rows]
    return Sources(
        family,
        np.where(family == 4, samples.source_low[rows], samples.source_high[rows]),
        samples.sampling_rate[rows].astype(np.float64) * samples.frame_length[rows],
    )


def together(parts: Sequence[Sources]) -> Sources:
    """One row for each address: IPv4 before IPv6, each ascending. None gives none."""
    if not parts:
        return NONE
    family = np.concatenate([part.family for part in parts])
    keys = np.concatenate([part.keys for part in parts])
    octets = np.concatenate([part.bytes for part in parts])
    if not len(family):
        return NONE
    found = []
    for number in (4, 6):
        rows = np.flatnonzero(family == number)
        order, starts = groups(keys[rows])
        if len(starts):
            first = rows[order[starts]]
            found.append(Sources(family[first], keys[first], np.add.reduceat(octets[rows[order]], starts)))
    return Sources(
        np.concatenate([each.family for each in found]),
        np.concatenate([each.keys for each in found]),
        np.concatenate([each.bytes for each in found]),
    )
