"""Samples added up by destination, so that a route is looked up once per distinct address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.sflow.groups import groups
from arm.sflow.samples import Samples

Address = bytes  # 4 or 16 octets


@dataclass(frozen=True, slots=True)
class Destinations:
    """Columns of equal length, one row per distinct address: IPv4 before IPv6, each sorted by address."""

    family: NDArray[np.uint8]  # 4 or 6
    high: NDArray[np.uint64]
    low: NDArray[np.uint64]  # an IPv4 address is here
    bytes: NDArray[np.float64]  # scaled by the sampling rate
    packets: NDArray[np.float64]  # that the samples stand for: the sum of their sampling rates
    samples: NDArray[np.int64]  # not scaled
    squares: NDArray[np.float64]  # sum of each sample's scaled bytes squared, for the sampling error

    def __len__(self) -> int:
        return len(self.family)

    def addresses(self, family: int) -> list[Address]:
        """The addresses of family 4 or 6 in network order, in the order of their rows."""
        rows = self.family == family
        if family == 4:
            packed = self.low[rows].astype(">u4").tobytes()
            return [packed[at : at + 4] for at in range(0, len(packed), 4)]
        packed = np.stack((self.high[rows], self.low[rows]), 1).astype(">u8").tobytes()
        return [packed[at : at + 16] for at in range(0, len(packed), 16)]


def aggregate(samples: Samples, chosen: NDArray[np.bool_] | None = None) -> Destinations:
    """Add up the chosen samples that have a destination and say at which rate they were taken."""
    usable = (samples.family != 0) & (samples.sampling_rate != 0)
    if chosen is not None:
        usable &= chosen
    rows = np.flatnonzero(usable)
    packets = samples.sampling_rate[rows].astype(np.float64)
    scaled = samples.frame_length[rows] * packets
    return _together(
        samples.family[rows],
        samples.destination_high[rows],
        samples.destination_low[rows],
        scaled,
        packets,
        np.ones(len(rows), np.int64),
        scaled * scaled,
    )


def merge(parts: Sequence[Destinations]) -> Destinations:
    """Add up what was added up in parts; none gives none."""
    if len(parts) == 1:
        return parts[0]
    return _together(
        np.concatenate([each.family for each in parts] or [np.empty(0, np.uint8)]),
        np.concatenate([each.high for each in parts] or [np.empty(0, np.uint64)]),
        np.concatenate([each.low for each in parts] or [np.empty(0, np.uint64)]),
        np.concatenate([each.bytes for each in parts] or [np.empty(0)]),
        np.concatenate([each.packets for each in parts] or [np.empty(0)]),
        np.concatenate([each.samples for each in parts] or [np.empty(0, np.int64)]),
        np.concatenate([each.squares for each in parts] or [np.empty(0)]),
    )


def _together(
    family: NDArray[np.uint8],
    high: NDArray[np.uint64],
    low: NDArray[np.uint64],
    scaled: NDArray[np.float64],
    packets: NDArray[np.float64],
    samples: NDArray[np.int64],
    squares: NDArray[np.float64],
) -> Destinations:
    """One row for each address. They are sorted because a lookup next to the last one is quicker."""
    ipv4, ipv6 = np.flatnonzero(family == 4), np.flatnonzero(family == 6)
    order4, starts4 = groups(low[ipv4])
    order6, starts6 = groups(high[ipv6], low[ipv6])
    order = np.concatenate((ipv4[order4], ipv6[order6]))
    starts = np.concatenate((starts4, starts6 + len(ipv4)))
    first = order[starts]
    return Destinations(
        family[first],
        high[first],
        low[first],
        np.add.reduceat(scaled[order], starts),
        np.add.reduceat(packets[order], starts),
        np.add.reduceat(samples[order], starts),
        np.add.reduceat(squares[order], starts),
    )
