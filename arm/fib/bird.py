"""BIRD's control socket, read only (`restrict`)."""

from __future__ import annotations

import asyncio

from arm.model import ArmError

TIMEOUT = 5.0  # seconds for a whole conversation


async def ask(socket_path: str, command: str) -> list[str]:
    """BIRD's reply to one `show` command, without its numeric codes.

    Raises ArmError if BIRD is not there, does not answer or refuses the command.
    """
    remedy = "start BIRD, or set fib.bird_socket to its control socket"
    try:
        return await asyncio.wait_for(_converse(socket_path, command), TIMEOUT)
    except PermissionError:
        raise ArmError(f"may not talk to BIRD at {socket_path}", "run as root or in the group bird") from None
    except OSError as error:
        raise ArmError(f"no BIRD at {socket_path} ({error.strerror})", remedy) from None
    except (TimeoutError, EOFError):
        raise ArmError(f"BIRD at {socket_path} does not answer", "see BIRD's log") from None


async def _converse(socket_path: str, command: str) -> list[str]:
    reader, writer = await asyncio.open_unix_connection(socket_path, limit=1 << 20)
    try:
        await _reply(reader)  # its greeting
        for line in ("restrict", command):
            writer.write(line.encode() + b"\n")
            lines = await _reply(reader)
        return lines
    finally:
        writer.close()


async def _reply(reader: asyncio.StreamReader) -> list[str]:
    """One reply: lines "NNNN-text", continued by " text", the last one "NNNN text"."""
    lines = []
    while True:
        line = (await reader.readuntil(b"\n")).decode(errors="replace").rstrip("\n")
        code, text = (line[:4], line[5:]) if line[:4].isdigit() else ("", line[1:])
        lines.append(text)
        if code and line[4:5] != "-":
            if code[0] in "89":
                raise ArmError(f"BIRD says: {text}", "check fib.bird_socket and BIRD's configuration")
            return lines
