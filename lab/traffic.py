"""The sender that runs in a source: `python -m lab.traffic --active FILE --pps N …`.

It sends at a steady pace, to destinations drawn from the mix, and obeys one-line JSON commands on a unix
socket (lab/steer.py is the other end).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from arm.model import Family
from lab.active import load
from lab.frames import FrameBuilder
from lab.mix import Mix
from lab.plan import BRIDGE_MAC, CONTROL_SOCKET

_TICK = 0.004
_BATCH = 256
LARGEST = 1414  # bytes of a frame; sizes do not depend on the destination
SMALLEST = 114
_CATCH_UP = 0.1  # seconds of packets sent at once after a stall; more would only overrun queues


class Sender:
    """The flows of one source."""

    def __init__(self, wire: socket.socket, builder: FrameBuilder, mix: Mix, pps: float, seed: int) -> None:
        self._wire = wire
        self._builder = builder
        self._mix = mix
        self._addresses = list(mix.addresses)
        self._numbers = {address: number for number, address in enumerate(self._addresses)}
        builder.add(self._addresses)
        self._sent = np.zeros(len(self._addresses), np.int64)
        self._pps = pps
        self._extra: dict[int, float] = {}  # destination → packets/s beside the mix
        self._credit: dict[int, float] = {}
        self._due = 0.0
        self._paused = False
        self._rng = np.random.default_rng(seed)
        self._frames = np.zeros((_BATCH, LARGEST), np.uint8)
        self._flat = self._frames.reshape(-1).data
        self._refused = 0

    def advance(self, seconds: float) -> None:
        """Send what `seconds` are worth."""
        if self._paused:
            return
        seconds = min(seconds, _CATCH_UP)
        self._due += seconds * self._pps * self._mix.volume
        count = int(self._due)
        self._due -= count
        while count > 0:
            self._send(self._mix.draw(min(count, _BATCH), self._rng))
            count -= _BATCH
        for number, pps in self._extra.items():
            self._credit[number] += seconds * pps
            owed = int(self._credit[number])
            self._credit[number] -= owed
            for done in range(0, owed, _BATCH):
                self._send(np.full(min(owed - done, _BATCH), number, np.intp))

    def _send(self, which: np.ndarray[Any, np.dtype[np.intp]]) -> None:
        sizes = self._rng.integers(SMALLEST, LARGEST + 1, len(which))
        self._builder.fill(self._frames, which, sizes)
        gone = np.ones(len(which), np.bool_)
        for row, size in enumerate(sizes.tolist()):
            try:
                self._wire.send(self._flat[row * LARGEST : row * LARGEST + size])
            except OSError:  # queue full, link down: not sent, so not counted
                gone[row] = False
                self._refused += 1
        np.add.at(self._sent, which[gone], 1)

    def step(self) -> None:
        """Once a second."""
        self._mix.step()

    def command(self, words: dict[str, Any]) -> dict[str, Any]:
        """Obey; the answer."""
        if "add" in words:
            number = self._number(str(words["add"]))
            self._extra[number] = float(words["pps"])
            self._credit.setdefault(number, 0.0)
        elif "remove" in words:
            self._extra.pop(self._number(str(words["remove"])), None)
        elif "stop" in words or "resume" in words:
            running = "resume" in words
            prefix = str(words["resume" if running else "stop"])
            if not self._mix.set_running(prefix, running):
                return {"error": f"{prefix} has no flow"}
        elif "pause" in words:
            self._paused = bool(words["pause"])
        elif "rate" in words:
            self._pps = float(words["rate"])
        elif "drift" in words:
            self._mix.drift = float(words["drift"])
        elif "sent" in words:
            counts = zip(self._addresses, self._sent.tolist(), strict=True)
            return {"sent": {address: count for address, count in counts if count}}
        elif "weights" in words:
            return {"weights": self._mix.weights()}
        elif "status" not in words:
            return {"error": f"unknown command {sorted(words)}"}
        return {"packets": int(self._sent.sum()), "refused": self._refused, "paused": self._paused}

    def _number(self, address: str) -> int:
        if address not in self._numbers:
            self._builder.add([address])
            self._numbers[address] = len(self._addresses)
            self._addresses.append(address)
            self._sent = np.append(self._sent, 0)
        return self._numbers[address]


def serve(sender: Sender, control: socket.socket) -> None:
    """Send and listen until the process is ended."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    last = second = time.monotonic()
    while True:
        for key, _ in selector.select(max(0.0, last + _TICK - time.monotonic())):
            if key.fileobj is control:
                client, _address = control.accept()
                client.settimeout(5)
                selector.register(client, selectors.EVENT_READ, client.makefile("rwb"))
            else:
                client = key.fileobj  # type: ignore[assignment]
                if not _answer(sender, key.data):
                    selector.unregister(client)
                    key.data.close()
                    client.close()
        now = time.monotonic()
        sender.advance(now - last)
        last = now
        while now - second >= 1:
            second += 1
            sender.step()


def _answer(sender: Sender, stream: Any) -> bool:
    """One command of a client; False when it is gone."""
    with contextlib.suppress(OSError):
        line = stream.readline()
        if not line:
            return False
        try:
            answer = sender.command(json.loads(line))
        except (ValueError, TypeError, KeyError, OSError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        stream.write(json.dumps(answer).encode() + b"\n")
        stream.flush()
        return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.traffic")
    parser.add_argument("--active", type=Path, required=True)
    parser.add_argument("--pps", type=float, required=True)
    parser.add_argument("--drift", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1, help="of the packets: one per source")
    parser.add_argument("--drift-seed", type=int, default=1, help="of the drift: the same for all sources")
    parser.add_argument("--source", required=True, help="own IPv4 address")
    parser.add_argument("--source6", required=True, help="own IPv6 address")
    parser.add_argument("--socket", default=CONTROL_SOCKET)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire, socket.socket(socket.AF_UNIX) as control:
        wire.bind(("eth1", 0))
        own_mac = wire.getsockname()[4]
        sources = {Family.IPV4: arguments.source, Family.IPV6: arguments.source6}
        builder = FrameBuilder(own_mac, BRIDGE_MAC, sources)
        mix = Mix(load(arguments.active), arguments.drift, arguments.drift_seed)
        sender = Sender(wire, builder, mix, arguments.pps, arguments.seed)
        control.bind(arguments.socket)
        control.listen()
        serve(sender, control)


if __name__ == "__main__":
    main()
