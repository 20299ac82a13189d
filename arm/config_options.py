"""Faults of single options, in words for the person who wrote the file.

The words come from the option itself (its kind, range or example), never from the library that found the
fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        name, *steps = detail["loc"]
        section = key_text(str(name))
        if not steps and kind == "extra_forbidden":
            yield section, _unknown_section(config, str(name), value)
        elif not steps:
            remedy = f"write [{name}] once, on a line of its own, and its keys below"
            yield section, Fault(section, value, "not a section", remedy)
        else:
            yield f"{section}.{key_text(str(steps[0]))}", _inside(config, str(name), steps, kind, value)


def _inside(
    config: type[BaseModel], name: str, steps: Sequence[int | str], kind: str, value: object
) -> Fault:
    """Follow pydantic's steps from a section to the value: keys, indexes, and "[key]" for a key itself."""
    path, field = name, config.model_fields[name]
    for at, step in enumerate(steps):
        model = _model(field)
        if model is not None and step not in options(model):
            return _unknown_key(config, path, model, str(step), value)
        if model is not None:
            path, field = f"{path}.{key_text(str(step))}", options(model)[str(step)]
        elif isinstance(step, int):
            path, field = f"{path}[{step}]", FieldInfo.from_annotation(get_args(field.annotation)[0])
        else:
            about_key = list(steps[at + 1 :]) == ["[key]"]
            path = f"{path}.{key_text(step)}"
            field = FieldInfo.from_annotation(get_args(field.annotation)[0 if about_key else 1])
            if about_key:
                return _wrong_value(path, field, kind, None)
    return _wrong_value(path, field, kind, value)


def _wrong_value(path: str, field: FieldInfo, kind: str, value: object) -> Fault:
    match kind:
        case "missing":
            return Fault(path, None, "missing", _advice(field))
        case "greater_than_equal":
            return Fault(path, value, "too small", _advice(field))
        case "less_than_equal":
            return Fault(path, value, "too large", _advice(field))
        case _:
            return Fault(path, value, f"not {_meant(field).noun}", _advice(field))


def _meant(field: FieldInfo) -> Meant:
    return next(mark for mark in field.metadata if isinstance(mark, Meant))


def _advice(field: FieldInfo) -> str:
    """What to write: the range if there is one, else the known words, else an example."""
    lowest = next((mark.ge for mark in field.metadata if isinstance(mark, Ge)), None)
    highest = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    if lowest is not None and highest is not None:
        kinds = (field.annotation, *get_args(field.annotation))
        word = f"{_meant(field).word} or " if _meant(field).word else ""
        return f"write {word}{'a whole number' if int in kinds else 'a number'} from {lowest} to {highest}"
    if get_origin(field.annotation) is Literal:
        return f"write {' or '.join(map(as_toml, get_args(field.annotation)))}"
    return f"write for example {_example(field)}"


def _example(field: FieldInfo) -> str:
    """The default where it shows something; else what the option or the items of its list give to show."""
    if field.default and not field.is_required():
        return as_toml(field.default)
    if _meant(field).example or not get_args(field.annotation):
        return _meant(field).example or as_toml(field.default)
    return f"[{_example(FieldInfo.from_annotation(get_args(field.annotation)[0]))}]"


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


def _unknown_key(
    config: type[BaseModel], path: str, model: type[BaseModel], key: str, value: object
) -> Fault:
    known = list(options(model))
    if close := get_close_matches(key.lower(), known, n=1):
        remedy = f"did you mean `{close[0]}`?"
    else:
        homes = _sections_with(config, key)
        elsewhere = f"; there is one in {' and '.join(homes)}" if homes else ""
        remedy = f"known keys: {', '.join(known)}{elsewhere}"
    return Fault(f"{path}.{key_text(key)}", value, "unknown key", remedy)


# --- the shape of the configuration -------------------------------------------------------------------


def _model(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a section or of a table in it; None for a plain value, a list or a table of any keys."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def section_model(config: type[BaseModel], name: str) -> type[BaseModel]:
    model = _model(config.model_fields[name])
    assert model is not None
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
