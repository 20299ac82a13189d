"""Which rows have the same values in some columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def groups(*columns: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows sorted by columns of unsigned numbers, equal ones in their old order; and where in this each
    group of equal rows begins.

    Mostly all columns and the row's number fit into one word: to sort words is far the quickest.
    """
    size = len(columns[0])
    if not size:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    place = size.bit_length()
    widths = [int(column.max()).bit_length() for column in columns]
    if sum(widths) + place <= 64:
        packed = np.zeros(size, np.uint64)
        for column, width in zip((*columns, np.arange(size)), (*widths, place), strict=True):
            packed = packed << np.uint64(width) | column.astype(np.uint64)
        packed.sort()
        order = (packed & np.uint64((1 << place) - 1)).astype(np.intp)
        packed >>= np.uint64(place)
        new = packed[1:] != packed[:-1]
    else:
        order = np.lexsort(columns[::-1])
        new = np.zeros(size - 1, np.bool_)
        for column in columns:
            ordered = column[order]
            new |= ordered[1:] != ordered[:-1]
    return order, np.concatenate(([0], np.flatnonzero(new) + 1))
