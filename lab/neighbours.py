"""What arrives at the neighbours: counted in the kernel by containerlab/neighbour/count.nft."""

from __future__ import annotations

import json

from lab.namespaces import Node


def counts(node: Node) -> dict[str, int]:
    """Packets that reached a neighbour so far, by destination address."""
    found: dict[str, int] = {}
    for name in ("seen4", "seen6"):
        listing = json.loads(node.check(["nft", "-j", "list", "set", "netdev", "lab", name]))
        for item in listing["nftables"]:
            for member in item.get("set", {}).get("elem", ()):
                found[member["elem"]["val"]] = member["elem"]["counter"]["packets"]
    return found


def total(node: Node) -> int:
    """All packets that reached a neighbour so far; much cheaper than `counts`. Never cleared."""
    listing = json.loads(node.check(["nft", "-j", "list", "counter", "netdev", "lab", "arrived"]))
    return sum(int(item["counter"]["packets"]) for item in listing["nftables"] if "counter" in item)


def clear(node: Node) -> None:
    """Start counting from zero."""
    for name in ("seen4", "seen6"):
        node.check(["nft", "flush", "set", "netdev", "lab", name])
