"""Single values of the files of `arm simulate`: next hops, prefixes, addresses, weights. Pure.

What is not one raises ArmError, which says what to write instead.
"""

from __future__ import annotations

import math
import socket

from arm.log import printable
from arm.model import ArmError, Family
from arm.rib.prefixmap import Key, text

LONGEST_VALUE = 60  # characters of a file that a fault repeats: enough to find it

_LENGTHS = {family: {str(length): length for length in range(family.bits + 1)} for family in Family}
_HOST_BITS = {
    family: [(1 << (family.bits - length)) - 1 for length in range(family.bits + 1)] for family in Family
}


class NextHops:
    """Next hops by number, groups of them (ECMP) as sets. 0 is the default route's; without a default route
    0 has no name: it is what happens to traffic that nothing matches."""

    def __init__(self, default: str | None) -> None:
        self._names = [""]
        self._numbers: dict[str, int] = {}
        if default is not None:
            name = _group(default)
            self._names, self._numbers = [name], {name: 0}

    def __len__(self) -> int:
        return len(self._names)

    def number(self, word: str) -> int:
        """The number of a next hop, or of several with commas between them; equal sets, equal numbers."""
        found = self._numbers.get(word)
        if found is None:
            name = _group(word)
            found = self._numbers.setdefault(name, len(self._names))
            if found == len(self._names):
                self._names.append(name)
            self._numbers[word] = found
        return found

    def name(self, number: int) -> str:
        """How it is shown: groups sorted."""
        return self._names[number]


def _group(word: str) -> str:
    """The one way to write a group of next hops: sorted, each once."""
    members = sorted(set(word.split(",")))
    # What is not printable would also hide octets that are no text.
    if not all(member and member.isprintable() and not any(map(str.isspace, member)) for member in members):
        problem = f"{shown(word)} is no next hop" if word else "no next hop"
        raise ArmError(problem, "write a word without blanks, or several with commas between them")
    return ",".join(members)


def read_address(word: str, family: Family) -> int:
    """An address as an integer."""
    return _address(word, family, word, "address")


def read_prefix(word: str, family: Family) -> Key:
    """First address and length of a prefix."""
    address, _, digits = word.partition("/")
    start = _address(address, family, word, "prefix")
    length = _LENGTHS[family].get(digits)
    if length is None:
        raise _no("prefix", word, family)
    if start & _HOST_BITS[family][length]:
        right = text(family, start & ~_HOST_BITS[family][length], length)
        raise ArmError(f"{shown(word)} has bits set behind its length", f"write {right}")
    return start, length


def read_weight(word: str) -> float:
    """A number of any unit."""
    try:
        weight = float(word)
    except ValueError:
        weight = math.nan
    # float() also takes "1_0", blanks around a number, and the digits of other scripts.
    if not 0.0 <= weight < math.inf or not word.isascii() or not word.isprintable() or {*word} & {"_", " "}:
        raise ArmError(f"{shown(word)} is no weight", "write a finite number that is not negative")
    return weight


def family_of(word: str) -> Family | None:
    """The family of an address or a prefix, if it is one."""
    family, (address, _, _) = Family.of(word), word.partition("/")
    return None if _packed(address, family) is None else family


def shown(word: str) -> str:
    """A part of a file in quotes, on one line, shortened."""
    cut = word if len(word) <= LONGEST_VALUE else word[: LONGEST_VALUE - 1] + "…"
    return f'"{printable(cut)}"'


def _address(address: str, family: Family, whole: str, what: str) -> int:
    packed = _packed(address, family)
    if packed is None:
        other = family_of(whole)
        if other is None or other is family:
            raise _no(what, whole, family)
        problem = f"{shown(whole)} is {other.title} where {family.title} is wanted"
        raise ArmError(problem, "give each family files of its own; --family says which these are")
    return int.from_bytes(packed, "big")


def _packed(address: str, family: Family) -> bytes | None:
    try:
        return socket.inet_pton(family.af, address)
    except (OSError, ValueError):  # ValueError: characters that no address has
        return None


def _no(what: str, word: str, family: Family) -> ArmError:
    wanted = f"an {family.title} address"
    if what == "prefix":
        wanted += f", a slash and a length from 0 to {family.bits}"
    return ArmError(f"{shown(word)} is no {what}", f"write {wanted}")
