"""Everything at Internet scale, end to end: `python -m tests.bench.scale`, as root; see README.md.

The lab with both full tables: real BIRD, ExaBGP, Open vSwitch, kernel and packets. All of it, the senders and
the neighbours too, runs on this machine, so that it may be that which is too slow. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from arm.model import Family
from lab.lab import Lab
from lab.options import LabOptions
from tests.bench.scale_phases import Phases
from tests.netns.watch import KernelWatch

FULL = LabOptions(
    routes=1_040_000,
    routes6=246_000,
    active=35_000,  # 50,000 in both families
    active6=15_000,
    share6=0.4,
    drift=0.05,
    pps=20_000.0,
    sampling=2,  # so that there are 10,000 samples a second
    capacity=20_000,
    capacity6=20_000,
    strategy="safe",
    window=120.0,
    start_arm=False,
)


def main() -> int:
    """Measure; 1 if there was too little of something."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("routes", "routes6", "active", "active6", "sampling", "capacity", "capacity6"):
        value = getattr(FULL, name)
        parser.add_argument(f"--{name}", type=int, default=value, metavar="N", help=f"({value:,})")
    parser.add_argument("--pps", type=float, default=FULL.pps, help="packets a second (20,000)")
    parser.add_argument("--window", type=float, default=FULL.window, help="of measuring, in seconds (120)")
    parser.add_argument("--strategy", choices=("safe", "optimal"), default=FULL.strategy)
    parser.add_argument(
        "--table", type=Path, help="lines `prefix origin`, plain or .gz, not a generated table"
    )
    parser.add_argument("--seconds", type=float, default=300.0, help="of steady state (300)")
    given = vars(parser.parse_args())
    seconds = given.pop("seconds")
    began = time.monotonic()
    with Lab(replace(FULL, **given)) as lab:
        watch = KernelWatch(lab)
        try:
            phases = Phases(lab, watch)
            print(f"The lab was up after {time.monotonic() - began:.0f} s\n", flush=True)
            phases.learn()
            phases.announce()
            for family in Family:
                phases.react(family)
            phases.stay(seconds)
            phases.burst()
            phases.compare()
        finally:
            watch.close()
    return 0 if phases.enough else 1


if __name__ == "__main__":
    sys.exit(main())
