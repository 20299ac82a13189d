"""The history as bytes, for the file that survives restarts. Pure.

    0   1  version
    1   4  length of the names, low octet first like everything else
    5      names, in UTF-8, one a line
           then of each ring, from the finest: 8 octets for each bucket's number, and of each figure for each
           bucket the count (2 octets), the mean, the lowest and the highest (4 octets each)

The file's own checksum tells damage; what is checked here is that it can be a history at all.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arm.history import LATEST, NEVER, SPANS, History, Numbers, Ring, Span

VERSION = 1
SECTION = "history"  # its name in the file

_START = struct.Struct("<BI")
_MANY = 0xFFFF  # a bucket of 30 minutes has seen 1,800
_COUNTS, _FIGURES, _NUMBERS = np.dtype("<u2"), np.dtype("<f4"), np.dtype("<i8")


def size(names: Sequence[str]) -> int:
    """Octets of a history of these figures: always the same, however much is in it."""
    words = len("\n".join(names).encode())
    cell = _COUNTS.itemsize + 3 * _FIGURES.itemsize
    return _START.size + words + sum(span.size for span in SPANS) * (_NUMBERS.itemsize + len(names) * cell)


def to_bytes(history: History) -> bytes:
    """All of it. Figures lose what a float of 4 octets cannot hold."""
    words = "\n".join(history.names).encode()
    parts = [_START.pack(VERSION, len(words)), words]
    for ring in history.rings.values():
        known = ring.counts > 0
        mean = np.where(known, ring.totals / np.maximum(ring.counts, 1), 0.0)
        low, high = np.where(known, ring.lows, 0.0), np.where(known, ring.highs, 0.0)
        parts.append(ring.numbers.astype(_NUMBERS).tobytes())
        parts.append(np.minimum(ring.counts, _MANY).astype(_COUNTS).tobytes())
        parts.extend(each.astype(_FIGURES).tobytes() for each in (np.clip(mean, low, high), low, high))
    return b"".join(parts)


def from_bytes(content: bytes, names: Sequence[str]) -> History:
    """The history of `names`: what was saved of those, and gaps for others. ValueError, in words, for what is
    no history."""
    if len(content) < _START.size:
        raise ValueError("it is too short")
    version, length = _START.unpack_from(content)
    if version != VERSION:
        raise ValueError(f"it has version {version}, this ARM knows {VERSION}")
    words = content[_START.size : _START.size + length].decode()  # UnicodeDecodeError is a ValueError
    saved = words.split("\n") if words else []
    if len(set(saved)) != len(saved) or len(content) != size(saved):
        raise ValueError("its length is not what its names ask for")
    history, at = History(names), _START.size + length
    rows = [(row, saved.index(name)) for row, name in enumerate(names) if name in saved]
    for ring in history.rings.values():
        at = _read(ring, content, at, len(saved), rows)
    return history


def _read(ring: Ring, content: bytes, at: int, figures: int, rows: list[tuple[int, int]]) -> int:
    """Fill one ring; gives where the next one begins."""
    cells = figures * ring.span.size

    def column(kind: np.dtype[np.generic], count: int) -> NDArray[np.generic]:
        nonlocal at
        found = np.frombuffer(content, kind, count, at)
        at += count * kind.itemsize
        return found

    ring.numbers[:] = bucket_numbers(ring.span, column(_NUMBERS, ring.span.size).astype(np.int64))
    counts = column(_COUNTS, cells).astype(np.int64).reshape(figures, -1)
    columns = [column(_FIGURES, cells).astype(np.float64).reshape(figures, -1) for _ in range(3)]
    mean, low, high = columns
    if not all(bool(np.isfinite(each).all()) for each in columns):
        raise ValueError("it has figures that are no numbers")
    if not bool(((low <= mean) & (mean <= high)).all()):
        raise ValueError("it has means outside of what they are means of")
    counts[:, ring.numbers == NEVER] = 0
    for row, place in rows:
        known = counts[place] > 0
        ring.counts[row] = counts[place]
        ring.totals[row] = mean[place] * counts[place]
        ring.lows[row] = np.where(known, low[place], np.inf)
        ring.highs[row] = np.where(known, high[place], -np.inf)
    return at


def bucket_numbers(span: Span, numbers: Numbers) -> Numbers:
    """The same, if buckets with these numbers can be at their places; else ValueError."""
    held = numbers != NEVER
    place = np.arange(span.size)
    if bool(
        (held & ((numbers < 0) | (numbers > LATEST // span.step) | (numbers % span.size != place))).any()
    ):
        raise ValueError("it has buckets of no time")
    return numbers
