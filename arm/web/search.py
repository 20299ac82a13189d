"""Filter, sort and cut the route table, which may hold 100,000 lines: at most one pass for each step."""

from __future__ import annotations

import heapq
import ipaddress
import re
import socket
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any, get_args

from arm.model import ActiveRoute, Family
from arm.web.schemas import Difference, RouteQuery

Test = Callable[[ActiveRoute], bool]

_PLACE = {family: place for place, family in enumerate(Family)}
_STATES: dict[str, Test] = {
    "installed": lambda row: row.in_kernel,
    "active": lambda row: row.bits_per_second > 0,
    "missing": lambda row: row.announced and not row.in_kernel,
    "different": lambda row: row.difference is not None,
}
_URGENCY = {name: place for place, name in enumerate(get_args(Difference))}
_KEYS: dict[str, Callable[[ActiveRoute], Any]] = {
    "rank": lambda row: row.rank,
    "prefix": lambda row: address_order(row.prefix),
    "bits_per_second": lambda row: row.bits_per_second,
    "packets_per_second": lambda row: row.packets_per_second,
    "next_hop": lambda row: address_order(row.next_hop or ""),
    "since": lambda row: row.since,
    "difference": lambda row: (_URGENCY[row.difference], row.rank),  # those without come after, by rank
}


def search(rows: Sequence[ActiveRoute], query: RouteQuery) -> tuple[int, list[ActiveRoute]]:
    """How many rows match, and the page of them that was asked for."""
    matching = _matching(_of_family(rows, query.family), query)
    return len(matching), _page(matching, query)


def _of_family(rows: Sequence[ActiveRoute], label: str | None) -> Sequence[ActiveRoute]:
    for family, place in _PLACE.items():
        if family.label == label:
            first = bisect_left(rows, place, key=lambda row: _PLACE[row.family])
            last = bisect_right(rows, place, key=lambda row: _PLACE[row.family])
            return rows[first:last]
    return rows


def _matching(rows: Sequence[ActiveRoute], query: RouteQuery) -> Sequence[ActiveRoute]:
    tests = [_word_test(word) for word in query.q.lower().split()]
    if query.state in _STATES:
        tests.append(_STATES[query.state])
    if query.kind is not None:
        tests.append(lambda row: row.kind == query.kind)
    for test in tests:
        rows = [row for row in rows if test(row)]
    return rows


def _word_test(word: str) -> Test:
    """An address finds the prefixes that contain it; any other word is looked for in the text."""
    try:
        address = ipaddress.ip_address(word)
    except ValueError:
        return _text_test(word)
    # All prefixes that can contain it are at most 129 texts: cheaper than parsing 100,000 prefixes.
    covering = {
        str(ipaddress.ip_network((address, bits), strict=False)) for bits in range(address.max_prefixlen + 1)
    }
    return lambda row: row.prefix in covering or row.next_hop == str(address)


def _text_test(word: str) -> Test:
    number = word.removeprefix("as")

    def in_path(row: ActiveRoute) -> bool:
        # "12" must not find AS 3128; the cheap test spares most paths the exact one.
        return number in row.as_path and number in re.findall(r"\d+", row.as_path)

    if not number.isdecimal():
        return lambda row: word in row.prefix or word in (row.next_hop or "")
    if number != word:
        return in_path
    return lambda row: word in row.prefix or word in (row.next_hop or "") or in_path(row)


def _page(rows: Sequence[ActiveRoute], query: RouteQuery) -> list[ActiveRoute]:
    """Sorted only as far as the end of the page. Rows without a value come last, whichever the order."""
    end = query.offset + query.limit
    first = heapq.nlargest if query.order == "desc" else heapq.nsmallest
    known = [row for row in rows if getattr(row, query.sort) is not None]
    page = first(end, known, key=_KEYS[query.sort])
    if end > len(known) and len(known) < len(rows):
        page += [row for row in rows if getattr(row, query.sort) is None]
    return page[query.offset : end]


def address_order(text: str) -> tuple[int, bytes, int]:
    """The order in which people expect addresses and prefixes: IPv4 first, 9.0.0.0 before 10.0.0.0."""
    address, _, bits = text.partition("/")
    family = Family.of(address)
    try:
        return _PLACE[family], socket.inet_pton(family.af, address), int(bits or family.bits)
    except OSError:  # a next hop with an interface, "fe80::1%swp1": behind the plain ones
        return len(_PLACE), address.encode(), 0
