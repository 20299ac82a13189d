"""The sFlow sockets: drained whenever they have something, handed on by the hundred, relayed unchanged."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import struct
from collections.abc import Sequence

from arm.model import ArmError, Family
from arm.sflow.destinations import Destinations
from arm.sflow.intake import Intake

_SO_RCVBUFFORCE, _SO_RXQ_OVFL = 33, 40
_RECEIVE_BUFFER = 32 << 20  # bytes: seconds of samples, should the daemon be busy
_LARGEST = 65535
_DRAIN = 256  # datagrams at a time, then the event loop gets its turn
_TURNS = 32  # so many times that at most where all that has come is wanted
_BATCH = 512  # datagrams that are read together
_SENDERS = 4096  # whose admission is remembered; more than that is an attack

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Collector:
    """Receives sFlow on several addresses.

    `sources` lists the networks that datagrams may come from; none listed means all. Every datagram that is
    let in also goes to each of `relay` as it is; one that nobody takes there costs nothing.
    """

    def __init__(
        self,
        intake: Intake,
        listen: Sequence[tuple[str, int]],
        sources: Sequence[Network] = (),
        relay: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._intake = intake
        self._listen = listen
        self._sources = sources
        self._relay = relay
        self._sockets: list[socket.socket] = []
        self._targets: list[socket.socket] = []
        self._admitted: dict[str, bool] = {}
        self._waiting: list[bytes] = []
        self._since = 0.0
        self._heard: float | None = None  # when the last datagram came, or when listening began
        self._dropped: dict[int, int] = {}
        self.datagrams = 0
        self.refused = 0  # datagrams from elsewhere than `sources`
        self.relayed = 0

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
        for target in self._relay:
            self._targets.append(_target(*target))
        for address, port in self._listen:
            sock = _open(address, port)
            self._sockets.append(sock)
            asyncio.get_running_loop().add_reader(sock, self._drain, sock)

    def stop(self) -> None:
        """Close the sockets."""
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock)
        for sock in (*self._sockets, *self._targets):
            sock.close()
        self._sockets, self._targets = [], []

    def take(self, now: float) -> tuple[Destinations, float]:
        """Everything since the last call by destination, and the seconds that this was.

        What waits in the sockets belongs to these seconds: after a stall of the event loop it is most of it,
        and without it the traffic would seem to have collapsed.
        """
        for sock in self._sockets:
            for _ in range(_TURNS):
                if not self._drain(sock):
                    break
        self._hand_on(now)
        seconds, self._since = now - self._since, now
        return self._intake.take(now), seconds

    def _drain(self, sock: socket.socket) -> bool:
        """Take what has come; whether there may be more."""
        now, more = asyncio.get_running_loop().time(), True
        for _ in range(_DRAIN):
            try:
                data, ancillary, _, sender = sock.recvmsg(_LARGEST, 32)
            except BlockingIOError:
                more = False
                break
            except OSError:
                continue  # an ICMP error of some earlier packet; nothing to do with what comes next
            for _, kind, value in ancillary:
                if kind == _SO_RXQ_OVFL:
                    self._dropped[sock.fileno()] = struct.unpack("=I", value)[0]
            if self._sources and not self._admits(sender[0]):
                self.refused += 1
                continue
            self._heard = now
            self.datagrams += 1
            self._waiting.append(data)
            for target in self._targets:
                with contextlib.suppress(OSError):  # nobody there, or no room: that collector's loss
                    target.send(data)
                    self.relayed += 1
        if len(self._waiting) >= _BATCH:
            self._hand_on(now)
        return more

    def _hand_on(self, now: float) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), 2 * _BATCH):
            self._intake.receive(waiting[start : start + 2 * _BATCH], now)

    def _admits(self, sender: str) -> bool:
        admitted = self._admitted.get(sender)
        if admitted is None:
            if len(self._admitted) >= _SENDERS:
                self._admitted.clear()
            address = ipaddress.ip_address(sender.partition("%")[0])
            if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
                address = address.ipv4_mapped  # IPv4 through an IPv6 socket
            admitted = any(address in network for network in self._sources)
            self._admitted[sender] = admitted
        return admitted


def _open(address: str, port: int) -> socket.socket:
    sock = socket.socket(Family.of(address).af, socket.SOCK_DGRAM)
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


def _target(address: str, port: int) -> socket.socket:
    sock = socket.socket(Family.of(address).af, socket.SOCK_DGRAM)
    sock.setblocking(False)
    try:
        sock.connect((address, port))
    except OSError as error:
        sock.close()
        raise ArmError(
            f"cannot relay sFlow to {address} port {port} ({error.strerror})",
            "set sflow.relay, or add a route",
        ) from None
    return sock
