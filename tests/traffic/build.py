"""Traffic for tests, by destination."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import numpy as np

from arm.model import Family
from arm.rib.hoptable import key_bits
from arm.sflow.destinations import Destinations


def traffic(sizes: Mapping[str, float]) -> Destinations:
    """One sample, which stands for one packet, for each address; `sizes` are scaled bytes."""
    found = sorted((ip_address(address) for address in sizes), key=lambda each: (each.version, int(each)))
    size = np.array([sizes[str(address)] for address in found], float)
    return Destinations(
        np.array([address.version for address in found], np.uint8),
        np.array([int(address) >> 64 for address in found], np.uint64),
        np.array([int(address) & (1 << 64) - 1 for address in found], np.uint64),
        size,
        np.ones(len(found)),
        np.ones(len(found), np.int64),
        size * size,
    )


def key_of(family: Family, address: str) -> int:
    """An address as traffic is measured by."""
    return int(ip_address(address)) >> (family.bits - key_bits(family))
