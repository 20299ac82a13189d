"""Flow samples as columns: what the batch path works on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Samples:
    """Columns of equal length, one row per flow sample in the order of arrival.

    Interfaces are (format, value) as in `FlowSample`. Addresses are two words, an IPv4 one in the low word.
    """

    datagram: NDArray[np.uint32]  # index of the datagram in its batch
    agent: NDArray[np.uint32]  # index into the batch's `agents`
    sequence: NDArray[np.uint32]
    source_class: NDArray[np.uint32]  # of the data source; 0: its index is an interface's
    source_index: NDArray[np.uint32]
    sampling_rate: NDArray[np.uint32]
    pool: NDArray[np.uint32]
    drops: NDArray[np.uint32]
    input_format: NDArray[np.uint32]
    input_value: NDArray[np.uint32]
    output_format: NDArray[np.uint32]
    output_value: NDArray[np.uint32]
    frame_length: NDArray[np.uint32]  # octets
    family: NDArray[np.uint8]  # 4, 6, or 0: nothing to look up
    destination_high: NDArray[np.uint64]
    destination_low: NDArray[np.uint64]
    source_high: NDArray[np.uint64]
    source_low: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.datagram)

    def take(self, rows: NDArray[Any]) -> Samples:
        """Some rows, chosen by index or by mask."""
        return Samples(*(getattr(self, each.name)[rows] for each in fields(self)))
