"""The log of events against a plain list, and back from bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.history_log import LONGEST, ROOM, Event, EventLog, Kind, from_bytes, to_bytes
from arm.model import Concern, Family

NOW = 1_760_000_000.0
kinds: st.SearchStrategy[Kind] = st.sampled_from([*ROOM])
families = st.none() | st.sampled_from([*Family])
facts = st.dictionaries(st.text("abc", max_size=4), st.integers() | st.text(max_size=9) | st.booleans())
entries = st.tuples(kinds, st.text(max_size=20), families, facts)


def filled(told: list[tuple[Kind, str, Family | None, dict[str, int | str | bool]]]) -> EventLog:
    log = EventLog()
    for second, (kind, text, family, each) in enumerate(told):
        log.add(NOW + second, kind, text, family, **each)
    return log


@given(
    st.lists(entries, max_size=30),
    st.integers(0, 40),
    st.none() | st.integers(-1, 40),
    st.sets(kinds),
    families,
)
def test_the_newest_first_as_a_plain_list_says(
    told: list[tuple[Kind, str, Family | None, dict[str, int | str | bool]]],
    limit: int,
    before: int | None,
    wanted: set[Kind],
    family: Family | None,
) -> None:
    plain = [
        Event(number, NOW + number - 1, kind, text, of, each)
        for number, (kind, text, of, each) in enumerate(told, 1)
        if (not wanted or kind in wanted)
        and (family is None or of is family)
        and (before is None or number < before)
    ]
    found = filled(told).latest(limit, before=before, kinds=wanted, family=family)
    assert found == plain[::-1][:limit]


@given(st.lists(entries, max_size=20), entries)
def test_back_from_bytes_and_on(
    told: list[tuple[Kind, str, Family | None, dict[str, int | str | bool]]],
    more: tuple[Kind, str, Family | None, dict[str, int | str | bool]],
) -> None:
    log = filled(told)
    again = EventLog(from_bytes(to_bytes(log.latest())))
    assert again.latest() == log.latest()
    kind, text, family, each = more
    assert again.add(NOW, kind, text, family, **each).number == len(told) + 1


def test_many_of_one_kind_leave_the_others() -> None:
    log = EventLog()
    log.reloaded(NOW, True, ["announce.mode: observe, it was announce"])
    for second in range(5000):
        log.chosen(NOW + second, Family.IPV4, {second}, {second - 1})
    assert len(log.latest()) == 1 + ROOM["choice"]
    assert log.latest(kinds=["reload"])[0].number == 1


def test_saved_bytes_are_bounded_and_the_newest_stay() -> None:
    log = EventLog()
    for second in range(300):
        log.add(NOW + second, "state", "ü" * 1000, name="é" * 1000)
    events = log.latest()
    assert len(events[0].text) == len(str(events[0].facts["name"])) == LONGEST
    content = to_bytes(events, 100_000)
    assert 90_000 < len(content) <= 100_000
    kept = from_bytes(content)
    assert kept == events[: len(kept)][::-1]


def test_words() -> None:
    log = EventLog()
    concern = Concern("no-samples", "no samples", "look", NOW - 5, Family.IPV6)
    log.started(NOW, "1.2")
    log.state(NOW, Family.IPV4, "frozen", "active", ["no-samples"])
    log.concerns(NOW, [concern], [concern])
    log.reloaded(NOW, False, ["a", "b"])
    log.chosen(NOW, Family.IPV4, {*"abc"}, {*"bcde"})
    log.chosen(NOW, Family.IPV4, {*"abc"}, {*"cab"})  # nothing new: no event
    log.peers(NOW, {"r2", "r1"}, {"r3"})
    assert [event.text for event in reversed(log.latest())] == [
        "ARM 1.2 started",
        "IPv4 is frozen, it was active: no-samples",
        "over: no samples",
        "no samples",
        "the configuration was refused: a; b",
        "IPv4: 3 entries chosen, 1 new, 2 given up",
        "peer r1 is lost",
        "peer r2 is lost",
        "peer r3 is back",
    ]
    over, raised = reversed(log.latest(kinds=["concern"]))
    assert over.facts == {"name": "no-samples", "raised": False, "critical": False, "seconds": 5.0}
    assert raised.facts == {"name": "no-samples", "raised": True, "critical": False}
    assert raised.family is Family.IPV6
    assert log.latest(kinds=["choice"])[0].facts == {"entries": 3, "added": 1, "removed": 2}


GOOD = [1, NOW, "state", "text", "ipv4", {"a": 1}]


@pytest.mark.parametrize(
    "line",
    [
        *(json.dumps([*GOOD[:place], None, *GOOD[place + 1 :]]) for place in (0, 1, 2, 3, 5)),
        json.dumps([0, *GOOD[1:]]),
        json.dumps([*GOOD[:2], "no such kind", *GOOD[3:]]),
        json.dumps([*GOOD[:4], "ipv5", {}]),
        json.dumps([*GOOD[:5], {"a": [1]}]),
        json.dumps(GOOD[:5]),
        json.dumps([1, float("nan"), *GOOD[2:]]),
        "{}",
        "[" * 100_000,
        "\xff",
        "",
    ],
)
def test_other_lines_are_refused_in_words(line: str) -> None:
    assert len(from_bytes(json.dumps(GOOD).encode())) == 1
    with pytest.raises(ValueError, match=r"^a line is "):
        from_bytes(json.dumps(GOOD).encode() + b"\n" + line.encode() + b"\n")


def test_numbers_are_told_apart() -> None:
    with pytest.raises(ValueError, match="one number"):
        from_bytes(b"\n".join([json.dumps(GOOD).encode()] * 2))
