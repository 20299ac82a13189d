"""What is read from BIRD's text.

The texts of 2.0.12 and 2.17.5 are real ones, as BIRD wrote them when its BFD neighbour had died, another one
had been killed (graceful restart), and ARM had announced 12 routes where 10 are let in; that of 3.x follows
its source.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.fib.birdview import (
    Bfd,
    BirdView,
    Channel,
    Session,
    parse_bfd,
    parse_names,
    parse_sessions,
    parse_version,
)
from arm.model import Family

TEXTS = Path(__file__).parent / "bird"
VERSIONS = ("2.0", "2.17", "3")
OWN = ("arm_target", "arm_reflector")


def text(kind: str, version: str) -> list[str]:
    return (TEXTS / f"{kind}-{version}.txt").read_text().splitlines()


def view(version: str) -> BirdView:
    sessions, bfd = parse_sessions(text("protocols", version)), parse_bfd(text("bfd", version))
    return BirdView(version, sessions, bfd)


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions(version: str) -> None:
    found = {each.name: each for each in view(version).sessions}
    assert list(found) == ["transit1_4", "exchange_4", "exchange_6", "linklocal6", "off_4", "arm_target"]
    transit, exchange = found["transit1_4"], found["exchange_4"]
    assert (transit.state, transit.neighbour, transit.asn) == ("Idle", "10.0.1.2", 64501)
    assert transit.last_error == "Error: BFD session down"
    assert not transit.restarting
    assert (exchange.state, exchange.restarting) == ("Active", True)
    assert exchange.last_error == "Socket: Connection refused"
    assert exchange.channels == (Channel("ipv4", imported=2),)
    assert found["linklocal6"].neighbour == "fe80::77", "an address, not where it is"
    assert found["off_4"].state == "Down"
    assert ":47:" in transit.since
    assert transit.since.startswith("2026") == (version == "3")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_import_limit(version: str) -> None:
    shown = view(version)
    target = shown.session("arm_target")
    assert target is not None
    assert target.established
    assert shown.channel("arm_target", Family.IPV4) == Channel("ipv4", 10, 10, limit_hit=True)
    assert shown.channel("arm_target", Family.IPV6) == Channel("ipv6", 0, 10, limit_hit=False)
    assert shown.channel("transit1_4", Family.IPV6) is None
    assert shown.channel("nobody", Family.IPV4) is None


@pytest.mark.parametrize("version", VERSIONS)
def test_who_is_dead(version: str) -> None:
    assert view(version).bfd == (
        Bfd("10.0.1.2", "e1", "Down"),
        Bfd("2001:db8:1::2", "e1", "Down"),
    )
    # 10.0.2.2 restarts gracefully; 2001:db8:1::2 is known by BFD alone.
    assert view(version).dead(OWN) == {"10.0.1.2", "2001:db8:1::2", "2001:db8:2::2", "fe80::77", "10.0.9.9"}


@pytest.mark.parametrize(
    ("sessions", "bfd", "dead"),
    [
        ([("a", "Established", False)], [], False),
        ([("a", "Established", False)], ["Down"], False),  # it never spoke BFD
        ([("a", "Active", False)], [], True),
        ([("a", "Active", False)], ["Up"], True),
        ([("a", "Active", True)], [], False),
        ([("a", "Active", True)], ["Up"], False),
        ([("a", "Active", True)], ["Down"], True),
        ([("a", "Active", False), ("b", "Established", False)], [], False),
        ([("arm_target", "Active", False)], [], False),
        ([("arm_target", "Active", False), ("a", "Active", False)], [], True),
        ([], ["Up"], False),
        ([], ["Init"], True),
    ],
)
def test_dead_or_alive(sessions: list[tuple[str, str, bool]], bfd: list[str], dead: bool) -> None:
    shown = BirdView(
        sessions=tuple(Session(name, state, "", "10.0.1.2", 1, gr) for name, state, gr in sessions),
        bfd=tuple(Bfd("10.0.1.2", "e1", state) for state in bfd),
    )
    assert shown.dead(OWN) == ({"10.0.1.2"} if dead else set())


def test_neighbours_that_have_no_address_yet() -> None:
    """`neighbor range`: a session that waits for others to come."""
    lines = [
        "any BGP --- start 2026-11-21 Passive",
        "  BGP state:          Passive",
        "    Neighbor range: 10.0.0.0/8",
    ]
    (session,) = parse_sessions(lines)
    assert session.neighbour is None
    assert BirdView(sessions=(session,)).dead() == frozenset()


def test_names_change_with_the_state() -> None:
    def names(line: str) -> tuple[tuple[str, ...], ...]:
        return parse_names(["Name       Proto      Table      State  Since         Info", line])

    up = names("t1         BGP        ---        up     15:18:09.762  Established   ")
    assert len(up) == 1
    assert up != names(
        "t1         BGP        ---        start  15:18:10.001  Idle          Error: BFD session down"
    )
    assert names("bfd1       BFD        ---        up     15:18:08.856  ") == ()


def test_version() -> None:
    assert parse_version("BIRD 2.0.12 ready.") == "2.0.12"
    assert parse_version("something else") == ""


@given(st.lists(st.sampled_from(text("protocols", "2.0") + text("bfd", "2.0")) | st.text(max_size=40)))
def test_nonsense_is_survived(lines: list[str]) -> None:
    BirdView("", parse_sessions(lines), parse_bfd(lines)).dead(OWN)
    parse_names(lines)
