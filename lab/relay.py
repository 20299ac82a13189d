"""The page at 127.0.0.1 of the machine, though ARM listens at 127.0.0.1 of the switch: no link, just a relay.

A connection is accepted here and continued by a socket made inside the switch's namespace.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from lab.namespaces import Node
from lab.plan import LabError


class Relay:
    """Listens until closed; each connection has two threads, one per direction."""

    def __init__(self, node: Node, port: int, listen_port: int | None = None) -> None:
        self._node = node
        self._port = port
        try:
            self._listener = socket.create_server(("127.0.0.1", port if listen_port is None else listen_port))
        except OSError as error:
            raise LabError(
                f"cannot listen on 127.0.0.1:{listen_port}: {os.strerror(error.errno or 0)}",
                "end what uses that port, or choose another with --page-port",
            ) from error
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept no more; open connections end with the switch."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                server = self._node.connect(socket.AF_INET, ("127.0.0.1", self._port))
            except OSError:
                return  # ARM is not there (yet): the browser says so
            with server:
                server.settimeout(None)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for end, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            end.shutdown(how)
