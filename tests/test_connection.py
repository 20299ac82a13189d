"""What health says to do about a session that does not come up, by what a real BIRD 2.0.12 says of it."""

from __future__ import annotations

import pytest

from arm.exabgp.config import Session
from arm.fib.birdview import BirdView, parse_sessions
from arm.picture_connection import remedy
from arm.routing import REFLECTOR
from tests.middle import Middle

TARGET = Session("target", "127.0.0.1", "127.0.0.2", 65000, "192.0.2.254")
TAKEN = "Error: No listening socket"


def view(state: str, error: str = "", neighbour: str = "127.0.0.2") -> BirdView:
    """As `show protocols all arm_target` has it."""
    up = "down" if state == "Down" else "start"
    lines = [
        f"arm_target BGP        ---        {up}   22:00:37.034  {error}",
        f"  BGP state:          {state}",
        f"    Neighbor address: {neighbour}",
        "    Neighbor AS:      65000",
        "    Local AS:         65000",
        *([f"    Last error:       {error}"] if error else []),
        "  Channel ipv4",
        "    State:          DOWN",
    ]
    return BirdView("2.0.12", parse_sessions(lines))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (BirdView(), "BIRD has none with 127.0.0.2: "),
        (view("Passive", neighbour="127.0.0.3"), "BIRD has none with 127.0.0.2: "),
        (view("Down", TAKEN), "BIRD cannot listen on 127.0.0.1 port 1179: "),
        (view("Down"), "arm_target is off in BIRD: `birdc enable arm_target`"),
        (view("Active", "Socket: Connection refused"), "arm_target waits for ARM to listen: "),
        (view("Passive", TAKEN), "ARM connects to 127.0.0.1 port 1179: "),
        (view("Idle", "Invalid remote AS"), "BIRD does not agree: Invalid remote AS; "),
        (view("OpenSent"), "BIRD does not agree; "),
    ],
)
def test_the_remedy_fits_what_bird_says(seen: BirdView, expected: str) -> None:
    assert remedy(TARGET, 1179, seen).startswith(expected)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (view("Passive"), True),
        (view("Passive", neighbour="127.0.0.3"), False),
        (view("Down", TAKEN), False),
        (view("Active"), False),
        (view("OpenConfirm"), False),
        (view("Established"), False),
        (BirdView(sessions=view("Passive").sessions + view("Idle").sessions), True),
        (BirdView(sessions=view("Passive").sessions + view("OpenSent").sessions), False),
    ],
)
def test_bird_awaits_us_when_it_would_take_a_connection_and_has_none(seen: BirdView, expected: bool) -> None:
    assert seen.awaits(("127.0.0.1", "127.0.0.2")) is expected


def test_an_attempt_that_fails_does_not_make_an_outage_younger() -> None:
    middle = Middle()
    middle.session(up=True)
    assert middle.routing.down_since[REFLECTOR] is None
    for now in (10.0, 11.0, 13.0):
        middle.now = now
        middle.session(up=False)
        assert middle.routing.down_since[REFLECTOR] == 10.0
    middle.session(up=True)
    assert middle.routing.down_since[REFLECTOR] is None
