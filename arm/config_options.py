"""Faults of single options, in words for the person who wrote the file.

The words come from the option itself (its kind, range or example), never from the library that found the
fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from arm.config_faults import Fault, as_toml, key_text
from arm.config_values import Meant


def option_faults(error: ValidationError, config: type[BaseModel]) -> Iterator[tuple[str, Fault]]:
    """Each fault with the path of its option: "sflow.listen" for one at "sflow.listen[1]"."""
    for detail in error.errors(include_url=False):
        kind, value = detail["type"], detail["input"]
        name, *rest = (str(part) for part in detail["loc"])
        path = key_text(name) if not rest else f"{key_text(name)}.{key_text(rest[0])}"
        if kind == "extra_forbidden":
            fault = (
                _unknown_key(config, name, rest[0], value) if rest else _unknown_section(config, name, value)
            )
        elif not rest:
            fault = Fault(
                path, value, "not a section", f"write [{name}] once, on a line of its own, and its keys below"
            )
        else:
            field = options(section_model(config, name))[rest[0]]
            fault = _wrong_value(path, field, kind, value, index=rest[1] if rest[1:] else None)
        yield path, fault


def _wrong_value(path: str, field: FieldInfo, kind: str, value: object, index: str | None) -> Fault:
    meant, advice = _meant(field.metadata), _advice(field)
    if index is not None:
        meant = _meant(get_args(field.annotation)[0].__metadata__)
        path, advice = f"{path}[{index}]", f"write for example {as_toml(meant.example)}"
    match kind:
        case "missing":
            return Fault(path, None, "missing", advice)
        case "greater_than_equal":
            return Fault(path, value, "too small", advice)
        case "less_than_equal":
            return Fault(path, value, "too large", advice)
        case _:
            return Fault(path, value, f"not {meant.noun}", advice)


def _meant(metadata: Iterable[object]) -> Meant:
    return next(mark for mark in metadata if isinstance(mark, Meant))


def _advice(field: FieldInfo) -> str:
    """What to write: the range if there is one, else the known words, else an example."""
    lowest = next((mark.ge for mark in field.metadata if isinstance(mark, Ge)), None)
    highest = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    if lowest is not None and highest is not None:
        return (
            f"write {'a whole number' if field.annotation is int else 'a number'} from {lowest} to {highest}"
        )
    if get_origin(field.annotation) is Literal:
        return f"write {' or '.join(map(as_toml, get_args(field.annotation)))}"
    example = _meant(field.metadata).example if field.is_required() else field.default
    return f"write for example {as_toml(example)}"


def _unknown_section(config: type[BaseModel], name: str, value: object) -> Fault:
    known = list(config.model_fields)
    problem = "unknown section" if isinstance(value, Mapping) else "a key outside any section"
    homes = _sections_with(config, name)
    if homes and not isinstance(value, Mapping):
        remedy = f"write it below {' or '.join(homes)}"
    elif close := get_close_matches(name.lower(), known, n=1):
        remedy = f"did you mean [{close[0]}]?"
    else:
        remedy = f"known sections: {', '.join(known)}"
    return Fault(key_text(name), value, problem, remedy)


def _unknown_key(config: type[BaseModel], name: str, key: str, value: object) -> Fault:
    known = list(options(section_model(config, name)))
    if close := get_close_matches(key.lower(), known, n=1):
        remedy = f"did you mean `{close[0]}`?"
    else:
        homes = _sections_with(config, key)
        elsewhere = f"; there is one in {' and '.join(homes)}" if homes else ""
        remedy = f"known keys: {', '.join(known)}{elsewhere}"
    return Fault(f"{name}.{key_text(key)}", value, "unknown key", remedy)


# --- the shape of the configuration -------------------------------------------------------------------


def section_model(config: type[BaseModel], name: str) -> type[BaseModel]:
    model = config.model_fields[name].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def options(section: type[BaseModel]) -> dict[str, FieldInfo]:
    """The options of a section under the names that the file uses (`as`, not `asn`)."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def option_paths(config: type[BaseModel]) -> dict[str, FieldInfo]:
    """Every option of the configuration by its path, such as "selection.window"."""
    return {
        f"{name}.{key}": field
        for name in config.model_fields
        for key, field in options(section_model(config, name)).items()
    }


def _sections_with(config: type[BaseModel], key: str) -> list[str]:
    return [f"[{name}]" for name in config.model_fields if key in options(section_model(config, name))]
