"""The network around the switch: sessions, links and default routes come and go."""

from __future__ import annotations

from arm.model import Family
from lab.plan import SWITCH
from tests.netns.faults_edge import Edge
from tests.netns.faults_outcome import Act


def sessions(action: str, node: str, families: tuple[Family, ...] = tuple(Family)) -> Act:
    """Enable or disable a neighbour's sessions, on its side."""

    def act(edge: Edge) -> None:
        for family in families:
            edge.lab.birdc(node, f"{action} switch_{family.number}")
        lost = action == "disable"
        if lost:
            for family in families:
                edge.until(lambda family=family: not up(edge, node, family), 10, "session down")  # type: ignore[misc]

    return act


def up(edge: Edge, node: str, family: Family) -> bool:
    return "Established" in edge.lab.birdc(SWITCH, f"show protocols {node}_{family.number}")


def link_down(node: str) -> Act:
    """Its end of the link goes down, so ours loses its carrier."""

    def act(edge: Edge) -> None:
        neighbour = edge.lab.nodes[node]
        neighbour.check(["sysctl", "-qw", "net.ipv6.conf.eth1.keep_addr_on_down=1"])
        neighbour.check(["ip", "link", "set", "eth1", "down"])

    return act


def link_up(node: str) -> Act:
    def act(edge: Edge) -> None:
        edge.lab.nodes[node].check(["ip", "link", "set", "eth1", "up"])

    return act


def defaults(action: str, *nodes: str) -> Act:
    def act(edge: Edge) -> None:
        for node in nodes:
            for family in Family:
                edge.lab.birdc(node, f"{action} default{family.number}")

    return act
