"""Entries become ExaBGP API commands. Pure text.

ExaBGP's time goes into making objects of each attribute's parts, copying and printing them, and into what it
does once per command. So lists are given as the octets of the wire, which it keeps as one value, and several
sets of attributes share a command: 20,000 entries, each with its own set, take it 11 s instead of 18 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arm.model import AsPathSegment, Attributes, Entry, Family, Kind, Prefix

ARM_MARK = 6343  # middle word of ARM's large community, (AS, 6343, kind): what BIRD lets in
PREFIXES_PER_COMMAND = 100  # a line stays far below ExaBGP's and a pipe's limits, an answer comes soon
SETS_PER_COMMAND = 16  # with attributes of their own: more would not be quicker
FULL = 8192  # characters after which nothing is added to a command

_SEGMENTS = {"as-set": 1, "as-sequence": 2}  # RFC 4271, section 4.3
_TRANSITIVE, _OPTIONAL = 0x40, 0xC0  # flags: well-known, and optional transitive


def announce(selector: str, asn: int, entries: Iterable[Entry]) -> Iterator[tuple[str, list[list[Entry]]]]:
    """Commands that announce `entries`, those with equal attributes together, in the order of the first.

    Yields the command and the entries that it carries, by attributes. `selector` names the session, `asn` is
    the AS in ARM's mark.
    """
    start = f"{selector} announce "
    texts: list[str] = []
    sets: list[list[Entry]] = []
    room, prefixes = FULL, PREFIXES_PER_COMMAND
    for text, members in _sets(asn, entries):
        if texts and (room <= 0 or len(members) > prefixes or len(sets) == SETS_PER_COMMAND):
            yield start + " ; ".join(texts), sets
            texts, sets, room, prefixes = [], [], FULL, PREFIXES_PER_COMMAND
        texts.append(text)
        sets.append(members)
        room -= len(text)
        prefixes -= len(members)
    if texts:
        yield start + " ; ".join(texts), sets


def _sets(asn: int, entries: Iterable[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """What announces entries with equal attributes, and these."""
    groups: dict[tuple[Family, str, int, Kind], list[Entry]] = {}
    for entry in entries:
        key = (Family.of(entry.prefix), entry.next_hop, id(entry.attributes), entry.kind)
        groups.setdefault(key, []).append(entry)
    for members in groups.values():
        first = members[0]
        words = attribute_words(first.attributes, (asn, ARM_MARK, first.kind.value))
        for start in range(0, len(members), PREFIXES_PER_COMMAND):
            part = members[start : start + PREFIXES_PER_COMMAND]
            prefixes = " ".join(entry.prefix for entry in part)
            yield f"attributes next-hop {first.next_hop} {words} nlri {prefixes}", part


def withdraw(selector: str, prefixes: Iterable[Prefix]) -> Iterator[tuple[str, list[Prefix]]]:
    """Commands that withdraw `prefixes`; yields each with the prefixes that it carries."""
    families: dict[Family, list[Prefix]] = {}
    for prefix in prefixes:
        families.setdefault(Family.of(prefix), []).append(prefix)
    for members in families.values():
        for start in range(0, len(members), PREFIXES_PER_COMMAND):
            part = members[start : start + PREFIXES_PER_COMMAND]
            yield f"{selector} withdraw attributes nlri {' '.join(part)}", part


def end_of_rib(selector: str, family: Family) -> str:
    """The command that says: everything announced before this is complete (RFC 4724)."""
    return f"{selector} announce eor {family.label} unicast"


def attribute_words(attributes: Attributes, mark: tuple[int, int, int]) -> str:
    """The attributes in ExaBGP's configuration language, with ARM's mark added.

    Left out is what ExaBGP adds itself. AS numbers take 4 octets: our configuration of ExaBGP asks for that,
    and so does every BIRD that is not told otherwise.
    """
    words = []
    if attributes.origin != "igp":
        words.append(f"origin {attributes.origin}")
    if attributes.as_path:
        words.append(_octets(2, _TRANSITIVE, "".join(map(_segment, attributes.as_path))))
    if attributes.med is not None:
        words.append(f"med {attributes.med}")
    if attributes.local_preference not in (None, 100):
        words.append(f"local-preference {attributes.local_preference}")
    if attributes.atomic_aggregate:
        words.append("atomic-aggregate")
    if attributes.aggregator is not None:
        words.append(f"aggregator ( {attributes.aggregator} )")
    if attributes.communities:
        words.append(_octets(8, _OPTIONAL, "".join(f"{a:04x}{b:04x}" for a, b in attributes.communities)))
    if attributes.extended_communities:
        words.append(_octets(16, _OPTIONAL, "".join(f"{v:016x}" for v in attributes.extended_communities)))
    large = dict.fromkeys([*attributes.large_communities, mark])
    words.append(_octets(32, _OPTIONAL, "".join(f"{a:08x}{b:08x}{c:08x}" for a, b, c in large)))
    words += [_octets(*other) for other in attributes.others]
    return " ".join(words)


def _octets(code: int, flags: int, value: str) -> str:
    return f"attribute [ 0x{code:02x} 0x{flags:02x} 0x{value} ]"


def _segment(segment: AsPathSegment) -> str:
    numbers = "".join(f"{number:08x}" for number in segment.numbers)
    return f"{_SEGMENTS[segment.kind]:02x}{len(segment.numbers):02x}{numbers}"
