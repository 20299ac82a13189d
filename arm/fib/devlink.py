"""devlink's resources: the size of a driver's FIB tables and how much of them is used.

Only what a driver calls a FIB of a family counts, with a size and an occupancy. mlxsw (Spectrum) shows its
memory (`kvd`) as a whole, which is no number of routes: then nothing is known. Which routes the hardware has,
the kernel itself says (RTM_F_OFFLOAD), so that is not asked here.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from arm.fib.hardware import Reading, Usage, number, usage_of
from arm.model import ArmError, Family

TIMEOUT = 5.0  # seconds for one answer


class Devlink:
    """All devices of this network namespace."""

    name = "devlink"
    interval = 10.0  # seconds

    def __init__(self, program: str = "devlink") -> None:
        self._program = program

    def read(self) -> Reading:
        """See `Platform`."""
        found: dict[Family, list[Usage]] = {}
        for device in _devices(self._ask("dev", "show")):
            for family, usage in fib_usage(self._ask("resource", "show", device)).items():
                found.setdefault(family, []).append(usage)
        # Several switches in one box: which of them an entry goes to is not known.
        return Reading({family: usages[0] for family, usages in found.items() if len(usages) == 1})

    def close(self) -> None:
        """Nothing is open between questions."""

    def _ask(self, *words: str) -> str:
        remedy = "install iproute2, or set fib.hardware to none"
        try:
            done = subprocess.run(
                [self._program, "-j", *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ArmError("devlink does not end", remedy) from None
        except OSError as error:
            raise ArmError(f"cannot run devlink ({error.strerror})", remedy) from None
        if not done.returncode:
            return done.stdout
        if words[0] == "resource":
            return "{}"  # the driver has none
        raise ArmError(f"devlink failed ({done.stderr.strip()})", remedy)


def fib_usage(text: str) -> dict[Family, Usage]:
    """What the JSON of `devlink resource show` says of each family; a family without a FIB is not in it."""
    devices = _decoded(text).get("resources")
    found = {}
    for resources in devices.values() if isinstance(devices, dict) else ():
        for family in Family:
            for group in _named(family.title, resources):
                for fib in _named("fib", group.get("resources")):
                    size, used = number(fib.get("size")), number(fib.get("occ"))  # or "unlimited"
                    free = max(0, size - used) if size is not None and used is not None else None
                    found[family] = usage_of(used, free)
    return found


def _devices(text: str) -> list[str]:
    """The names in the JSON of `devlink dev show`, such as "pci/0000:03:00.0"."""
    shown = _decoded(text).get("dev")
    return list(shown) if isinstance(shown, dict) else []


def _decoded(text: str) -> Mapping[str, Any]:
    try:
        written = json.loads(text)
    except ValueError:
        return {}
    return written if isinstance(written, dict) else {}


def _named(name: str, resources: Any) -> Iterator[dict[str, Any]]:
    """The resources of a list of that name."""
    for each in resources if isinstance(resources, list) else ():
        if isinstance(each, dict) and each.get("name") == name:
            yield each
