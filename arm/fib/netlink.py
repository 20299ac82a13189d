"""The kernel's routes: dumped once, then followed, and dumped again whenever events may have been lost.

Nothing is taken for gone because the socket was: a dump replaces the picture by its differences, and while
one is due, `lost_since` says since when the picture may be old.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable

import structlog

from arm.fib.kernelpicture import KernelPicture, Routes
from arm.fib.routemessage import dump_request, ends, messages
from arm.model import ArmError, Family, KernelRoute, Prefix

log = structlog.get_logger("netlink")

_RTMGRP_IPV4_ROUTE, _RTMGRP_IPV6_ROUTE = 0x40, 0x400
_SOL_NETLINK, _NETLINK_GET_STRICT_CHK = 270, 12
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 32 << 20  # bytes: a burst of 100,000 route events fits
_ATTEMPTS = 4  # at a dump during which the table does not change
_BACKOFF = (0.05, 0.2, 1.0, 2.0, 5.0)  # seconds before each further attempt to reopen
_CALM = 30.0  # seconds without a loss after which the back-off starts again


class KernelRoutes:
    """BIRD's routes in one kernel table, the defaults, and in `others` everybody else's, kept current.

    `on_change(family, prefix, present)` is called when a route of BIRD's comes or goes, `on_route` with what
    the kernel does with a prefix whenever that changes, whoever's route it is; from the event loop. `others`
    are the fixed entries: connected and static ones, and what is thrown away on purpose (no gateways).
    """

    def __init__(
        self,
        table: int,
        on_change: Callable[[Family, Prefix, bool], None],
        on_route: Callable[[Family, Prefix, KernelRoute | None], None] = lambda *_: None,
    ) -> None:
        self._table = table
        self._picture = KernelPicture(on_change, on_route)
        self.routes = self._picture.routes
        self.others = self._picture.others
        self.defaults = self._picture.defaults
        self.touched = self._picture.touched
        self.accepted = self._picture.accepted
        self.refused = self._picture.refused
        self._follow: socket.socket | None = None
        self._buffer = bytearray(1 << 18)
        self._touched: set[Prefix] | None = None  # what events tell of while a dump is under way
        self._reading: asyncio.Task[None] | None = None
        self._failures = 0
        self._recovered = 0.0  # loop time
        self.lost_since: float | None = None  # loop time since when the picture may be old
        self.events = 0
        self.overruns = 0

    def start(self) -> None:
        """Follow, then dump: what changes in between is seen twice rather than never. ArmError on failure."""
        try:
            self._open()
            found = {family: dump(family, self._table) for family in Family}
        except OSError as error:
            self._close()
            raise ArmError(
                f"cannot read kernel routes ({error.strerror})", "allow AF_NETLINK sockets"
            ) from None
        for family, (routes, complete) in found.items():
            self._picture.replace(family, routes, complete=complete)
        if not all(complete for _, complete in found.values()):
            self.resync()

    def stop(self) -> None:
        """Stop following."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._close()

    def resync(self) -> None:
        """Read everything again, beside the event loop, and report the differences."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_again(), name="kernel routes")

    def hardware(self, family: Family, came: Iterable[Prefix], went: Iterable[Prefix]) -> None:
        """What the platform says of single prefixes, where the kernel's flags do not tell."""
        self._picture.hardware(family, came, went)

    def hardware_unknown(self) -> None:
        """The platform does not say it any more."""
        self._picture.hardware_unknown()

    # --- the socket ---------------------------------------------------------------------------------

    def _open(self) -> None:
        self._follow = _socket(_RTMGRP_IPV4_ROUTE | _RTMGRP_IPV6_ROUTE)
        self._follow.setblocking(False)
        asyncio.get_running_loop().add_reader(self._follow, self._read)

    def _close(self) -> None:
        if self._follow is not None:
            asyncio.get_running_loop().remove_reader(self._follow)
            self._follow.close()
            self._follow = None

    def _read(self) -> bool:
        """Take what has come; whether there may be more."""
        for _ in range(256):  # then let others run
            if self._follow is None:
                return False
            try:
                size = self._follow.recv_into(self._buffer)
            except BlockingIOError:
                return False
            except OSError as error:
                self.overruns += error.errno == errno.ENOBUFS
                self._lost(str(error))
                return False
            if not size:
                self._lost("closed")
                return False
            for message in messages(self._buffer, size, self._table):
                self.events += 1
                if self._touched is not None:
                    self._touched.add(message.route.prefix)
                self._picture.apply(message)
        return True

    # --- losing and finding -------------------------------------------------------------------------

    def _lost(self, reason: str) -> None:
        """What is left in the socket is older than the next dump, and its sequels may be lost: start anew."""
        now = asyncio.get_running_loop().time()
        self._close()
        if self.lost_since is None:
            self.lost_since = now
            log.warning("kernel route events were lost, reading all routes again", reason=reason)
        if self._reading is not None:
            self._reading.cancel()
        if now - self._recovered > _CALM:
            self._failures = 0
        self._reading = asyncio.create_task(self._reopen(), name="kernel routes")

    async def _reopen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_BACKOFF[min(self._failures, len(_BACKOFF) - 1)])
            self._failures += 1
            try:
                if self._follow is None:
                    self._open()
                complete = await self._dump()
            except OSError as error:
                log.error("cannot read kernel routes", reason=str(error))
                self._close()
                continue
            if complete:
                break
        self._recovered, self.lost_since, self._reading = loop.time(), None, None
        log.info("kernel routes are followed again")

    async def _read_again(self) -> None:
        try:
            await self._dump()
        except OSError as error:
            log.error("cannot read kernel routes", reason=str(error))
        self._reading = None

    async def _dump(self) -> bool:
        """Read both families' routes; whether that is the whole truth."""
        whole = True
        for family in Family:
            self._touched = set()
            try:
                routes, complete = await asyncio.to_thread(dump, family, self._table)
                while self._read():  # what happened meanwhile is in the socket by now
                    pass
                if self._follow is None:
                    return False  # lost again
                missed = self._picture.replace(family, routes, self._touched, complete=complete)
                if missed and self.lost_since is None:
                    log.warning("kernel routes had changed without an event", routes=missed)
            finally:
                self._touched = None
            whole = whole and complete
        return whole


def dump(family: Family, table: int) -> tuple[Routes, bool]:
    """The routes in `table`, and whether these are all of them. Blocks; OSError on failure."""
    routes = Routes()
    with _socket(0) as sock:
        sock.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)  # the kernel filters by table
        buffer = bytearray(1 << 18)
        for sequence in range(1, _ATTEMPTS + 1):
            sock.send(dump_request(family, table, sequence))
            complete, done = True, False
            routes = Routes()
            while not done:
                size = sock.recv_into(buffer)
                for message in messages(buffer, size, table):
                    routes.take(message)
                done, consistent = ends(buffer, size)
                complete = complete and consistent
            if complete:
                return routes, True
    return routes, False


def _socket(groups: int) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    sock.bind((0, groups))
    return sock
