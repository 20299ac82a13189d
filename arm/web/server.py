"""The web server: page, API, metrics and live events on one port."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from arm.model import ArmError
from arm.web.api import add_api
from arm.web.connection import MAX_REQUEST, Connection, Door, limits
from arm.web.gate import Gate, Guard, checked_host
from arm.web.headers import HEADERS
from arm.web.problem import problems
from arm.web.source import SOURCE, Operates, StatusSource
from arm.web.writes import DESK, Desk

STATIC = Path(__file__).with_name("static")


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    # The page's own files are kept, but asked for again so that an upgrade shows. Errors never are, nor what
    # does not say itself that it may be.
    static = request.path == "/" or request.path.startswith("/static/")
    response.headers.setdefault("Cache-Control", "no-cache" if static else "no-store")


def _add_file(app: web.Application, path: str, file: Path) -> None:
    async def send(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(file)

    app.router.add_get(path, send)


def make_app(
    source: StatusSource, gate: Gate | None = None, operates: Operates | None = None
) -> web.Application:
    """Everything that the web shows, without a socket. Without `operates` it is for reading only."""
    gate = gate or Gate()
    app = web.Application(middlewares=[limits, problems, checked_host(gate)], client_max_size=MAX_REQUEST)
    app[SOURCE], app[DESK] = source, Desk(Guard(gate), operates)
    app.on_response_prepare.append(_add_headers)
    add_api(app)
    _add_file(app, "/", STATIC / "index.html")
    # Each file by its name, so that no path of a request ever reaches the file system.
    for file in STATIC.rglob("*"):
        if file.is_file():
            _add_file(app, f"/static/{file.relative_to(STATIC).as_posix()}", file)
    return app


@asynccontextmanager
async def serve(
    source: StatusSource,
    host: str,
    port: int,
    door: Door | None = None,
    gate: Gate | None = None,
    operates: Operates | None = None,
) -> AsyncIterator[str]:
    """Serve until the block is left; gives the address of the page. Port 0 takes any free port."""
    runner = web.AppRunner(make_app(source, gate, operates), handle_signals=False, shutdown_timeout=2)
    await runner.setup()
    server, shared = runner.server, door or Door()
    assert server is not None

    def connection() -> Connection:
        return Connection(server, shared, access_log=None, keepalive_timeout=30, lingering_time=2)

    try:
        try:
            listening = await asyncio.get_running_loop().create_server(connection, host, port)
        except OSError as error:
            raise _cannot_listen(error, host, port) from error
        try:
            bound = listening.sockets[0].getsockname()
            yield f"http://{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}/"
        finally:
            listening.close()
    finally:
        await runner.cleanup()


def _cannot_listen(error: OSError, host: str, port: int) -> ArmError:
    problem = f"the web page cannot listen on {host} port {port}"
    if error.errno == errno.EADDRINUSE:
        return ArmError(
            f"{problem}, which is in use",
            f"choose another port in web.listen, or stop the program that `ss -ltnp sport = :{port}` shows",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ArmError(
            f"{problem}: not permitted",
            "choose a port from 1024 up in web.listen, or give the service CAP_NET_BIND_SERVICE",
        )
    return ArmError(f"{problem}: {error.strerror or error}", "set web.listen to an address of this machine")
