"""A configuration back as TOML: every option with its value, defaults included, so that two can be compared.

What this writes, `parse` reads as the same configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from arm.config import Config
from arm.config_capacity import Held
from arm.config_faults import key_text
from arm.config_options import options
from arm.config_values import Endpoint, Meant, Section


def effective(config: Config) -> str:
    """Everything that `config` says, as a file."""
    parts = []
    for name in Config.model_fields:
        lines = [f"{key} = {value_text(field, value)}" for key, field, value in _options(config, name)]
        parts.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(parts) + "\n"


def fingerprint(config: Config) -> str:
    """SHA-256 of what is effective, in hexadecimal: the same however the file is written."""
    return sha256(effective(config).encode()).hexdigest()


def values(config: Config) -> dict[str, tuple[FieldInfo, Any]]:
    """Every option with its value, by its path: "selection.window"."""
    return {
        f"{name}.{key}": (field, value)
        for name in Config.model_fields
        for key, field, value in _options(config, name)
    }


def _options(config: Config, name: str) -> Iterator[tuple[str, FieldInfo, Any]]:
    section: Section = getattr(config, name)
    attributes = type(section).model_fields
    for (key, field), attribute in zip(options(type(section)).items(), attributes, strict=True):
        yield key, field, getattr(section, attribute)


def value_text(field: FieldInfo, value: object) -> str:
    """The value of a section's option, as the file has it."""
    if value is None:
        meant = next(mark for mark in field.metadata if isinstance(mark, Meant))
        return meant.word or '""'
    return written(value)


def written(value: Any) -> str:
    """One value as the file has it, on one line and in full."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case Endpoint() | Path() | IPv4Network() | IPv6Network():
            return _quoted(str(value))
        case Held():
            slots = f": {value.slots} slots" if value.slots > 1 else ""
            return _quoted(value.written() + slots)
        case tuple():
            return f"[{', '.join(map(written, value))}]"
        case Mapping():
            return _table((key_text(key), written(each)) for key, each in sorted(value.items()))
        case Section():
            fields = type(value).model_fields.items()
            return _table(
                (field.alias or name, _of_table(name, getattr(value, name)))
                for name, field in fields
                if getattr(value, name) != field.default
            )
    raise TypeError(type(value).__name__)


def _of_table(name: str, value: Any) -> str:
    """The two values of a rule whose form in the file is not that in memory."""
    if name == "community":
        return _quoted(":".join(map(str, value)))
    if name == "until":
        return datetime.fromtimestamp(value, UTC).isoformat()
    return written(value)


def _table(pairs: Iterator[tuple[str, str]]) -> str:
    inside = ", ".join(f"{key} = {text}" for key, text in pairs)
    return f"{{ {inside} }}" if inside else "{}"


def _quoted(text: str) -> str:
    """No option admits characters that TOML would want written as numbers."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
