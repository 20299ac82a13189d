"""The lab's addresses and names, as containerlab/arm.clab.yml and the BIRD configurations have them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from arm.model import ArmError, Family, Prefix

ROOT = Path(__file__).resolve().parent.parent
TOPOLOGY = ROOT / "lab" / "containerlab" / "arm.clab.yml"

SWITCH_AS = 65000
PAGE_PORT = 8008
BRIDGE_MAC = bytes.fromhex("02000a090001")  # br0 of the switch, the sources' gateway
CONTROL_SOCKET = "/run/traffic.sock"  # of the sender, inside a source
GENERATED = "/run/lab/generated"  # in every node: its folder of what lab/files.py writes


class LabError(ArmError):
    """The lab cannot go on: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A BGP neighbour of the switch; `link` is the third word of its link's addresses."""

    name: str
    asn: int
    link: int

    def address(self, family: Family) -> str:
        """Its end of the link: the next hop of everything it announces."""
        return f"10.0.{self.link}.2" if family is Family.IPV4 else f"2001:db8:{self.link}::2"


TRANSIT1 = Neighbour("transit1", 64501, 1)
TRANSIT2 = Neighbour("transit2", 64502, 2)
EXCHANGE = Neighbour("exchange", 64503, 3)
NEIGHBOURS = (TRANSIT1, TRANSIT2, EXCHANGE)
SWITCH = "switch"
SOURCES = ("source1", "source2")


@dataclass(frozen=True, slots=True)
class Steering:
    """A prefix that tests steer by hand; no other route overlaps it."""

    prefix: Prefix
    address: str  # one inside it


def _steering(prefix: str, address: str) -> Steering:
    return Steering(Prefix(prefix), address)


# Announced by transit1 alone, in its protocols `test_single4` and `test_single6`: disable withdraws it.
TEST_SINGLE = {
    Family.IPV4: _steering("203.0.112.0/24", "203.0.112.10"),
    Family.IPV6: _steering("2a10:ff00::/32", "2a10:ff00::10"),
}
# Announced by transit1 always; by transit2 with a shorter path while its protocols `test_better4` and
# `test_better6` are enabled, which they are not at first.
TEST_BETTER = {
    Family.IPV4: _steering("203.0.114.0/24", "203.0.114.10"),
    Family.IPV6: _steering("2a10:ff01::/32", "2a10:ff01::10"),
}
# Announced by transit1 with an AS_SET, communities of all three kinds and a MED (TEST_RICH_ATTRIBUTES).
TEST_RICH = {
    Family.IPV4: _steering("203.0.115.0/24", "203.0.115.10"),
    Family.IPV6: _steering("2a10:ff02::/32", "2a10:ff02::10"),
}
# Announced by transit1 alone, for traffic that starts when a test says so.
TEST_SPARE = {
    Family.IPV4: _steering("203.0.116.0/24", "203.0.116.10"),
    Family.IPV6: _steering("2a10:ff03::/32", "2a10:ff03::10"),
}

# Routes of the table that tests withdraw and bring back together: bunch number n has every BUNCH_STRIDE-th
# prefix, so half of it lies inside others, and is in the protocols `bunch{n}_ipv4` and `bunch{n}_ipv6` of
# every neighbour that announces it.
BUNCHES = 4
BUNCH_STRIDE = 50

# Space that no generated or loaded route may touch: special addresses (RFC 6890 and others), the lab's own
# links (inside 10/8 and 2001:db8::/32), and what tests steer.
KEPT_OUT = {
    Family.IPV4: tuple(
        ip_network(text)
        for text in (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.112.0/21",
            "224.0.0.0/3",
        )
    ),
    Family.IPV6: tuple(
        ip_network(text)
        for text in (
            "::/3",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "2a10:ff00::/24",
            "3fff::/20",
            "4000::/2",
            "8000::/1",
        )
    ),
}
