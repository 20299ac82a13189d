"""The command line: `arm check FILE`, `arm run -c FILE` and `arm decode PATH...`.

Exit codes: 0 fine, 1 ARM could not go on, 2 the configuration or the command line is wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from arm import __version__, log
from arm.config import ConfigError, load
from arm.log import printable
from arm.model import ArmError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (default: the process's own) and return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "check":
            return _check(arguments.file)
        if arguments.command == "decode":
            return _decode(arguments)
        return _run(arguments.config, arguments.log_level)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except ArmError as error:
        print(printable(f"arm: {error.problem}: {error.remedy}"), file=sys.stderr)
        return 1
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
        "--log-level", choices=log.LEVELS, default="info", help="least important events to log (info)"
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
    return parser


def _check(path: Path) -> int:
    load(path)
    print(f"{printable(str(path))}: ok")
    return 0


def _decode(arguments: argparse.Namespace) -> int:
    from arm.decode import run  # as below

    return run(arguments.paths, counters=arguments.counters, summary=arguments.summary)


def _run(path: Path, level: str) -> int:
    config = load(path)
    log.configure(level)
    # Only now: `arm check` must not need what running needs.
    from arm.app import run

    return run(config, path)


if __name__ == "__main__":
    sys.exit(main())
