"""What a configuration says of itself is a file that says the same."""

import tomllib
from typing import Any

from hypothesis import given

from arm.config import parse
from arm.config_options import option_paths
from arm.config_text import effective, fingerprint, values
from tests.config.build import REQUIRED, configurations


@given(configurations)
def test_a_configuration_written_out_is_the_same_configuration(options: dict[str, Any]) -> None:
    config = parse(options)
    again = parse(tomllib.loads(effective(config)))
    assert again == config
    assert fingerprint(again) == fingerprint(config)


@given(configurations, configurations)
def test_fingerprints_are_equal_exactly_where_configurations_are(one: Any, other: Any) -> None:
    assert (fingerprint(parse(one)) == fingerprint(parse(other))) == (parse(one) == parse(other))


def test_every_option_is_there_and_the_form_of_the_file_does_not_matter() -> None:
    config = parse(REQUIRED)
    written = tomllib.loads(effective(config))
    assert {f"{section}.{key}" for section, keys in written.items() for key in keys} == set(
        option_paths(type(config))
    )
    assert set(values(config)) == set(option_paths(type(config)))
    assert fingerprint(config) == fingerprint(parse(REQUIRED | {"capacity": {"ipv4": 20_000}}))
    assert fingerprint(config) != fingerprint(parse(REQUIRED | {"capacity": {"ipv4": 20_001}}))
    assert len(fingerprint(config)) == 64
    factors = [{"192.0.2.1": 1, "192.0.2.2": 2}, {"192.0.2.2": 2.0, "192.0.2.1": 1.0}]
    one, other = (fingerprint(parse(REQUIRED | {"selection": {"factors": each}})) for each in factors)
    assert one == other
