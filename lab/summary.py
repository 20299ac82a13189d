"""What the operator of `lab up` sees every few seconds."""

from __future__ import annotations

import time
from typing import Any

from arm.model import ArmError, Family
from lab.lab import Lab


class Summary:
    """Rates need the previous reading, so this one remembers it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._sent, self._arrived, self._at = lab.traffic.packets(), lab.totals(), time.monotonic()

    def text(self) -> str:
        """The present state, a few lines."""
        arrived, sent, now = self._lab.totals(), self._lab.traffic.packets(), time.monotonic()
        seconds = max(now - self._at, 0.001)
        rates = ", ".join(
            f"{name} {(arrived[name] - self._arrived[name]) / seconds:,.0f}" for name in arrived
        )
        lines = [f"packets/s  sent {(sent - self._sent) / seconds:,.0f}; arrived: {rates}"]
        self._sent, self._arrived, self._at = sent, arrived, now
        kernel = ", ".join(f"{family.title} {len(self._lab.kernel_routes(family)):,}" for family in Family)
        lines.append(f"kernel     routes from BIRD: {kernel}")
        return "\n".join([*lines, *self._arm()])

    def _arm(self) -> list[str]:
        program = self._lab.arm
        if program is None:
            return ["ARM        not started"]
        if not program.running:
            return [f"ARM        ended with code {program.process.returncode}, see {program.log}"]
        try:
            status = self._lab.api("/api/v1/status", 3.0)
        except ArmError as error:
            return [f"ARM        {error}"]
        lines = [f"ARM {family['family']}   {_family(family)}" for family in status["families"]]
        lines += [f"ARM health {concern['text']}: {concern['remedy']}" for concern in status["concerns"]]
        return lines


def _family(status: dict[str, Any]) -> str:
    coverage = status["coverage"]
    share = "unknown" if coverage is None else f"{coverage:.1%} ± {status['coverage_error'] or 0:.1%}"
    return (
        f"{status['state']}; {status['rib_routes']:,} routes known, {status['active']:,} active, "
        f"{status['installed']:,} of {status['capacity']:,} installed; coverage {share}, "
        f"{status['samples_per_second']:,.0f} samples/s"
    )
