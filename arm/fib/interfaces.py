"""What this router is directly connected to, and its own addresses: nothing to choose routes for."""

from __future__ import annotations

from ipaddress import ip_interface

from pyroute2 import IPRoute

from arm.model import Prefix


def connected() -> list[Prefix]:
    """The network of every address of every interface, own addresses included. Blocks for milliseconds."""
    with IPRoute() as kernel:
        found = {f"{message.get('address')}/{message['prefixlen']}" for message in kernel.get_addr()}
    return sorted(Prefix(str(ip_interface(each).network)) for each in found)
