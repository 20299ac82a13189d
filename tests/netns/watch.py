"""The kernel's own account of its routes: every change, with its time, from `ip monitor`, not from ARM."""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass

from arm.model import Family
from lab import queues
from lab.lab import Lab

_QUEUE = 512 << 20  # bytes: half a million events
_LINE = re.compile(r"^(?P<deleted>Deleted )?(?P<prefix>default|[0-9a-f.:]+(?:/\d+)?) .*proto bird\b")


@dataclass(frozen=True, slots=True)
class Change:
    """One route of BIRD's that came, changed or went; `at` in monotonic seconds."""

    at: float
    prefix: str
    deleted: bool
    text: str


class KernelWatch:
    """Follows the switch's kernel routes from its creation until `close`."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.changes: list[Change] = []
        self.present: dict[Family, set[str]] = {}
        self.resync()
        self.peak = {family: len(prefixes) for family, prefixes in self.present.items()}
        self._process = lab.popen("switch", ["ip", "-o", "monitor", "route"], stdout=-1)
        # More than the system lets it ask for: a burst that overran its socket would go unseen.
        deadline = time.monotonic() + 10
        while not queues.lengthen(self._process.pid, socket.AF_NETLINK, _QUEUE):
            assert time.monotonic() < deadline, "ip monitor did not start"
            time.sleep(0.02)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match = _LINE.match(line)
            if match is None or match["prefix"] == "default":
                continue
            family = Family.of(match["prefix"])
            prefix = match["prefix"] if "/" in match["prefix"] else f"{match['prefix']}/{family.bits}"
            deleted = match["deleted"] is not None
            (self.present[family].discard if deleted else self.present[family].add)(prefix)
            self.peak[family] = max(self.peak[family], len(self.present[family]))
            self.changes.append(Change(time.monotonic(), prefix, deleted, line.strip()))

    def resync(self) -> None:
        """Look what is there: a link that goes down takes IPv4 routes with it without a word."""
        for family in Family:
            self.present[family] = set(self._lab.kernel_routes(family)) - {family.default}

    def since(self, start: float) -> list[Change]:
        """Changes after `start`, oldest first."""
        return [change for change in list(self.changes) if change.at >= start]

    def wait(self, prefix: str, *, deleted: bool, start: float, timeout: float, text: str = "") -> float:
        """Seconds from `start` to the change; AssertionError if it does not come within `timeout`."""
        while time.monotonic() < start + timeout:
            for change in self.since(start):
                if change.prefix == prefix and change.deleted == deleted and text in change.text:
                    return change.at - start
            time.sleep(0.01)
        what = "leave" if deleted else f"show {text or 'a route'}"
        raise AssertionError(f"{prefix} did not {what} within {timeout} s")

    def close(self) -> None:
        """Stop following."""
        self._process.terminate()
        self._process.wait()
        self._thread.join(10)
        assert self._process.stdout is not None
        self._process.stdout.close()
