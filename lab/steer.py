"""Steering the senders while they run: the other end of lab/traffic.py's socket, for all sources at once."""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.plan import LabError


class Traffic:
    """The traffic of the lab. Rates are packets per second over all sources."""

    def __init__(self, sockets: Mapping[str, Path]) -> None:
        self._sockets = dict(sockets)  # source → control socket

    def add(self, address: str, pps: float) -> None:
        """Send to one more destination, beside the active prefixes, at a steady rate."""
        self._ask(self._first, {"add": address, "pps": pps})

    def remove(self, address: str) -> None:
        """End what `add` began."""
        self._ask(self._first, {"remove": address})

    def stop(self, prefix: str) -> None:
        """Stop the flow to an active prefix; the others keep their rates."""
        self._all({"stop": prefix})

    def resume(self, prefix: str) -> None:
        """Let it flow again."""
        self._all({"resume": prefix})

    def pause(self) -> None:
        """Send nothing at all. When this returns, nothing more is sent."""
        self._all({"pause": True})

    def go(self) -> None:
        """Go on after a pause."""
        self._all({"pause": False})

    def rate(self, pps: float) -> None:
        """Change the rate to the active prefixes."""
        self._all({"rate": pps / len(self._sockets)})

    def drift(self, share: float) -> None:
        """Let this share of the active prefixes change their rank per minute."""
        self._all({"drift": share})

    def sent(self) -> dict[str, int]:
        """Packets sent so far, by destination."""
        total: Counter[str] = Counter()
        for answer in self._all({"sent": True}):
            total.update(answer["sent"])
        return dict(total)

    def packets(self) -> int:
        """Packets sent so far, to all destinations."""
        return sum(int(answer["packets"]) for answer in self._all({"status": True}))

    def weights(self) -> dict[str, float]:
        """The share of all packets that each active prefix has now; stopped ones have none."""
        weights: dict[str, float] = self._ask(self._first, {"weights": True})["weights"]
        return weights

    @property
    def _first(self) -> str:
        return next(iter(self._sockets))

    def _all(self, command: dict[str, Any]) -> list[dict[str, Any]]:
        return [self._ask(source, command) for source in self._sockets]

    def _ask(self, source: str, command: dict[str, Any]) -> dict[str, Any]:
        path = self._sockets[source]
        # Socket addresses end at 107 bytes and paths may be longer: go through the folder's descriptor.
        try:
            folder = os.open(path.parent, os.O_PATH)
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.settimeout(10)
                    connection.connect(f"/proc/self/fd/{folder}/{path.name}")
                    connection.sendall(json.dumps(command).encode() + b"\n")
                    with connection.makefile("rb") as stream:
                        answer: dict[str, Any] = json.loads(stream.readline())
            finally:
                os.close(folder)
        except (OSError, ValueError) as error:
            raise LabError(
                f"the sender of {source} does not answer: {error}", f"see its log, {source}-sender.log"
            ) from error
        if "error" in answer:
            raise LabError(f"the sender of {source} refused {command}: {answer['error']}", "see above")
        return answer
