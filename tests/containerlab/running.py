"""What a running node is, against what the topology file says of it: in namespaces and in containers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from tests.containerlab.reading import Reading

Execute = Callable[[str, list[str]], str]  # node, command → what it printed; raises if it fails


def differences(nodes: Mapping[str, Reading], execute: Execute) -> list[str]:
    """Empty if every node is as it should be."""
    return [f"{name}: {what}" for name, node in nodes.items() for what in _node(name, node, execute)]


def _node(name: str, node: Reading, execute: Execute) -> Iterator[str]:
    links = json.loads(execute(name, ["ip", "-j", "address", "show"]))
    up = {link["ifname"] for link in links if link["ifname"].startswith("eth") and "UP" in link["flags"]}
    if up != node.interfaces:
        yield f"interfaces {sorted(up)}, not {sorted(node.interfaces)}"
    mounts = {
        line.split()[4]: line.split()[5]
        for line in execute(name, ["cat", "/proc/self/mountinfo"]).splitlines()
    }
    for _, target, mode in sorted(node.binds):
        if mode not in mounts.get(target, "").split(","):
            yield f"{target} is not bound {'read-only' if mode == 'ro' else 'for writing'}"
    for key, value in node.sysctls.items():
        is_ = execute(name, ["sysctl", "-n", key]).strip()
        if is_ != value:
            yield f"{key} is {is_}, not {value}"
    for key, value in node.env.items():
        if execute(name, ["printenv", key]).strip() != value:
            yield f"{key} is not {value} in the environment"
    has = {
        (link["ifname"], f"{address['local']}/{address['prefixlen']}")
        for link in links
        for address in link["addr_info"]
    }
    for words in node.exec:
        if words[0] == "ip" and "address" in words and "add" in words:
            address, interface = words[words.index("add") + 1], words[words.index("dev") + 1]
            if (interface, address) not in has:
                yield f"{interface} has no {address}"
