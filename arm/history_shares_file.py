"""The history of who had how much as bytes, for the file that survives restarts. Pure.

    0   1  version
    1   4  length of the header, low octet first like everything else
    5      header: JSON, a list of [family, by, names] for each series
           then of each series for each ring, from the finest: 8 octets for each bucket's number, the count
           (2 octets) and the total (4 octets) of each, and KEPT names (2 octets each) with their means (4)

The file's own checksum tells damage; what is checked here is that it can be a history at all.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arm.history import NEVER
from arm.history_file import bucket_numbers
from arm.history_shares import KEPT, NOBODY, SERIES, NameRing, Names, Series, Shares

VERSION = 1
SECTION = "shares"  # its name in the file

_START = struct.Struct("<BI")
_MANY = 0xFFFF  # of counts; and as a name: nobody
_NUMBERS, _SHORT, _FIGURES = np.dtype("<i8"), np.dtype("<u2"), np.dtype("<f4")
_KEYS: dict[tuple[str, str], Series] = {(family.label, by): (family, by) for family, by in SERIES}


def to_bytes(shares: Shares) -> bytes:
    """All of it. Figures lose what a float of 4 octets cannot hold."""
    words, parts = [], []
    for (family, by), names in shares.series.items():
        names.settle()
        words.append([family.label, by, names.names])
        for ring in names.rings.values():
            counts = np.maximum(ring.counts, 1)
            who = np.where(ring.who == NOBODY, _MANY, ring.who)
            parts.append(ring.numbers.astype(_NUMBERS).tobytes())
            parts.append(np.minimum(ring.counts, _MANY).astype(_SHORT).tobytes())
            parts.append((ring.totals / counts).astype(_FIGURES).tobytes())
            parts.append(who.astype(_SHORT).tobytes())
            parts.append((ring.sums / counts[:, None]).astype(_FIGURES).tobytes())
    header = json.dumps(words, separators=(",", ":")).encode()
    return b"".join((_START.pack(VERSION, len(header)), header, *parts))


def from_bytes(content: bytes) -> Shares:
    """What was saved of the series that are kept. ValueError, in words, for what is no such history."""
    if len(content) < _START.size:
        raise ValueError("it is too short")
    version, length = _START.unpack_from(content)
    if version != VERSION:
        raise ValueError(f"it has version {version}, this ARM knows {VERSION}")
    shares, at = Shares(), _START.size + length
    for words in _header(content[_START.size : at]):
        match words:
            case [str(label), str(by), list(texts)] if all(isinstance(text, str) for text in texts):
                names = Names()
            case _:
                raise ValueError("its header names no series")
        for ring in names.rings.values():
            at = _read(ring, content, at, len(texts))
        names.load(texts)
        if (label, by) in _KEYS:
            shares.series[_KEYS[label, by]] = names
    if at != len(content):
        raise ValueError("it is longer than its header says")
    return shares


def _header(content: bytes) -> list[Any]:
    try:
        words = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("its header is not JSON") from None
    if not isinstance(words, list):
        raise ValueError("its header is no list")
    return words


def _read(ring: NameRing, content: bytes, at: int, names: int) -> int:
    """Fill one ring; gives where the next one begins."""

    def column(kind: np.dtype[Any], count: int) -> NDArray[Any]:
        nonlocal at
        if len(content) - at < count * kind.itemsize:
            raise ValueError("it is shorter than its header says")
        found = np.frombuffer(content, kind, count, at)
        at += count * kind.itemsize
        return found

    size = ring.span.size
    ring.numbers[:] = bucket_numbers(ring.span, column(_NUMBERS, size).astype(np.int64))
    counts = column(_SHORT, size).astype(np.int64)
    totals = column(_FIGURES, size).astype(np.float64)
    who = column(_SHORT, size * KEPT).astype(np.int32).reshape(size, KEPT)
    means = column(_FIGURES, size * KEPT).astype(np.float64).reshape(size, KEPT)
    if not all(bool((np.isfinite(each) & (each >= 0.0)).all()) for each in (totals, means)):
        raise ValueError("it has traffic that is no number")
    nobody = who == _MANY
    if bool(((who >= names) & ~nobody).any()):
        raise ValueError("it has traffic of nobody")
    ring.counts[:], ring.totals[:] = counts, totals * counts
    ring.who[:] = np.where(nobody, NOBODY, who)
    ring.sums[:] = np.where(nobody, 0.0, means * counts[:, None])
    ring.clear(ring.numbers == NEVER)
    return at
