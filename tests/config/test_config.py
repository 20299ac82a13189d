"""What a sound configuration becomes, the example file, and that nothing but faults comes of unsound ones."""

import tomllib
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from arm.config import Config, ConfigError, Endpoint, load, parse
from arm.config_capacity import PoolOptions
from arm.config_options import option_paths, options, section_model
from arm.config_selection import Rule
from arm.config_values import Meant
from arm.model import ArmError, Family

EXAMPLE = Path(__file__).parents[2] / "conf" / "arm.toml"
REQUIRED: dict[str, Any] = {
    "reflector": {"as": 65000, "id": "192.0.2.254"},
    "target": {"as": 65000, "id": "192.0.2.254"},
}


def test_required_keys_are_enough() -> None:
    config = parse(REQUIRED)
    assert config.reflector.asn == 65000
    assert config.target.local_ip == "127.0.0.2"
    assert config.sflow.listen == (Endpoint("127.0.0.1", 6343),)
    assert config.state.directory == Path("/var/lib/arm")


def test_example_has_every_option_at_its_default() -> None:
    """So the example cannot promise one default and ARM use another."""
    assert load(EXAMPLE) == parse(REQUIRED)
    written = tomllib.loads(EXAMPLE.read_text())
    assert {f"{section}.{key}" for section, keys in written.items() for key in keys} == set(
        option_paths(Config)
    )


def test_every_option_is_described() -> None:
    """The configuration reference is made from the descriptions."""
    for path, field in (option_paths(Config) | options(PoolOptions) | options(Rule)).items():
        assert field.description, path
        assert field.description.endswith("."), path


def test_values_in_canonical_form() -> None:
    config = parse(
        {
            "reflector": REQUIRED["reflector"] | {"ip": "2001:DB8:0::1", "local_ip": "2001:db8::00fe"},
            "target": REQUIRED["target"],
            "sflow": {"listen": ["[0:0::0]:6343", "192.0.2.1:6344"]},
            "selection": {"window": 60},
        }
    )
    assert (config.reflector.ip, config.reflector.local_ip) == ("2001:db8::1", "2001:db8::fe")
    assert [str(endpoint) for endpoint in config.sflow.listen] == ["[::]:6343", "192.0.2.1:6344"]
    assert [endpoint.family for endpoint in config.sflow.listen] == [Family.IPV6, Family.IPV4]
    assert config.selection.window == 60.0


def test_frozen() -> None:
    with pytest.raises(ValidationError):
        parse(REQUIRED).bgp.port = 1


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "arm.toml"
    path.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.read_bytes().replace(b"\n", b"\r\n"))
    assert load(path) == load(EXAMPLE)


def test_error_carries_its_faults() -> None:
    with pytest.raises(ArmError) as caught:
        parse(REQUIRED | {"selection": {"window": "fast"}}, "arm.toml")
    assert isinstance(caught.value, ConfigError)
    (fault,) = caught.value.faults
    assert (fault.path, fault.value) == ("selection.window", "fast")
    assert (fault.problem, fault.remedy) == (
        "not a number of seconds",
        'write "auto" or a number from 5 to 86400',
    )
    assert caught.value.problem == "arm.toml: 1 fault"


# --- whatever is written ------------------------------------------------------------------------------

scalars = (
    st.booleans()
    | st.integers()
    | st.integers(min_value=0, max_value=5000).map(lambda digits: 16**digits)
    | st.floats()
    | st.text(max_size=80)
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.sampled_from(["127.0.0.1", "::1", "127.0.0.1:6343", "[::1]:1", "/run/arm", "top", "0.0.0.0", "%"])
    | st.sampled_from(["192.0.2.0/24", "65000:666", "auto", "lpm", "ipv4", "ipv6 0-64: 2 slots", ""])
)
keys = st.sampled_from(
    [key for path in option_paths(Config) for key in path.split(".")]
    + ["asn", "nonsense"]
    + ["prefix", "community", "until", "note", "name", "slots", "holds", "192.0.2.1", "[key]"]
) | st.text(max_size=10)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
tables = st.lists(st.dictionaries(keys, junk, min_size=1, max_size=3), max_size=3)
nested = st.fixed_dictionaries(
    {
        "capacity": st.fixed_dictionaries({"pools": tables | junk}),
        "selection": st.fixed_dictionaries(
            {"pins": tables | junk, "denials": tables | junk, "factors": st.dictionaries(keys, junk) | junk}
        ),
    }
)
sections = st.dictionaries(keys, st.dictionaries(keys, junk, max_size=5) | junk, max_size=6)


def check_outcome(attempt: Callable[[], Config]) -> None:
    """Either a configuration or faults, one printable line each."""
    try:
        assert isinstance(attempt(), Config)
        return
    except ConfigError as error:
        caught = error
    lines = str(caught).split("\n")
    assert len(lines) == len(caught.faults) > 0
    assert all(line.isprintable() for line in lines)


@settings(deadline=None)
@given(sections | nested)
def test_anything_is_a_config_or_a_config_error(written: dict[str, Any]) -> None:
    """Both as it is, and with the required keys there, so that sound configurations come up as well."""
    check_outcome(lambda: parse(written))
    sessions = {name: written.get(name, {}) for name in REQUIRED}
    completed = {
        name: REQUIRED[name] | there if isinstance(there, dict) else there for name, there in sessions.items()
    }
    check_outcome(lambda: parse(written | completed))


@settings(deadline=None)
@given(
    st.integers(0, len(EXAMPLE.read_bytes())),
    st.integers(0, 30),
    st.binary(max_size=20) | st.text().map(str.encode),
)
def test_any_file_is_a_config_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, junk: bytes
) -> None:
    """The example with a piece of it replaced by anything at all."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    sound = EXAMPLE.read_bytes()
    path.write_bytes(sound[:start] + junk + sound[start + length :])
    check_outcome(lambda: load(path))


def test_models_are_sections_of_plain_options() -> None:
    """The fault translation relies on this shape, and on a word for every value."""
    for field in Config.model_fields.values():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
    models: list[type[BaseModel]] = [PoolOptions, Rule]
    models += [section_model(Config, name) for name in Config.model_fields]
    for model in models:
        for key, field in options(model).items():
            assert any(isinstance(mark, Meant) for mark in field.metadata), key
