"""The command line: `python -m lab up` starts the lab, `python -m lab run NODE COMMAND…` looks inside;
`python -m lab files` writes what another runner of the topology needs (lab/containerlab)."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from arm.model import ArmError
from lab import files
from lab.lab import Lab
from lab.options import LabOptions
from lab.plan import PAGE_PORT, LabError
from lab.summary import Summary

_WORKDIR = Path("/var/cache/arm-lab")
_INTERVAL = 5.0  # seconds between two summaries


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        if arguments.command == "run":
            return _run(arguments)
        if arguments.command == "files":
            files.write(arguments.workdir, _options(arguments))
            return 0
        return _up(arguments)
    except ArmError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: ended, nothing left behind", file=sys.stderr)
        return 130


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _options(arguments: argparse.Namespace) -> LabOptions:
    return LabOptions(
        routes=arguments.routes,
        routes6=arguments.routes6,
        table=arguments.table,
        active=arguments.active,
        active6=arguments.active6,
        drift=arguments.drift,
        pps=arguments.pps,
        sampling=arguments.sampling,
        capacity=arguments.capacity,
        capacity6=arguments.capacity6,
        strategy=arguments.strategy,
        seed=arguments.seed,
        workdir=arguments.workdir,
    )


def _up(arguments: argparse.Namespace) -> int:
    options = replace(
        _options(arguments),
        start_arm=not arguments.no_arm,
        arm_conf=arguments.arm_conf,
        page_port=arguments.page_port,
    )
    with Lab(options) as lab:
        inside = " --workdir " + str(arguments.workdir) if arguments.workdir != _WORKDIR else ""
        print(f"\nLook inside:  lab/run{inside} switch birdc show protocols", flush=True)
        print(f"Logs:         {lab.logs}")
        if lab.arm is not None and lab.relay is not None:
            print(f"The page:     http://{lab.relay.address}/")
        print("Ctrl-C ends everything.\n", flush=True)
        summary = Summary(lab)
        while True:
            time.sleep(_INTERVAL)
            print(time.strftime("%H:%M:%S"))
            print(summary.text() + "\n", flush=True)


def _run(arguments: argparse.Namespace) -> int:
    """Become a command inside a node of a running lab."""
    try:
        nodes = json.loads((arguments.workdir / "lab.json").read_text())["nodes"]
    except (OSError, ValueError) as error:
        raise LabError(f"no lab in {arguments.workdir}", "start one with lab/up") from error
    if arguments.node not in nodes:
        raise LabError(f"the lab has no node {arguments.node!r}", f"use one of {', '.join(nodes)}")
    # The node's holder says in its own name which lab it is: a number alone may be someone else's by now.
    pid = nodes[arguments.node]
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    if words[:1] != [b"unshare"]:
        raise LabError("the lab is not running any more", "start it with lab/up")
    enter = ["nsenter", f"--target={pid}", "--net", "--mount", "--uts", "--ipc"]
    enter.append(f"--pid=/proc/{pid}/ns/pid_for_children")
    os.execvp("nsenter", [*enter, "--", *arguments.words])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab", description="An Internet edge in network namespaces, with the Active Route Manager in it."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    default = LabOptions()

    sizes = argparse.ArgumentParser(add_help=False)
    for name, what in (
        ("routes", "IPv4 routes of the full table"),
        ("routes6", "IPv6 routes"),
        ("active", "IPv4 prefixes that carry traffic"),
        ("active6", "IPv6 prefixes that carry traffic"),
        ("sampling", "sFlow samples one packet in N"),
        ("capacity", "IPv4 entries that ARM may install"),
        ("capacity6", "IPv6 entries that ARM may install"),
        ("seed", "of everything random"),
    ):
        value = getattr(default, name)
        sizes.add_argument(
            f"--{name}",
            type=_whole,
            default=value,
            metavar="N",
            help=f"{what} ({value:,})".replace("%", "%%"),
        )
    sizes.add_argument("--pps", type=float, default=default.pps, metavar="N", help="packets/s (20,000)")
    sizes.add_argument(
        "--drift",
        type=float,
        default=0.05,
        metavar="SHARE",
        help="share of the active prefixes that change their rank per minute (0.05)",
    )
    sizes.add_argument(
        "--strategy", default=default.strategy, metavar="NAME", help=f"of ARM ({default.strategy})"
    )
    sizes.add_argument("--table", type=Path, metavar="FILE", help="lines `prefix origin`, plain or .gz")

    up = commands.add_parser("up", parents=[sizes], help="start the lab; Ctrl-C ends it")
    up.add_argument("--no-arm", action="store_true", help="without ARM: everything follows the default route")
    up.add_argument("--arm-conf", type=Path, metavar="FILE", help="ARM's configuration (the lab's own)")
    up.add_argument("--page-port", type=_whole, default=PAGE_PORT, metavar="N", help=f"page ({PAGE_PORT})")

    written = commands.add_parser(
        "files", parents=[sizes], help="only write the files that the nodes start from, and start nothing"
    )
    run = commands.add_parser("run", help="run a command in a node of a running lab")
    for command in (up, written, run):
        command.add_argument(
            "--workdir", type=Path, default=_WORKDIR, metavar="FOLDER", help=f"files and logs ({_WORKDIR})"
        )
    run.add_argument("node")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="command")
    return parser


def _whole(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


if __name__ == "__main__":
    sys.exit(main())
