"""One interval's traffic as a line of a recording. Pure.

A recording is text, a JSON object a line. The first line tells the version, every other one is what came to
one family in one interval; here broken for reading:

    {"recording":1}
    {"time":1764547200.5,"family":4,"seconds":1.0,"keys":["cb007100","cb00712a"],
     "octets":[1500000.0,64000.0],"packets":[1000.0,1000.0],"samples":[1,1]}

Keys are the 8 hexadecimal digits of an IPv4 address or the first 16 of an IPv6 address.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arm.model import Family
from arm.rib.hoptable import Keys, key_bits

VERSION = 1
HEADER = '{"recording":1}'
FAMILIES = {family.number: family for family in Family}


@dataclass(frozen=True, slots=True)
class Interval:
    """One family's traffic in one interval; columns of shape (n,), one row for each key."""

    time: float  # Unix seconds
    family: Family
    seconds: float  # how long it was
    keys: Keys
    octets: NDArray[np.float64]
    packets: NDArray[np.float64]
    samples: NDArray[np.int64]


def version(line: bytes) -> Any:
    """What a first line says. Raises ValueError if it is none of a recording."""
    try:
        return json.loads(line)["recording"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("not a recording of traffic") from None


def write_line(interval: Interval) -> str:
    digits = key_bits(interval.family) // 4
    keys = interval.keys.astype(f">u{digits // 2}").tobytes().hex()
    columns = {
        "time": interval.time,
        "family": interval.family.number,
        "seconds": interval.seconds,
        "keys": [keys[at : at + digits] for at in range(0, len(keys), digits)],
        "octets": interval.octets.tolist(),
        "packets": interval.packets.tolist(),
        "samples": interval.samples.tolist(),
    }
    return json.dumps(columns, separators=(",", ":"))


def read_line(line: bytes) -> Interval:
    """The interval that a line tells. Raises ValueError with what is wrong with it."""
    try:
        values = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    if values.get("family") not in (4, 6):
        raise ValueError("family is neither 4 nor 6")
    family = FAMILIES[values["family"]]
    keys = _keys(values.get("keys"), key_bits(family) // 4)
    return Interval(
        _number(values.get("time"), "time"),
        family,
        _number(values.get("seconds"), "seconds"),
        keys,
        _column(values.get("octets"), "octets", len(keys)).astype(np.float64),
        _column(values.get("packets"), "packets", len(keys)).astype(np.float64),
        _column(values.get("samples"), "samples", len(keys), kinds="i").astype(np.int64),
    )


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= sys.float_info.max:
        raise ValueError(f"{name} is not a number from 0")
    return float(value)


def _column(values: Any, name: str, count: int, kinds: str = "if") -> NDArray[Any]:
    """A list of `count` numbers of numpy's `kinds`: integers, floats."""
    try:
        column = np.asarray(values if isinstance(values, list) else None)
    except (ValueError, OverflowError):  # lists in it, or numbers beyond all bounds
        column = np.asarray(None)
    if column.shape != (count,):
        raise ValueError(f"{name} is not a list of as many numbers as there are keys")
    if count and (column.dtype.kind not in kinds or not (np.isfinite(column) & (column >= 0)).all()):
        raise ValueError(f"{name} has what is not a {'whole ' * (kinds == 'i')}number from 0")
    return column


def _keys(texts: Any, digits: int) -> Keys:
    """Keys from `digits` hexadecimal digits each."""
    try:
        packed = bytes.fromhex("".join(texts)) if {len(text) for text in texts} <= {digits} else b""
    except (ValueError, TypeError):
        packed = b""
    if not isinstance(texts, list) or len(packed) * 2 != digits * len(texts):
        raise ValueError(f"keys is not a list of addresses of {digits} hexadecimal digits")
    return np.frombuffer(packed, f">u{digits // 2}").astype(np.uint64)
