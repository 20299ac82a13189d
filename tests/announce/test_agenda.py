"""The order of steps, and their pace."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from arm.announce.agenda import Agenda, Pace
from arm.model import Entry, Prefix
from arm.selection.steps import Step
from tests.announce.world import entry

PLACES = [Prefix(f"20.{number}.0.0/16") for number in range(5)]
step = st.tuples(st.integers(0, 4), st.booleans(), st.frozensets(st.integers(0, 4), max_size=3))
steps = st.lists(step, max_size=10).map(
    lambda drawn: [
        Step(PLACES[place], entry(PLACES[place]) if sets else None, frozenset(PLACES[n] for n in after))
        for place, sets, after in drawn
    ]
)
places = st.sets(st.sampled_from(PLACES))


def may(steps: Sequence[Step[Entry]], moving: set[Prefix], idle: set[Prefix]) -> list[Step[Entry]]:
    """By the words of the docstrings, from all steps left."""
    found = []
    for number, each in enumerate(steps):
        earlier = {other.prefix for other in steps[:number]}
        if each.prefix in moving | earlier or each.after & (earlier | idle):
            continue
        found.append(each)
    return found


@given(steps, st.lists(st.tuples(places, places)))
def test_a_step_waits_for_what_comes_first(
    steps: list[Step[Entry]], moments: list[tuple[set[Prefix], set[Prefix]]]
) -> None:
    agenda, left = Agenda(steps), list(steps)
    for moving, idle in moments:
        assert len(agenda) == len(left)
        ready = list(agenda.ready(moving.__contains__, idle.__contains__))
        assert ready == may(left, moving, idle)
        if ready:
            agenda.done(ready[-1].prefix)
            left.remove(ready[-1])


@given(steps)
def test_with_every_effect_at_once_all_steps_are_made_in_their_order(steps: list[Step[Entry]]) -> None:
    agenda, nothing = Agenda(steps), set[Prefix]()
    for each in steps:
        assert next(iter(agenda.ready(nothing.__contains__, nothing.__contains__))) == each
        agenda.done(each.prefix)
    assert not len(agenda)


def test_what_is_not_on_the_agenda_is_none_of_its_business() -> None:
    agenda = Agenda([Step(PLACES[0], None, frozenset())])
    agenda.done(PLACES[1])
    assert len(agenda) == 1


moments = st.lists(st.tuples(st.floats(0, 0.7), st.integers(0, 9)), max_size=40)


@given(st.integers(1, 20), moments)
def test_no_second_has_more_changes_than_its_rate(rate: int, moments: list[tuple[float, int]]) -> None:
    """A second is (t - 1, t]; and nothing is held back without need."""
    pace, now = Pace(rate), 0.0
    made: list[tuple[float, int]] = []
    for passed, demand in moments:
        now += passed
        recent = sum(many for at, many in made if at > now - 1.0)
        assert pace.allowed(now) == rate - recent
        many = min(demand, pace.allowed(now))
        pace.spend(many, now)
        made.append((now, many))


def test_a_lower_rate_counts_at_once() -> None:
    pace = Pace(10)
    pace.spend(8, 0.0)
    pace.rate = 5
    assert pace.allowed(0.5) == 0
    assert pace.allowed(1.0) == 5
