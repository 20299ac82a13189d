"""All benchmarks, one after the other, as one Markdown report: `python -m tests.bench.report`, as root.

Takes an hour or two and wants a quiet machine, ARM_TEST_DATA, and those of the peers (pmacct, gobgpd, pypy3)
that are to be compared with. `--only` runs some of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.plot import coverage_plot

BENCHMARKS = {  # what it is called, module, arguments
    "sflow": ("sFlow to bytes per prefix", "sflow", ()),
    "learning": ("Learning the full table", "learning", ("--rivals",)),
    "memory": ("Memory of routes", "memory", ()),
    "netlink": ("Reading the kernel's routes", "netlink", ()),
    "selection": ("Choosing, table of 2016", "selection", ()),
    "selection2026": ("Choosing, IPv4 table of 2026", "selection", ("--table", "2026")),
    "selection2026v6": ("Choosing, IPv6 table of 2026", "selection", ("--table", "2026v6")),
    "closedloop": ("Choosing while traffic drifts: optimal", "closedloop", ()),
    "closedloop-safe": ("Choosing while traffic drifts: safe", "closedloop", ("--strategy", "safe")),
    "repair": ("Repair after a routing change: optimal", "repair", ()),
    "repair-safe": ("Repair after a routing change: safe", "repair", ("--strategy", "safe")),
    "flows": ("Traffic by AS", "flows", ()),
    "day": ("A day's routing updates", "day", ()),
    "listeners": ("Listeners of the live events", "listeners", ()),
    "page": ("The page with 100,000 routes", "page", ()),
    "loop": ("The event loop at full scale", "scale_loop", ()),
    "scale": ("End to end at full scale", "scale", ()),
    "soak": ("An hour of everything", "soak", ()),
}
_PLOTTED = {"selection": "2016", "selection2026": "2026", "selection2026v6": "2026 IPv6"}
_VERSIONS = {
    "BIRD": ("bird", "--version"),
    "PyPy": ("pypy3", "--version"),
    "ExaBGP": (sys.executable, "-m", "exabgp", "version"),
    "Open vSwitch": ("ovs-vswitchd", "--version"),
    "pmacct": ("sfacctd", "-V"),
    "GoBGP": ("gobgpd", "--version"),
    "this repository": ("git", "describe", "--always", "--dirty"),
}


def main() -> int:
    """Run, and write the report after each of them; 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.md"), help="(benchmarks.md)")
    parser.add_argument("--plot", type=Path, default=Path("coverage.svg"), help="(coverage.svg)")
    given = parser.parse_args()
    outputs: dict[str, str] = {}
    failed = []
    for name in given.only:
        title, module, arguments = BENCHMARKS[name]
        print(f"{time.strftime('%H:%M:%S')} {title} …", flush=True)
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", f"tests.bench.{module}", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        outputs[name] = done.stdout
        if done.returncode:
            failed.append(title)
            outputs[name] += f"\nExit code {done.returncode}: see its messages.\n"
        outputs[name] += f"\nTook {time.monotonic() - began:.0f} s.\n"
        given.out.write_text(report(outputs))
    curves = {_PLOTTED[name]: text for name, text in outputs.items() if name in _PLOTTED}
    if curves:
        given.plot.write_text(coverage_plot(curves))
    print(f"{given.out} is written" + (f"; failed or too slow: {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


def report(outputs: dict[str, str]) -> str:
    """Machine, versions, the ratios at a glance, and what each of them printed."""
    parts = ["# Benchmarks", f"{time.strftime('%Y-%m-%d')}, {machine()}.", _versions(), "## At a glance"]
    parts.append("What is in bold in the tables below: ratios to peers and limits that were missed.\n")
    parts += [
        f"- {BENCHMARKS[name][0]}: {line.strip('| ').replace(' | ', ', ')}"
        for name, text in outputs.items()
        for line in text.splitlines()
        if line.startswith("|") and "**" in line
    ]
    for name, text in outputs.items():
        parts += [f"\n## {BENCHMARKS[name][0]}", text.strip()]
    return "\n\n".join(parts[:4]) + "\n\n" + "\n".join(parts[4:]) + "\n"


def machine() -> str:
    """In a line."""
    model = next(
        line.partition(":")[2].strip()
        for line in [*Path("/proc/cpuinfo").read_text().splitlines(), "model name: unknown processor"]
        if line.startswith("model name")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {model}, {memory:.0f} GB, Linux {platform.release()}"


def _versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name, command in _VERSIONS.items():
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        except FileNotFoundError:
            continue
        lines = (done.stdout + done.stderr).strip().splitlines()
        found.append(f"{name}: {lines[0] if lines else '?'}")
    return "; ".join(found) + "."


if __name__ == "__main__":
    sys.exit(main())
