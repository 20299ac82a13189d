"""The commands that tell the running daemon: pin, unpin, deny, undeny, mode, reload; and plan."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from arm import cli_text
from arm.client import Client
from arm.log import printable
from arm.token import DEFAULT

Answer = Mapping[str, Any]

COMMANDS = ("plan", "pin", "unpin", "deny", "undeny", "mode", "reload")
MODES = ("active", "observe", "withdraw")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_PATHS = {"pin": "pins", "unpin": "pins", "deny": "denials", "undeny": "denials"}
_MARKS = {"add": "+", "remove": "-", "change": "~"}
_CODES = (
    "Exit codes: 0 done, 1 the daemon cannot be reached or failed, 2 usage, 4 refused: no token or a wrong "
    "one, changes are switched off, or it cannot be done as things are."
)


def add(commands: Any, asking: argparse.ArgumentParser) -> None:
    """Add the commands to argparse's subparsers; `asking` has what all commands for the daemon take."""
    telling = argparse.ArgumentParser(add_help=False)
    telling.add_argument(
        "--token-file", type=Path, default=DEFAULT, metavar="FILE", help=f"web.token_file ({DEFAULT})"
    )
    telling.add_argument("--reason", default="", metavar="TEXT", help="why, for those who come after")

    def command(name: str, help_text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = commands.add_parser(
            name, help=help_text, parents=[asking, *parents], epilog=_CODES
        )
        return found

    plan = command("plan", "say what the next choice would change now, and why")
    plan.add_argument("--family", choices=("ipv4", "ipv6"))
    plan.add_argument("--limit", type=_lines, default=100, metavar="N", help="most changes (100, up to 1000)")
    for name, text in (
        ("pin", "always install a route of the BGP table; without PREFIX, list what is pinned"),
        ("deny", "never install a route; without PREFIX, list what is denied"),
    ):
        giving = command(name, text, telling)
        giving.add_argument("prefix", nargs="?", metavar="PREFIX", help="exactly this one")
        giving.add_argument(
            "--for", dest="seconds", type=_duration, metavar="TIME", help="how long, as 2h, 90m or 1d12h"
        )
    for name, text in (("unpin", "take a pin back"), ("undeny", "take a denial back")):
        command(name, text, telling).add_argument("prefix", metavar="PREFIX")
    mode = command("mode", "say or set whether ARM acts", telling)
    mode.add_argument("mode", nargs="?", choices=MODES, metavar="MODE", help=", ".join(MODES))
    command("reload", "read the configuration again", telling)


def run(arguments: argparse.Namespace) -> int:
    """The command that `add` has read; ArmError as `Client` raises it."""
    client = Client(arguments.url)
    answer, lines = _asked(client, arguments)
    print(json.dumps(answer) if arguments.json else "\n".join(lines), flush=True)
    return 0


def _asked(client: Client, arguments: argparse.Namespace) -> tuple[Answer, Iterable[str]]:
    name, now = arguments.command, time.time()
    if name == "plan":
        family = {"family": arguments.family} if arguments.family else {}
        answer = client.get("plan", limit=arguments.limit, **family)
        return answer, plan(answer)
    if name == "mode" and arguments.mode is None:
        answer = client.get("mode")
        return answer, mode(answer, now)
    if name in ("pin", "deny") and arguments.prefix is None:
        answer = client.get(_PATHS[name])
        return answer, rules(answer["rules"])
    tell = client.telling(arguments.token_file)
    if name == "reload":
        answer = tell("POST", "reload", {})
        return answer, map(printable, answer["lines"])
    if name == "mode":
        answer = tell("POST", "mode", {"mode": arguments.mode, "reason": arguments.reason})
        return answer, mode(answer, now)
    if name in ("unpin", "undeny"):
        reason = f"?reason={quote(arguments.reason)}" if arguments.reason else ""
        answer = tell("DELETE", f"{_PATHS[name]}/{quote(arguments.prefix, safe=':/')}{reason}", None)
        return answer, [printable(f"{answer['prefix']}: the {answer['verdict']} is taken back")]
    body: dict[str, Any] = {"prefix": arguments.prefix, "reason": arguments.reason}
    if arguments.seconds is not None:
        body["seconds"] = arguments.seconds
    answer = tell("POST", _PATHS[name], body)
    return answer, given(answer)


# --- as text ----------------------------------------------------------------------------------------------


def given(rule: Answer) -> Iterator[str]:
    """A pin or denial, as it was taken."""
    yield printable(f"{rule['prefix']}: {rule['verdict']}, {_until(rule)}")
    if not rule["in_table"]:
        yield "the BGP table has no such route now; the rule is for when it does"


def rules(found: Iterable[Answer]) -> Iterator[str]:
    """All pins or denials."""
    head = ("routes", "until", "from", "by", "reason")
    yield from cli_text.table(head, (_row(each) for each in found))


def mode(answer: Answer, now: float) -> Iterator[str]:
    """Whether ARM acts, and who says so. `now` in Unix seconds."""
    if answer["source"] == "file":
        yield f"mode {answer['mode']}, as the configuration says"
        return
    why = f": {answer['reason']}" if answer["reason"] else ""
    since = cli_text.duration(now - answer["since"])
    yield printable(f"mode {answer['mode']}, set by {answer['who']} {since} ago{why}")
    yield f"the configuration says {answer['file']}; `arm mode {answer['file']}` goes back to it"


def plan(answer: Answer) -> Iterator[str]:
    """What the next choice would change."""
    for each in answer["families"]:
        numbers = f"{each['added']} new, {each['changed']} changed, {each['removed']} given up"
        held = f"; {each['why']}" if each["why"] else ""
        title, entries = cli_text.TITLES[each["family"]], f"{each['now']} entries, then {each['then']}"
        yield printable(f"{title}  {each['state']}, {entries}: {numbers}{held}")
    if answer["changes"]:
        yield ""
        head = ("", "prefix", "kind", "next hop", "worth/s", "why")
        yield from cli_text.table(head, map(_change, answer["changes"]))
    left = answer["matched"] - len(answer["changes"])
    if left > 0:
        yield f"and {left} more"


def _change(each: Answer) -> tuple[str, ...]:
    before, after = each["before"] or "default", each["next_hop"] or "default"
    hops = {"add": after, "remove": before, "change": f"{before} → {after}"}[each["action"]]
    return (
        _MARKS[each["action"]],
        each["prefix"],
        each["kind"],
        hops,
        f"{each['weight']:.0f}",
        f"{each['reason']}: {each['text']}",
    )


def _row(rule: Answer) -> tuple[str, ...]:
    about = rule["prefix"] or (f"as {rule['as']}" if rule["as"] is not None else rule["community"])
    return (
        str(about),
        _until(rule),
        "arm.toml" if rule["source"] == "file" else "run time",
        rule["who"] or "-",
        rule["reason"] or "-",
    )


def _until(rule: Answer) -> str:
    if rule["until"] is None:
        return "until it is taken back"
    return f"until {datetime.fromtimestamp(rule['until'], UTC):%Y-%m-%d %H:%M:%S} UTC"


# --- words of the command line ----------------------------------------------------------------------------


def _duration(word: str) -> float:
    """Seconds."""
    parts = re.findall(r"([0-9]{1,9})([smhdw])", word)
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not seconds or "".join(map("".join, parts)) != word:
        raise argparse.ArgumentTypeError(f"{printable(word)!r}: not a time as 90s, 2h, 1d12h or 1w")
    return float(seconds)


def _lines(word: str) -> int:
    if not (word.isascii() and word.isdigit() and 0 < int(word[:10]) <= 1000):
        raise argparse.ArgumentTypeError(f"{printable(word)!r}: not a whole number from 1 to 1000")
    return int(word)
