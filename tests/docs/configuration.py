"""Writes docs/configuration.md from the model of the configuration, so that the two cannot differ:

python -m tests.docs.configuration > docs/configuration.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from arm.config import Config
from arm.config_capacity import PoolOptions
from arm.config_options import options, section_model
from arm.config_selection import Rule
from arm.config_text import value_text
from arm.config_values import Meant
from arm.reload import LIVE, RESTART

HEAD = """\
# Configuration

Every option of arm.toml, section by section, written by `python -m tests.docs.configuration` from what ARM
checks files against. As a file to begin with, with advice: [conf/arm.toml](../conf/arm.toml).

- `arm check FILE` names every fault of a file at once, with its place, its value and what to write instead.
- Nothing but the options marked "required" has to be written. What ARM does not know is a fault, not ignored.
- *live*: `systemctl reload arm` (SIGHUP) takes it over. *restart*: it waits for the next start.
"""

# What tables inside the file consist of, by the option that holds them.
TABLES: dict[str, tuple[str, type[BaseModel]]] = {
    "capacity": ("Each table in `capacity.pools` has", PoolOptions),
    "selection": (
        "Each table in `selection.pins` and `selection.denials` has exactly one of `prefix`, `as` and "
        "`community`; the rest if wanted",
        Rule,
    ),
}


def document() -> str:
    """The whole file."""
    return "\n".join([HEAD, *(_section(name) for name in Config.model_fields)])


def _section(name: str) -> str:
    model = section_model(Config, name)
    lines = [f"## [{name}]", "", _summary(model), "", *_table(name, model)]
    if name in TABLES:
        words, inside = TABLES[name]
        lines += ["", f"{words}:", "", *_table("", inside)]
    return "\n".join(lines) + "\n"


def _table(section: str, model: type[BaseModel]) -> Iterator[str]:
    """One line for each option; of tables inside an option without what only sections have."""
    yield "| option | value | default | change | meaning |" if section else "| key | value | meaning |"
    yield "|---|---|---|---|---|" if section else "|---|---|---|"
    for key, field in options(model).items():
        if not section:
            yield f"| `{key}` | {_cell(_value(field))} | {_cell(field.description or '')} |"
            continue
        default = "required" if field.is_required() else f"`{value_text(field, field.default)}`"
        change = "live" if _live(section, key) else "restart"
        cells = (f"`{key}`", _value(field), default, change, field.description or "")
        yield f"| {' | '.join(map(_cell, cells))} |"


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip()


def _value(field: FieldInfo) -> str:
    """What may be written, and in which range."""
    if get_origin(field.annotation) is Literal:
        return " or ".join(f'`"{word}"`' for word in get_args(field.annotation))
    meant = next(mark for mark in field.metadata if isinstance(mark, Meant))
    words = f"`{meant.word}` or {meant.noun}" if meant.word and meant.word not in meant.noun else meant.noun
    lowest = next((mark.ge for mark in field.metadata if isinstance(mark, Ge)), None)
    highest = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    if lowest is not None and highest is not None:
        words += f", {lowest} to {highest}"
    shown = meant.example and (field.is_required() or not field.default)  # else the default shows one
    return f"{words}, for example `{meant.example}`" if shown else words


def _live(section: str, key: str) -> bool:
    """Whether a reload takes the option over; KeyError if arm/reload.py does not say."""
    for name in (f"{section}.{key}", section):
        if name in LIVE or name in RESTART:
            return name in LIVE
    raise KeyError(f"{section}.{key}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(document(), end="")
