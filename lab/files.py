"""What is generated before a lab starts: one folder per node, which the topology binds into it.

Both runners of the topology start from these files, so they forward the same tables and the same traffic.
"""

from __future__ import annotations

from pathlib import Path

from arm.model import Family
from lab import birdfiles, generate
from lab.active import ActivePrefix, choose_active, save
from lab.options import LabOptions, arm_configuration
from lab.plan import GENERATED, SOURCES, SWITCH
from lab.tables import Table


def write(work: Path, options: LabOptions) -> tuple[Table, list[ActivePrefix]]:
    """Everything below `work`; the full table, and what of it carries traffic."""
    if options.table is None:
        table = generate.generated(options.routes, options.routes6, options.seed)
    else:
        table = generate.from_file(options.table, options.seed)
    counts = {Family.IPV4: options.active, Family.IPV6: options.active6}
    active = choose_active(table, counts, options.share6, options.alpha, options.seed)
    # No slack: ARM alone has to see to it that BIRD's guard for the hardware is never needed.
    limits = {Family.IPV4: options.capacity, Family.IPV6: options.capacity6}
    birdfiles.write_all(work, table, limits)
    (work / SWITCH / "arm.toml").write_text(arm_configuration(options))
    for number, name in enumerate(SOURCES, 1):
        folder = work / name
        folder.mkdir(parents=True, exist_ok=True)
        save(folder / "active.json", active)
        (folder / "sender").write_text(" ".join(_sender(number, options)) + "\n")
    return table, active


def _sender(number: int, options: LabOptions) -> list[str]:
    """Arguments of lab.traffic in source `number`, 1 or 2."""
    values = {
        "active": f"{GENERATED}/active.json",
        "pps": options.pps / len(SOURCES),
        "drift": options.drift,
        "seed": options.seed * 100 + number,
        "drift-seed": options.seed,
        "source": f"10.9.0.{10 + number}",
        "source6": f"2001:db8:9::{10 + number}",
    }
    return [word for key, value in values.items() for word in (f"--{key}", str(value))]
