"""The commands that ask the running daemon: status, top, explain, routes. They read, and change nothing."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable
from ipaddress import ip_address
from itertools import islice
from typing import Any

from arm import cli_orders, cli_text
from arm.client import DEFAULT_URL, PAGE, Client, UsageError
from arm.log import printable
from arm.model import ArmError

EVERY = 2.0  # seconds from one picture of `arm top` to the next
CRITICAL = 3  # exit code

_CLEAR = "\x1b[H\x1b[2J"

_STATES = ("all", "installed", "active", "missing", "different")
_KINDS = ("route", "guard", "synthesised")
_SORTS = ("rank", "prefix", "bits_per_second", "packets_per_second", "next_hop", "since", "difference")


def add(commands: Any) -> None:
    """Add the commands to argparse's subparsers."""
    asking = argparse.ArgumentParser(add_help=False)
    asking.add_argument("--url", default=DEFAULT_URL, help=f"the daemon's web.listen ({DEFAULT_URL})")
    asking.add_argument("--json", action="store_true", help="print JSON, as the API has it")
    codes = "Exit codes: 0 fine, 1 the daemon cannot be reached or says that something is wrong, 2 usage"

    def command(name: str, help_text: str, epilog: str = codes + ".") -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = commands.add_parser(
            name, help=help_text, parents=[asking], epilog=epilog
        )
        return found

    command("status", "print health, families and concerns", codes + ", 3 health is critical.")
    top = command("top", "show health and the busiest routes, again and again; Ctrl-C ends it")
    top.add_argument("--once", action="store_true", help="show one picture and end")
    top.add_argument("--limit", type=_lines, default=20, metavar="N", help="routes to show (20)")
    explain = command("explain", "say why an address or prefix is, or is not, in hardware")
    explain.add_argument("address", metavar="ADDRESS|PREFIX")
    option = command("routes", "print the route table: what carries traffic or is in the FIB").add_argument
    option("--family", choices=("ipv4", "ipv6"))
    option("--state", choices=_STATES, default="all", help="missing: announced, not in the kernel")
    option("--kind", choices=_KINDS, help="of entry")
    option("--next-hop", type=_address, metavar="ADDRESS", help="of the BGP table")
    option("--text", default="", help="words to find; an address finds prefixes that hold it, 64500 an AS")
    option("--limit", type=_lines, default=100, metavar="N", help="most lines (100)")
    option("--sort", choices=_SORTS, default="rank")
    option("--reverse", action="store_true", help="the highest first")
    cli_orders.add(commands, asking)


def run(arguments: argparse.Namespace) -> int:
    """The command that `add` has read; ArmError as `Client` raises it, UsageError among them."""
    client = Client(arguments.url)
    try:
        if arguments.command == "status":
            return _status(client, arguments.json)
        if arguments.command == "top":
            return _top(client, arguments.limit, arguments.json, arguments.once)
        if arguments.command == "explain":
            return _explain(client, arguments.address, arguments.json)
        return _routes(client, arguments)
    except BrokenPipeError:
        # Who reads has seen enough (`arm routes | head`). Python would complain once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _status(client: Client, as_json: bool) -> int:
    answer = client.get("status")
    _say(answer, as_json, cli_text.status(answer))
    return CRITICAL if answer["health"] == "critical" else 0


def _explain(client: Client, address: str, as_json: bool) -> int:
    answer = client.get("explain", address=address)
    _say(answer, as_json, cli_text.explanation(answer, time.time()))
    return 0


def _routes(client: Client, arguments: argparse.Namespace) -> int:
    order = "desc" if arguments.reverse else "asc"
    query = {"state": arguments.state, "sort": arguments.sort, "order": order}
    # The daemon finds next hops and kinds among others; what is exactly meant is picked here.
    words = f"{arguments.text} {arguments.next_hop or ''}".strip()
    query |= {"q": words} if words else {}
    query |= {"family": arguments.family} if arguments.family else {}
    fitting = (
        row
        for row in client.routes(**query)
        if (arguments.kind is None or row["kind"] == arguments.kind)
        and (arguments.next_hop is None or row["next_hop"] == arguments.next_hop)
    )
    rows = list(islice(fitting, arguments.limit))
    _say(rows, arguments.json, cli_text.routes(rows, time.time()))
    return 0


def _top(client: Client, limit: int, as_json: bool, once: bool) -> int:
    live = sys.stdout.isatty() and not once and not as_json
    seen = False
    try:
        while True:
            try:
                picture = {
                    "status": client.get("status"),
                    "routes": client.get(
                        "routes", sort="bits_per_second", order="desc", limit=min(limit, PAGE)
                    )["routes"],
                }
            except UsageError:
                raise
            except ArmError as error:
                if once or not seen:
                    raise
                # It may be restarting: who watches wants to see it come back.
                print(printable(f"arm: {error.problem}"), file=sys.stderr)
            else:
                seen = True
                print(_CLEAR if live else "", end="")
                _say(picture, as_json, _picture(picture))
            if once:
                return 0
            time.sleep(EVERY)
    except KeyboardInterrupt:
        return 0  # the usual way to end it


def _picture(picture: dict[str, Any]) -> Iterable[str]:
    yield from cli_text.status(picture["status"])
    yield ""
    yield from cli_text.routes(picture["routes"], picture["status"]["time"])


def _say(answer: object, as_json: bool, lines: Iterable[str]) -> None:
    """On one line as JSON, else as text."""
    print(json.dumps(answer) if as_json else "\n".join(lines), flush=True)


def _lines(word: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < int(word[:10]) <= 1_000_000):
        raise argparse.ArgumentTypeError(f"{printable(word)!r}: not a whole number from 1 to 1000000")
    return int(word)


def _address(word: str) -> str:
    """An address as the API writes it."""
    try:
        return str(ip_address(word))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{printable(word)!r}: not an IPv4 or IPv6 address") from None
