"""Ethernet frames with UDP over IPv4 or IPv6, made by the hundred. Pure: addresses in, bytes out."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arm.model import Family

HEADERS = 62  # Ethernet, IPv6, UDP; IPv4 has 20 less and payload (zeros) in their place
_PORT = 443
_IPV4_TYPE, _IPV6_TYPE = 0x0800, 0x86DD


class FrameBuilder:
    """Frames from one sender to many destinations.

    All of a frame but its lengths and checksum depends on the destination alone, so it is made once. The
    payload is zeros, which no checksum sees.
    """

    def __init__(self, own_mac: bytes, gateway_mac: bytes, sources: dict[Family, str]) -> None:
        self._ethernet = gateway_mac + own_mac
        self._sources = {family: socket.inet_pton(family.af, text) for family, text in sources.items()}
        self._headers = np.zeros((0, HEADERS), np.uint8)
        self._sums = np.zeros(0, np.int64)
        self._is6 = np.zeros(0, np.bool_)

    def __len__(self) -> int:
        return len(self._headers)

    def add(self, destinations: Sequence[str]) -> None:
        """More destinations; they are numbered in the order they come."""
        start = len(self)
        rows = [self._template(number, text) for number, text in enumerate(destinations, start)]
        if not rows:
            return
        made = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), HEADERS)
        is6 = np.array([":" in text for text in destinations], np.bool_)
        words = made.reshape(len(rows), HEADERS // 2, 2).astype(np.int64) @ np.array([256, 1])
        # The part of the checksum that does not change: IPv4 header; IPv6 addresses, UDP ports, protocol.
        sums = np.where(is6, words[:, 11:29].sum(axis=1) + 17, words[:, 7:17].sum(axis=1))
        self._headers = np.concatenate([self._headers, made])
        self._sums = np.concatenate([self._sums, sums])
        self._is6 = np.concatenate([self._is6, is6])

    def fill(self, frames: NDArray[np.uint8], which: NDArray[np.intp], sizes: NDArray[np.int64]) -> None:
        """Write a frame of `sizes` bytes to each destination in `which` into the rows of `frames`."""
        rows = frames[: len(which)]
        rows[:, :HEADERS] = self._headers[which]
        is6 = self._is6[which]
        v4, v6 = np.flatnonzero(~is6), np.flatnonzero(is6)
        total = sizes[v4] - 14
        _put(rows, v4, 16, total)
        _put(rows, v4, 24, ~_folded(self._sums[which[v4]] + total) & 0xFFFF)
        _put(rows, v4, 38, total - 20)
        length = sizes[v6] - 54
        checksum = ~_folded(self._sums[which[v6]] + 2 * length) & 0xFFFF
        _put(rows, v6, 18, length)
        _put(rows, v6, 58, length)
        _put(rows, v6, 60, np.where(checksum == 0, 0xFFFF, checksum))

    def _template(self, number: int, destination: str) -> bytes:
        family = Family.of(destination)
        target = socket.inet_pton(family.af, destination)
        # A source port per destination, so that hashes over the header spread the flows.
        udp = (1024 + number % 60_000).to_bytes(2, "big") + _PORT.to_bytes(2, "big") + bytes(4)
        if family is Family.IPV4:
            ip = bytes.fromhex("45000000000040004011") + bytes(2) + self._sources[family] + target
            frame = self._ethernet + _IPV4_TYPE.to_bytes(2, "big") + ip + udp
        else:
            ip = bytes.fromhex("6000000000001140") + self._sources[family] + target
            frame = self._ethernet + _IPV6_TYPE.to_bytes(2, "big") + ip + udp
        return frame.ljust(HEADERS, b"\0")


def _put(rows: NDArray[np.uint8], which: NDArray[np.intp], at: int, words: NDArray[np.int64]) -> None:
    rows[which, at] = words >> 8
    rows[which, at + 1] = words & 0xFF


def _folded(sums: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = (sums & 0xFFFF) + (sums >> 16)
    return (sums & 0xFFFF) + (sums >> 16)
