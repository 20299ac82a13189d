"""Runs in the switch, for check.sh: did packets arrive where the kernel and the full table send them?

Standard input has a line `NEXT-HOP ADDRESS PACKETS` for destinations whose packets arrived at that next hop.
None may be misforwarded: arrive elsewhere than at BIRD's best path or where the default leads. And they flow
by the entries: they arrive where the kernel's route leads, but for a few whose entry came or went just now.
Only the standard library: the node is no Python environment of ARM's.
"""

import json
import re
import subprocess
import sys

WAIT = 1  # exit code: may be a change under way
FINAL = 2  # exit code: waiting does not mend it
AGREE = 0.95  # of the packets, at least
SHOWN = 5  # destinations that are named


def main() -> int:
    """The exit code."""
    default = {4: kernel(4, "192.0.2.99"), 6: kernel(6, "2001:db8:ff::1")}  # outside of every table
    astray: list[str] = []
    total = agree = 0
    by_entries = {4: 0, 6: 0}
    for line in sys.stdin:
        reached, address, packets = line.split()
        family = 6 if ":" in address else 4
        best = full_table(family, address)
        if reached not in (best, default[family]):
            astray.append(f"{address} arrived at {reached}, not at {best} nor {default[family]}")
        count = int(packets)
        total += count
        agree += count * (kernel(family, address) == reached)
        by_entries[family] += count * (reached != default[family])
    if astray:
        print(f"misforwarded: {'; '.join(astray[:SHOWN])}")
        return FINAL
    print(
        f"{total} packets to busy destinations, none misforwarded, {agree} where the kernel sends them, "
        f"by entries away from the default {by_entries[4]} IPv4 and {by_entries[6]} IPv6"
    )
    return 0 if all(by_entries.values()) and agree >= AGREE * total else WAIT


def kernel(family: int, address: str) -> str | None:
    """The gateway that the kernel uses."""
    found = _run(["ip", f"-{family}", "-j", "route", "get", address])
    return json.loads(found)[0].get("gateway") if found else None


def full_table(family: int, address: str) -> str | None:
    """The next hop of BIRD's best path to the longest match."""
    found = _run(["birdc", "show", "route", "for", address, "table", f"full{family}", "primary"])
    match = re.search(r"^\s+via (\S+)", found, re.M)
    return match[1] if match else None


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    sys.exit(main())
