"""The sFlow socket: drained whenever it has something, added up by destination until the next tick asks."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections import Counter

from arm.model import ArmError, DestinationBytes, TrafficBatch
from arm.sflow.packet import addresses
from arm.sflow.wire import MalformedError, decode

_SO_RCVBUFFORCE, _SO_RXQ_OVFL = 33, 40
_RECEIVE_BUFFER = 32 << 20  # bytes: seconds of samples, should the daemon be busy
_LARGEST = 65535
_DRAIN = 256  # datagrams at a time, then the event loop gets its turn


class Collector:
    """Receives sFlow on several addresses."""

    def __init__(self, listen: list[tuple[str, int]]) -> None:
        self._listen = listen
        self._sockets: list[socket.socket] = []
        self._destinations: dict[bytes, DestinationBytes] = {}
        self._since = 0.0
        self._heard: float | None = None  # when the last datagram came, or when listening began
        self._dropped: dict[int, int] = {}
        self.datagrams = 0
        self.samples = 0
        self.unusable = 0  # samples without an IP address to look up, or of unknown sampling rate
        self.malformed: Counter[str] = Counter()  # by kind

    @property
    def dropped(self) -> int:
        """Datagrams that the kernel dropped because the receive buffer was full, since start."""
        return sum(self._dropped.values())

    def silent(self, now: float) -> float:
        """Seconds since the last datagram, or since listening began; 0 before."""
        return now - self._heard if self._heard is not None else 0.0

    def start(self, now: float) -> None:
        """Open the sockets; raises ArmError if one cannot be had."""
        self._since = self._heard = now
        for address, port in self._listen:
            sock = _open(address, port)
            self._sockets.append(sock)
            asyncio.get_running_loop().add_reader(sock, self._drain, sock)

    def stop(self) -> None:
        """Close the sockets."""
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()
        self._sockets = []

    def take(self, now: float) -> TrafficBatch:
        """Everything since the last call."""
        batch = TrafficBatch(self._destinations, now - self._since)
        self._destinations, self._since = {}, now
        return batch

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(_DRAIN):
            try:
                data, ancillary, _, _ = sock.recvmsg(_LARGEST, 32)
            except BlockingIOError:
                break
            except OSError:
                continue  # an ICMP error of some earlier packet; nothing to do with what comes next
            for _, kind, value in ancillary:
                if kind == _SO_RXQ_OVFL:
                    self._dropped[sock.fileno()] = struct.unpack("=I", value)[0]
            self._receive(data)
        self._heard = asyncio.get_running_loop().time()

    def _receive(self, data: bytes) -> None:
        self.datagrams += 1
        try:
            datagram = decode(data)
        except MalformedError as fault:
            self.malformed[fault.kind] += 1
            return
        if datagram.fault is not None:
            self.malformed[datagram.fault.kind] += 1
        for sample in datagram.samples:
            self.samples += 1
            found = addresses(sample.protocol, sample.header)
            if found is None or sample.sampling_rate == 0:
                self.unusable += 1
                continue
            total = self._destinations.get(found.destination)
            if total is None:
                total = self._destinations[found.destination] = DestinationBytes()
            total.bytes += sample.frame_length * sample.sampling_rate
            total.samples += 1


def _open(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        sock.setblocking(False)
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        remedy = {
            errno.EADDRINUSE: "stop the other collector, or set sflow.listen",
            errno.EACCES: "use a port of 1024 or more in sflow.listen",
        }.get(error.errno or 0, "set sflow.listen to an address of this machine")
        raise ArmError(f"cannot receive sFlow on {address} port {port} ({error.strerror})", remedy) from None
    return sock
