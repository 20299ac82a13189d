"""Entries become ExaBGP API commands. Pure text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from arm.model import AsPathSegment, Attributes, Entry, Family, Kind, Prefix

ARM_MARK = 6343  # middle word of ARM's large community, (AS, 6343, kind): what BIRD lets in
PREFIXES_PER_COMMAND = 100  # a line stays far below ExaBGP's and a pipe's limits, an answer comes soon

_BRACKETS = {"as-sequence": "[ {} ]", "as-set": "( {} )"}


def announce(selector: str, asn: int, entries: Iterable[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    """Commands that announce `entries`, those with equal attributes together, in the order of the first.

    Yields the command and the entries that it carries. `selector` names the session, `asn` is the AS in
    ARM's mark.
    """
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
            yield f"{selector} announce attributes next-hop {first.next_hop} {words} nlri {prefixes}", part


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
    """The attributes in ExaBGP's configuration language, with ARM's mark added."""
    words = [f"origin {attributes.origin}"]
    if attributes.as_path:
        words.append(f"as-path {' '.join(map(_segment, attributes.as_path))}")
    if attributes.med is not None:
        words.append(f"med {attributes.med}")
    if attributes.local_preference is not None:
        words.append(f"local-preference {attributes.local_preference}")
    if attributes.atomic_aggregate:
        words.append("atomic-aggregate")
    if attributes.aggregator is not None:
        words.append(f"aggregator ( {attributes.aggregator} )")
    if attributes.communities:
        words.append(f"community [ {' '.join(f'{a}:{b}' for a, b in attributes.communities)} ]")
    large = [*attributes.large_communities, mark]
    words.append(f"large-community [ {' '.join(f'{a}:{b}:{c}' for a, b, c in large)} ]")
    if attributes.extended_communities:
        words.append(
            f"extended-community [ {' '.join(f'0x{v:016x}' for v in attributes.extended_communities)} ]"
        )
    words += [
        f"attribute [ 0x{code:02x} 0x{flags:02x} 0x{value} ]" for code, flags, value in attributes.others
    ]
    return " ".join(words)


def _segment(segment: AsPathSegment) -> str:
    return _BRACKETS[segment.kind].format(" ".join(map(str, segment.numbers)))
