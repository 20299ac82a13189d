"""`arm simulate`: the daemon's selection on files, for planning and for trust.

Exit codes: 0 fine, 2 files or options that cannot be used; then nothing is written.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from arm.log import printable
from arm.model import ArmError, Family
from arm.simulate_choice import Simulation, demand_of
from arm.simulate_files import STDIN, Files, InputError, read
from arm.simulate_output import as_json, curve, replay_csv, replay_json, replay_summary, summary
from arm.simulate_replay import Settings, replay

STRATEGIES = ("top", "safe", "optimal")
NO_DEFAULT = "none"  # --default of a family without a default route
DISCOUNT, REPLAY_DISCOUNT = 0.0, 0.5  # the plain choice; the daemon's own (selection.hysteresis)
INTERVAL = 1.0  # the daemon's own (selection.interval)


@dataclass(frozen=True, slots=True)
class Options:
    """The command line; None is what it does not say. `window` 0: automatic."""

    table: Path
    default: str
    traffic: Path | None
    capacity: int | None
    strategy: str | None
    family: int | None
    fixed: Path | None
    previous: Path | None
    discount: float | None
    json: Path | None
    curve: tuple[int, ...] | None
    replay: Path | None
    window: float | None
    interval: float | None

    @property
    def default_route(self) -> str | None:
        """The default route's next hop, if there is such a route."""
        return None if self.default == NO_DEFAULT else self.default


def run(options: Options) -> int:
    """Do what the options say and return the exit code."""
    try:
        _check(options)
        files = _files(options)
        if options.replay is not None:
            _replay(options, options.replay, files)
        else:
            _simulate(options, files)
    except InputError as error:
        for line in error.lines:
            print(line, file=sys.stderr)
        return 2
    return 0


def _check(options: Options) -> None:
    """What the command line's parser cannot see."""
    choice = options.capacity is not None and options.strategy is not None
    if options.replay is None:
        if options.window is not None or options.interval is not None:
            raise _unusable("--window and --interval belong to --replay", "leave them out")
        if options.traffic is None:
            raise _unusable("--traffic is missing", "name a file of lines address<TAB>weight")
        if not choice and (options.json is not None or options.curve is None):
            raise _unusable("--capacity or --strategy is missing", "give both, or --curve without --json")
        if options.curve is not None and options.json == STDIN:
            raise _unusable("--json and --curve both want standard output", "name a file")
    else:
        if options.traffic is not None or options.curve is not None:
            raise _unusable("--traffic and --curve do not go with --replay", "leave them out")
        if not choice:
            raise _unusable("--capacity or --strategy is missing", "give both")


def _files(options: Options) -> Files:
    families = {family.number: family for family in Family}
    files = read(
        options.default_route,
        families[options.family] if options.family is not None else None,
        options.table,
        options.traffic,
        options.fixed,
        options.previous,
    )
    if options.capacity is not None and len(files.previous) > options.capacity:
        problem = f"{len(files.previous)} entries, more than --capacity {options.capacity}"
        raise _unusable(problem, "give the capacity of the hardware that held them", options.previous)
    if options.default_route is None:
        print("note: without a default route nothing may be announced", file=sys.stderr)
    return files


def _simulate(options: Options, files: Files) -> None:
    discount = DISCOUNT if options.discount is None else options.discount
    simulation = Simulation(files, options.default_route is not None, discount)
    if options.strategy is not None and options.capacity is not None:
        outcome = simulation.run(options.strategy, options.capacity)
        if outcome.crowded:
            print("note: the fixed entries need more guards than there is room for", file=sys.stderr)
        if options.json is None:
            print(summary(outcome, files.family, options.strategy, options.capacity))
        else:
            _write(options.json, as_json(outcome))
    if options.curve is not None:
        coverages = {
            strategy: [simulation.coverage(strategy, capacity) for capacity in options.curve]
            for strategy in STRATEGIES
        }
        bounds = [simulation.upper_bound(capacity) for capacity in options.curve]
        print(curve(options.curve, coverages, bounds))


def _replay(options: Options, recording: Path, files: Files) -> None:
    assert options.strategy is not None
    assert options.capacity is not None
    settings = Settings(
        strategy=options.strategy,
        capacity=options.capacity,
        window=options.window or None,
        interval=INTERVAL if options.interval is None else options.interval,
        discount=REPLAY_DISCOUNT if options.discount is None else options.discount,
    )
    try:
        moments = replay(
            recording, files.family, demand_of(files), options.default_route is not None, settings
        )
    except ArmError as error:
        raise InputError([printable(str(error))]) from None
    if not moments:
        raise _unusable(f"no {files.family.title} traffic in it", "name another with --family", recording)
    if options.json is None:
        print(replay_summary(moments))
    else:
        _write(options.json, replay_csv(moments) if options.json.suffix == ".csv" else replay_json(moments))


def _write(path: Path, content: str) -> None:
    if path == STDIN:
        print(content)
        return
    try:
        path.write_text(content + "\n")
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise _unusable(f"cannot be written: {reason}", "name a file that you may write", path) from None


def _unusable(problem: str, remedy: str, place: Path | None = None) -> InputError:
    at = "arm simulate" if place is None else str(place)
    return InputError([f"{printable(at)}: {problem}: {remedy}"])
