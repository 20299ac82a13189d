"""Processes that die, hang and come back: ARM, ExaBGP, BIRD, the sFlow agent."""

from __future__ import annotations

import os
import signal

from lab.plan import SWITCH
from tests.netns.faults_edge import Edge
from tests.netns.faults_outcome import Act


def stop_arm(number: signal.Signals) -> Act:
    def act(edge: Edge) -> None:
        edge.lab.stop_arm(number)

    return act


def start_arm(edge: Edge) -> None:
    edge.start_arm()


def signal_exabgp(number: signal.Signals) -> Act:
    def act(edge: Edge) -> None:
        os.kill(edge.exabgp_pid(), number)

    return act


def stop_bird(node: str, number: signal.Signals) -> Act:
    def act(edge: Edge) -> None:
        edge.lab.programs[node]["bird"].stop(number)

    return act


def start_bird(node: str) -> Act:
    def act(edge: Edge) -> None:
        edge.lab.restart_bird(node)

    return act


def kill_agent(edge: Edge) -> None:
    """Open vSwitch is the agent, and the ports: packets stop as well."""
    edge.lab.programs[SWITCH]["ovs-vswitchd"].stop(signal.SIGKILL)


def start_agent(edge: Edge) -> None:
    edge.lab.restart_forwarder()


# --- sFlow alone


def silence_agent(edge: Edge) -> None:
    """The agent sends nothing; packets go on."""
    edge.lab.nodes[SWITCH].check(["ovs-vsctl", "clear", "bridge", "br0", "sflow"])


def wake_agent(edge: Edge) -> None:
    node = edge.lab.nodes[SWITCH]
    for command in node.plan.exec:
        if "sflow" in command:
            node.check(command)
