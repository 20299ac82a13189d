"""What survives a restart, as bytes. Pure.

    0   9  "ARM state"
    9   1  version
    10  8  octets that follow the checksum, as all numbers the low octet first
    18  32 SHA-256 of everything before it and after it
    50  4  length of the header
    54     header: JSON with "time", "families" and "sections" ([[name, length], ...]), then the sections

A family's sections are "ipv4.entries", a line for each with prefix, next hop and kind, and "ipv4.memory", the
columns of the meter one after the other, 8 octets a number. Sections of other names are somebody else's.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from arm.model import Family, Kind, Prefix
from arm.state.saved import COLUMNS, Saved, SavedEntry, SavedFamily, check_entries, check_memory
from arm.traffic.blocks import Memory

MAGIC = b"ARM state"
VERSION = 1
LIMIT = 64 << 20  # octets

_START = struct.Struct("<9sBQ")
_SUM = 32
_LENGTH = struct.Struct("<I")
_TYPES = {name: np.dtype("<u8" if name == "keys" else "<f8") for name in COLUMNS}
_ROW = sum(each.itemsize for each in _TYPES.values())  # octets
_LABELS = {family.label: family for family in Family}
_KINDS = {str(kind.value): kind for kind in Kind}

Columns = dict[str, np.ndarray[Any, np.dtype[Any]]]


def encode(saved: Saved, limit: int = LIMIT) -> bytes:
    """At most `limit` octets: of the blocks those stay that have most samples. ValueError if not even
    everything else fits, or if something is not a number."""
    memories = {family: each.memory for family, each in saved.families.items() if each.memory is not None}
    sections = {_name(family, "entries"): _entries(each) for family, each in saved.families.items()}
    if any(name.partition(".")[0] in _LABELS for name in saved.sections):
        raise ValueError("a section has the name of a family")
    sections |= saved.sections
    body = _body(saved, memories, sections)
    room = limit - _START.size - _SUM - (len(body) - _ROW * sum(len(each.keys) for each in memories.values()))
    if room < 0:
        raise ValueError(f"it would have more than {limit} bytes")
    if room // _ROW < sum(len(each.keys) for each in memories.values()):
        body = _body(saved, _heaviest(memories, room // _ROW), sections)
    start = _START.pack(MAGIC, VERSION, len(body))
    return start + hashlib.sha256(start + body).digest() + body


def decode(data: bytes) -> Saved:
    """What was encoded. ValueError, in words, for anything else."""
    body = _checked(data)
    header, rest = _header(body)
    sections = dict(_sections(header.get("sections"), rest))
    families = header.get("families")
    if not isinstance(families, dict):
        raise ValueError("it has no families")
    if not families.keys() <= _LABELS.keys():
        raise ValueError("it has an unknown family")
    found = {_LABELS[label]: _family(_LABELS[label], words, sections) for label, words in families.items()}
    return Saved(_number(header, "time"), found, sections)


# --- writing ----------------------------------------------------------------------------------------------


def _body(saved: Saved, memories: Mapping[Family, Memory], sections: Mapping[str, bytes]) -> bytes:
    families: dict[str, dict[str, object]] = {}
    for family, each in saved.families.items():
        families[family.label] = {"routes": each.routes}
        if family in memories:
            memory = memories[family]
            families[family.label] |= {"observed": memory.observed, "rate": memory.rate}
            sections = {**sections, _name(family, "memory"): _columns(memory)}
    lengths = [[name, len(content)] for name, content in sections.items()]
    words = {"time": saved.time, "families": families, "sections": lengths}
    header = json.dumps(words, allow_nan=False).encode()
    return b"".join((_LENGTH.pack(len(header)), header, *sections.values()))


def _entries(family: SavedFamily) -> bytes:
    lines = [f"{each.prefix} {each.next_hop} {each.kind.value}\n" for each in family.entries]
    return "".join(lines).encode()


def _columns(memory: Memory) -> bytes:
    return b"".join(getattr(memory, name).astype(kind, copy=False).tobytes() for name, kind in _TYPES.items())


def _heaviest(memories: Mapping[Family, Memory], count: int) -> dict[Family, Memory]:
    """The `count` blocks, of both families together, that had most samples."""
    standing = np.concatenate([memory.standing for memory in memories.values()])
    stay = np.zeros(len(standing), np.bool_)
    stay[np.argsort(standing, kind="stable")[len(standing) - count :]] = True
    found, first = {}, 0
    for family, memory in memories.items():
        rows = stay[first : first + len(memory.keys)]
        first += len(memory.keys)
        columns: Columns = {name: getattr(memory, name)[rows] for name in COLUMNS}
        found[family] = Memory(**columns, observed=memory.observed, rate=memory.rate)
    return found


def _name(family: Family, part: str) -> str:
    return f"{family.label}.{part}"


# --- reading ----------------------------------------------------------------------------------------------


def _checked(data: bytes) -> memoryview:
    """What follows the checksum."""
    if len(data) < _START.size + _SUM or not data.startswith(MAGIC):
        raise ValueError("it is no state of ARM, or only its beginning")
    start, view = data[: _START.size], memoryview(data)
    _, version, length = _START.unpack(start)
    if version > VERSION:
        raise ValueError(f"a newer ARM wrote it: version {version}, this one knows {VERSION}")
    body = view[_START.size + _SUM :]
    if len(body) != length:
        raise ValueError(f"it has {len(body)} of {length} bytes")
    total = hashlib.sha256(start)
    total.update(body)
    if version != VERSION or total.digest() != view[_START.size : _START.size + _SUM]:
        raise ValueError("its checksum is wrong")
    return body


def _header(body: memoryview) -> tuple[dict[str, Any], memoryview]:
    """The header, and what follows it."""
    if len(body) < _LENGTH.size:
        raise ValueError("it has no header")
    (length,) = _LENGTH.unpack(body[: _LENGTH.size])
    try:
        header = json.loads(bytes(body[_LENGTH.size : _LENGTH.size + length]))
    except (ValueError, RecursionError):
        raise ValueError("its header is not JSON") from None
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    return header, body[_LENGTH.size + length :]


def _sections(listed: object, rest: memoryview) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in listed if isinstance(listed, list) else [None]:
        match each:
            case [str(name), int(length)] if 0 <= length <= len(rest):
                found.append((name, bytes(rest[:length])))
                rest = rest[length:]
            case _:
                raise ValueError("its sections are not what its header says")
    if rest or len({name for name, _ in found}) != len(found):
        raise ValueError("its sections are not what its header says")
    return found


def _family(family: Family, words: object, sections: dict[str, bytes]) -> SavedFamily:
    """One family; takes its sections out."""
    if not isinstance(words, dict):
        raise ValueError("it has a family that is not a JSON object")
    routes = words.get("routes")
    if routes is not None and (type(routes) is not int or routes < 0):
        raise ValueError("routes is not a whole number from 0")
    entries = [_entry(line) for line in sections.pop(_name(family, "entries"), b"").splitlines()]
    check_entries(family, entries)
    columns = sections.pop(_name(family, "memory"), None)
    if columns is None:
        return SavedFamily(entries, None, routes)
    if len(columns) % _ROW:
        raise ValueError("its blocks are not complete")
    memory = _memory(columns, _number(words, "observed"), _number(words, "rate"))
    check_memory(family, memory)
    return SavedFamily(entries, memory, routes)


def _entry(line: bytes) -> SavedEntry:
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3 or words[2] not in _KINDS:
        raise ValueError("it has an entry that is not prefix, next hop and kind")
    return SavedEntry(Prefix(words[0]), words[1], _KINDS[words[2]])


def _memory(octets: bytes, observed: float, rate: float) -> Memory:
    rows, at = len(octets) // _ROW, 0
    columns: Columns = {}
    for name, kind in _TYPES.items():
        columns[name] = np.frombuffer(octets, kind, rows, at).astype(kind.newbyteorder("="), copy=False)
        at += rows * kind.itemsize
    return Memory(**columns, observed=observed, rate=rate)


def _number(words: Mapping[str, object], name: str) -> float:
    """A finite number from 0."""
    value = words.get(name)
    if type(value) is int and value.bit_length() < 1000:
        value = float(value)
    if not isinstance(value, float) or not isfinite(value) or value < 0.0:
        raise ValueError(f"{name} is not a number from 0")
    return value
