"""Questions to the switch: its kernel, its BIRD, its ARM."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import time
from typing import Any

from arm.model import Family
from lab.namespaces import Node
from lab.plan import PAGE_PORT, LabError


def kernel_routes(node: Node, family: Family) -> dict[str, list[str]]:
    """The kernel routes that BIRD installed: prefix → gateways."""
    options = ["-6"] if family is Family.IPV6 else []
    listing = node.check(["ip", *options, "-j", "route", "show", "proto", "bird"])
    routes: dict[str, list[str]] = {}
    for route in json.loads(listing or "[]"):
        host = f"/{family.bits}" if "/" not in route["dst"] else ""
        prefix = family.default if route["dst"] == "default" else route["dst"] + host
        hops = route.get("nexthops", [route])
        routes[prefix] = [hop["gateway"] for hop in hops if "gateway" in hop]
    return routes


def routes_in(node: Node, table: str) -> int:
    """How many routes a table of BIRD holds, all neighbours' added up."""
    done = node.run(["birdc", "show", "route", "table", table, "count"])
    found = re.search(r"^(\d+) of \d+ routes", done.stdout, re.MULTILINE)
    time.sleep(0.2)  # counting a million routes keeps BIRD from learning them
    return int(found[1]) if found else 0


def get(node: Node, path: str, timeout: float) -> Any:
    """GET from ARM's API; JSON, decoded."""
    connection = http.client.HTTPConnection("127.0.0.1", PAGE_PORT, timeout=timeout)
    try:
        connection.sock = node.connect(socket.AF_INET, ("127.0.0.1", PAGE_PORT), timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != 200:
            raise LabError(f"GET {path}: {answer.status} {body[:200]!r}", "see log/switch-arm.log")
        return json.loads(body)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise LabError(f"GET {path}: {error!r}", "see log/switch-arm.log") from error


def answers(node: Node) -> bool:
    """Does ARM's API?"""
    try:
        get(node, "/api/v1/status", 2.0)
    except LabError:
        return False
    return True
