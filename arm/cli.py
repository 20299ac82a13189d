"""The command line: `arm run` and its like begin something; `arm status` and its like ask the running daemon.

Exit codes: 0 fine, 1 ARM could not go on or cannot be reached, 2 the configuration or the command line is
wrong, 3 health is critical (`arm status`), 4 the daemon refused a change, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from arm import __version__, cli_live, cli_orders, log
from arm.cli_completion import bash
from arm.client import RefusedError, UsageError
from arm.config import ConfigError, load
from arm.log import printable
from arm.model import ArmError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (default: the process's own) and return the exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        if arguments.command in ("status", "top", "explain", "routes"):
            return cli_live.run(arguments)
        if arguments.command in cli_orders.COMMANDS:
            return cli_orders.run(arguments)
        if arguments.command == "completion":
            print(bash(parser), end="")
            return 0
        if arguments.command == "check":
            return _check(arguments.file)
        if arguments.command == "decode":
            return _decode(arguments)
        if arguments.command == "simulate":
            return _simulate(arguments)
        return _run(arguments.config, arguments.log_level)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except ArmError as error:
        print(printable(f"arm: {error.problem}: {error.remedy}"), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 4 if isinstance(error, RefusedError) else 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="arm", description="Active Route Manager: only the routes that carry traffic go into hardware."
    )
    parser.add_argument("--version", action="version", version=f"arm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="report every fault of a configuration file, start nothing")
    check.add_argument("file", type=Path, metavar="FILE", help="configuration file (TOML)")

    run = commands.add_parser("run", help="run in the foreground, as systemd wants it")
    run.add_argument("-c", "--config", type=Path, required=True, metavar="FILE", help="configuration (TOML)")
    run.add_argument(
        "--log-level", choices=log.LEVELS, help="least important events to log (else log.level of the file)"
    )

    decode = commands.add_parser(
        "decode",
        help="print the samples in sFlow files, one JSON object per line",
        description="One JSON object for every flow sample; datagrams are numbered from 0 in each file.",
        epilog="Exit codes: 0 fine, 1 something malformed (the rest is printed), 2 a file cannot be read.",
    )
    decode.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="a datagram as received, or a pcap capture"
    )
    decode.add_argument("--counters", action="store_true", help="print counter records too")
    decode.add_argument("--summary", action="store_true", help="print only totals per agent and format")
    _simulate_options(
        commands.add_parser(
            "simulate",
            help="make the daemon's choice from files, and show what it does",
            description="Files may be gzip; one may be -, standard input. Next hops are words without "
            "blanks; several with commas between them are a group, the same in any order.",
            epilog="Exit codes: 0 fine, 2 files or options that cannot be used.",
        )
    )
    cli_live.add(commands)
    completion = commands.add_parser("completion", help="print what makes a shell complete arm's commands")
    completion.add_argument("shell", choices=("bash",))
    return parser


def _simulate_options(simulate: argparse.ArgumentParser) -> None:
    option = simulate.add_argument
    option("--table", type=Path, required=True, metavar="T", help="the full table: prefix<TAB>next_hop")
    option("--traffic", type=Path, metavar="W", help="traffic: address<TAB>weight")
    option("--default", required=True, metavar="NEXTHOP", help="the default route's; none: no such route")
    option("--capacity", type=_count, metavar="N", help="entries that there is room for")
    option("--strategy", choices=("top", "safe", "optimal"), help="how to choose")
    option("--family", type=int, choices=(4, 6), help="of all files (that of the table's first prefix)")
    option("--fixed", type=Path, metavar="F", help="entries of the FIB that ARM does not own, like T")
    option("--previous", type=Path, metavar="P", help="what is installed now, like T")
    option(
        "--discount",
        "--hysteresis",
        type=_share,
        metavar="X",
        help="by how much less installed entries count, 0 to 0.95 (0; in a replay 0.5, the daemon's own)",
    )
    option("--json", type=Path, metavar="OUT", help="write everything to a file; -: standard output")
    option("--curve", type=_counts, metavar="N,N,...", help="print coverage against capacity")
    option(
        "--replay",
        type=Path,
        metavar="R",
        help="choose again and again as the daemon does, for the "
        "traffic that it recorded (selection.record); OUT may be a .csv",
    )
    option("--window", type=_window, metavar="SECONDS", help="of a replay: how long traffic counts (auto)")
    option("--interval", type=_seconds, metavar="SECONDS", help="of a replay: between choices (1)")


def _count(word: str) -> int:
    """A number of entries."""
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise argparse.ArgumentTypeError(f"{printable(word)!r}: not a whole number of up to 9 digits")
    return int(word)


def _counts(word: str) -> tuple[int, ...]:
    return tuple(map(_count, word.split(",")))


def _share(word: str) -> float:
    try:
        share = float(word)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 0.95:
        raise argparse.ArgumentTypeError(f"{printable(word)!r}: not a number from 0 to 0.95")
    return share


def _check(path: Path) -> int:
    load(path)
    print(f"{printable(str(path))}: ok")
    return 0


def _decode(arguments: argparse.Namespace) -> int:
    from arm.decode import run  # as below

    return run(arguments.paths, counters=arguments.counters, summary=arguments.summary)


def _simulate(arguments: argparse.Namespace) -> int:
    from arm.simulate import Options, run  # as below

    values = vars(arguments)
    return run(Options(**{name: value for name, value in values.items() if name != "command"}))


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{printable(word)!r}: not a number of seconds above 0")
    return seconds


def _window(word: str) -> float:
    """Seconds; 0: automatic."""
    return 0.0 if word == "auto" else _seconds(word)


def _run(path: Path, level: str | None) -> int:
    config = load(path)
    log.configure(level or config.log.level)
    # Only now: `arm check` must not need what running needs.
    from arm.app import run

    return run(config, path, fixed_level=level is not None)


if __name__ == "__main__":
    sys.exit(main())
