"""What a configuration that is read again changes in a running ARM. Pure, except `read_again`.

An option either changes live or waits for a restart; what waits keeps its old value until then, and is told
again at every reload. A file with any fault changes nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from arm.config import Config, ConfigError, load
from arm.config_text import value_text, values, written
from arm.log import printable

# Sections, or single options, that change while ARM runs.
LIVE = frozenset(
    (
        *("announce", "capacity", "freeze", "log", "sflow.agents", "state.save_interval"),
        *("selection.strategy", "selection.interval", "selection.window", "selection.hysteresis"),
        *("selection.minimum_rate", "selection.weight", "selection.factors"),
        *("selection.changes_per_second", "selection.pins", "selection.denials"),
    )
)
# These are tied to what was opened at the start: sessions, sockets, files, the kernel's table.
RESTART = frozenset(
    (
        *("bgp", "fib", "reflector", "target", "state.directory", "web"),
        *("sflow.listen", "sflow.sources", "sflow.direction", "sflow.relay"),
        *("selection.record", "selection.record_limit"),
    )
)
LONGEST = 200  # characters of one side of a change


@dataclass(frozen=True, slots=True)
class Change:
    """An option (its path) that differs, with both values as the file has them.

    Of lists only what differs is there: `…` stands for the items that both have.
    """

    option: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.option}: {self.old} → {self.new}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of reading the file again.

    `config` is what ARM runs with from now on. `faults` has a line for each thing wrong with the file; then
    `config` is the one that ran before, and nothing is in `applied` and `waiting`.
    """

    config: Config
    applied: tuple[Change, ...] = ()
    waiting: tuple[Change, ...] = ()  # these options need a restart, and keep their old value until then
    faults: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.faults

    def lines(self) -> list[str]:
        """For the log, the page and whoever asked for the reload: what happened, a line each."""
        if self.faults:
            return [*self.faults, "the configuration from before stays"]
        lines = [str(change) for change in self.applied]
        lines += [f"{change} needs a restart; until then the old value stays" for change in self.waiting]
        return lines or ["nothing changed"]


def read_again(running: Config, path: str | Path) -> Outcome:
    """Compare the file at `path` with what runs; never raises for what is in the file or not there."""
    try:
        return compare(running, load(path))
    except ConfigError as error:
        return Outcome(running, faults=tuple(error.lines()))


def compare(running: Config, loaded: Config) -> Outcome:
    """What changes when a sound configuration takes the place of the running one."""
    old, new = values(running), values(loaded)
    applied: list[Change] = []
    waiting: list[Change] = []
    for option, (field, before) in old.items():
        after = new[option][1]
        if before != after:
            change = _change(option, field, before, after)
            (applied if is_live(option) else waiting).append(change)
    return Outcome(_merged(running, loaded), tuple(applied), tuple(waiting))


def is_live(option: str) -> bool:
    """Whether the option at this path changes without a restart."""
    return option in LIVE or option.partition(".")[0] in LIVE


def _merged(running: Config, loaded: Config) -> Config:
    """The running configuration with the live options of the other.

    Sound without a check: options that are checked together are all live, or none is (tests/test_reload.py).
    """
    sections = {}
    for name in Config.model_fields:
        before, after = getattr(running, name), getattr(loaded, name)
        # Only options that are live one by one can differ in name from their attribute: none does.
        live = {key: getattr(after, key) for key in type(after).model_fields if is_live(f"{name}.{key}")}
        sections[name] = before.model_copy(update=live)
    return running.model_copy(update=sections)


def _change(option: str, field: FieldInfo, before: Any, after: Any) -> Change:
    if (
        isinstance(before, tuple)
        and isinstance(after, tuple)
        and _sorted_texts(before) != _sorted_texts(after)
    ):
        old, new = _different(before, after), _different(after, before)
    else:
        old, new = value_text(field, before), value_text(field, after)
    return Change(option, *(printable(_short(text)) for text in (old, new)))


def _sorted_texts(items: tuple[Any, ...]) -> list[str]:
    return sorted(map(written, items))


def _different(items: tuple[Any, ...], others: tuple[Any, ...]) -> str:
    """A list without the items that are in the other too."""
    there = set(map(written, others))
    texts = list(map(written, items))
    own = [text for text in texts if text not in there]
    return f"[{', '.join([*(['…'] if len(own) < len(texts) else []), *own])}]"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
