"""Paths as ExaBGP wrote them: kept short, shared, and read when somebody asks. Pure.

A full table has some 270,000 distinct sets of attributes, of which only those of installed routes are ever
looked at. Read, each takes about 1 KB; as text without the words that all have in common, 120 octets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from weakref import ref

from arm.model import NO_ATTRIBUTES, AsPathSegment, Attributes, BgpPath

# What ExaBGP writes again and again, each for an octet that cannot be in JSON.
_PHRASES = [
    b'"origin": "igp", "as-path": {"0": {"element": "as-sequence", "value": [',
    b'"origin": "incomplete", "as-path": {"0": {"element": "as-sequence", "value": [',
    b']}}, "local-preference": 100',
    b', "community": [ [ ',
    b', "large-community": [ [ ',
    b', "extended-community": [ { "value": ',
    b'"med": ',
    b" ], [ ",
    b" ] ]",
]
_SHORT = [(phrase, bytes([octet])) for octet, phrase in enumerate(_PHRASES, 1)]
# A path that begins with one of the first two phrases, and is one sequence: most are.
_SEQUENCE = re.compile(rb"[\x01\x02]([0-9, ]+)(?:\x03|]}})")
_LOOKS = 2  # for every new path so many old ones are looked at: going through all at once would take 0.1 s
_PROBE = {0: object()}
_UNUSED = sys.getrefcount(_PROBE[0])  # what a value of a dictionary has if nobody else has it


class Paths:
    """Equal paths are one object while any route has it. `read` turns ExaBGP's text into attributes."""

    def __init__(self, read: Callable[[bytes], Attributes]) -> None:
        self._read = read
        self._known: dict[bytes, _ToldPath] = {}
        self._turn: list[bytes] = []  # those to be looked at next, from the last

    def __len__(self) -> int:
        """How many are known: those in use, and some that were until lately."""
        return len(self._known)

    def of(self, next_hop: bytes, told: bytes) -> BgpPath:
        """The path of these attributes, an object in JSON without its braces."""
        for phrase, octet in _SHORT:
            told = told.replace(phrase, octet)
        key = next_hop + b"\0" + told
        path = self._known.get(key)
        if path is None:
            self._forget(_LOOKS)
            path = self._known[key] = _ToldPath(sys.intern(next_hop.decode("ascii")), key, self._read)
        return path

    def _forget(self, looks: int) -> None:
        """Drop what no route has any more. (Weak references would take more memory than the paths.)"""
        known = self._known
        self._turn = self._turn or list(known)
        for _ in range(min(looks, len(self._turn))):
            key = self._turn.pop()
            if sys.getrefcount(known[key]) <= _UNUSED:
                del known[key]


class _ToldPath(BgpPath):
    """A path that is read from what ExaBGP wrote. What was read is the same object for as long as anybody has
    it, and no longer: those of all routes that were ever shown would take more memory than the table."""

    __slots__ = ("_held", "_reader", "_told")

    def __init__(self, next_hop: str, told: bytes, reader: Callable[[bytes], Attributes]) -> None:
        super().__init__(next_hop, NO_ATTRIBUTES)
        self._told, self._reader = told, reader
        self._held: ref[Attributes] | None = None

    @property
    def attributes(self) -> Attributes:
        """See the base class."""
        known = self._held() if self._held is not None else None
        if known is None:
            known = self._read()
            self._held = ref(known)
        return known

    @property
    def as_path(self) -> tuple[AsPathSegment, ...]:
        """See the base class. Of a usual path the rest is not even read."""
        told = self._told
        usual = _SEQUENCE.match(told, told.index(b"\0") + 1)
        if usual is None:
            return self.attributes.as_path
        return (AsPathSegment("as-sequence", tuple(map(int, usual[1].split(b",")))),)

    def _read(self) -> Attributes:
        told = self._told.partition(b"\0")[2]
        for phrase, octet in _SHORT:
            told = told.replace(octet, phrase)
        return self._reader(told)
