"""Reading the configuration again: what changes at once, what waits; a faulty file changes nothing."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from arm.config import Config, load, parse
from arm.config_checks import CHECKS
from arm.config_options import option_paths
from arm.config_text import effective, values
from arm.reload import LIVE, RESTART, Change, compare, is_live, read_again
from tests.config.build import REQUIRED, SESSION, configurations

FAULTY = Path(__file__).parent / "config" / "faults" / "several_at_once.toml"


def configuration(**sections: object) -> Config:
    return parse(REQUIRED | sections)


def test_every_option_is_either_live_or_waits_for_a_restart() -> None:
    """A new option must be put on one of the two lists, by someone who thought about it."""
    for option in option_paths(Config):
        section = option.partition(".")[0]
        assert len({option, section} & LIVE) + len({option, section} & RESTART) == 1, option
        assert is_live(option) == bool({option, section} & LIVE)
    known = set(option_paths(Config)) | set(Config.model_fields)
    assert known >= LIVE | RESTART


def test_options_that_are_checked_together_change_together() -> None:
    """Else a running configuration, put together from two sound ones, could be one that no file may say."""
    for needed, _ in CHECKS:
        assert len(set(map(is_live, needed))) == 1, needed


@given(configurations, configurations)
def test_live_options_are_the_new_ones_and_all_others_the_old(one: Any, other: Any) -> None:
    running, loaded = parse(one), parse(other)
    outcome = compare(running, loaded)
    old, new, now = values(running), values(loaded), values(outcome.config)
    for option, (_, value) in now.items():
        assert value == (new if is_live(option) else old)[option][1], option
    different = {option for option in old if old[option][1] != new[option][1]}
    assert {change.option for change in outcome.applied} == {each for each in different if is_live(each)}
    assert {change.option for change in outcome.waiting} == {each for each in different if not is_live(each)}
    assert outcome.ok
    assert all(change.old != change.new for change in (*outcome.applied, *outcome.waiting))
    # Sound, and the next reload of the same file finds only what waits.
    again = compare(outcome.config, loaded)
    assert (again.config, again.applied, again.waiting) == (outcome.config, (), outcome.waiting)


def test_what_is_told() -> None:
    running = configuration(capacity={"ipv4": 20000})
    loaded = configuration(capacity={"ipv4": 30000}, bgp={"port": 1180}, selection={"window": 60})
    outcome = compare(running, loaded)
    assert outcome.applied == (
        Change("capacity.ipv4", "20000", "30000"),
        Change("selection.window", '"auto"', "60.0"),
    )
    assert outcome.waiting == (Change("bgp.port", "1179", "1180"),)
    assert outcome.lines() == [
        "capacity.ipv4: 20000 → 30000",
        'selection.window: "auto" → 60.0',
        "bgp.port: 1179 → 1180 needs a restart; until then the old value stays",
    ]
    assert (outcome.config.capacity.ipv4, outcome.config.bgp.port) == (30000, 1179)
    assert compare(running, running).lines() == ["nothing changed"]


def test_an_option_whose_name_is_a_word_of_python_is_told_by_the_file_s_name() -> None:
    loaded = parse({"reflector": SESSION | {"as": 65001}, "target": SESSION})
    assert compare(parse(REQUIRED), loaded).waiting == (Change("reflector.as", "65000", "65001"),)


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        ([], [{"as": 1}], "[]", "[{ as = 1 }]"),
        ([{"as": 1}], [{"as": 1}, {"as": 2, "note": "why"}], "[…]", '[…, { as = 2, note = "why" }]'),
        ([{"as": 1}, {"community": "1:2"}], [{"as": 1}], '[…, { community = "1:2" }]', "[…]"),
        (
            [{"as": 1}, {"as": 2}],
            [{"as": 2}, {"as": 1}],
            "[{ as = 1 }, { as = 2 }]",
            "[{ as = 2 }, { as = 1 }]",
        ),
        ([], [{"as": 10**6 + n} for n in range(99)], "[]", "[{ as = 1000000 }, { as = 10000"),
    ],
)
def test_of_a_list_only_what_differs_is_told(before: Any, after: Any, old: str, new: str) -> None:
    running, loaded = (configuration(selection={"pins": pins}) for pins in (before, after))
    (change,) = compare(running, loaded).applied
    assert change.old == old
    assert change.new.startswith(new)
    assert len(change.new) <= 200


def test_a_faulty_file_changes_nothing_and_tells_all_its_faults(tmp_path: Path) -> None:
    running = configuration()
    before = effective(running)
    outcome = read_again(running, FAULTY)
    assert outcome.config is running
    assert effective(running) == before
    assert not outcome.ok
    assert (outcome.applied, outcome.waiting) == ((), ())
    assert len(outcome.faults) > 1
    assert outcome.lines() == [*outcome.faults, "the configuration from before stays"]
    missing = read_again(running, tmp_path / "none.toml")
    assert missing.config is running
    assert "no such file" in missing.faults[0]


def test_a_sound_file_is_read_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "arm.toml"
    path.write_text(effective(configuration(announce={"mode": "observe"})))
    outcome = read_again(configuration(), path)
    assert outcome.config == load(path)
    assert outcome.applied == (Change("announce.mode", '"active"', '"observe"'),)
