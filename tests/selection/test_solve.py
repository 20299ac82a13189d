"""The best tables at given prices, against trying every table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Prefix
from arm.rib.prefixmap import key, text
from arm.selection.choose import STRATEGIES
from tests.selection.plain import IMPOSSIBLE, Question, questions

strategies = st.sampled_from(sorted(STRATEGIES))
prices = st.sampled_from((0.01, 3.1, 17.3, 40.1, 150.7))


@st.composite
def costs(draw: st.DrawFn) -> list[float]:
    """By prefix length; longer entries cost no less."""
    price = draw(prices)
    dearer_from, factor = draw(st.integers(0, 64)), draw(st.sampled_from((1.0, 2.0, 4.0)))
    return [price * (factor if length >= dearer_from else 1.0) for length in range(129)]


def without_default(question: Question) -> Question:
    """No weight where the default serves it anyway: the problems leave that out."""
    right = zip(question.weights, question.truth, strict=True)
    return replace(question, weights=[weight if hop else 0.0 for weight, hop in right])


def apart(question: Question) -> Question:
    """Without the incumbents inside blocks, or inside regions without traffic: `optimal` looks no deeper."""

    def inside(prefix: Prefix) -> bool:
        start, length = key(prefix)
        low = question.family.bits - length + 1
        around = question.universe.holds[text(question.family, start >> low << low, length - 1)]
        return len({question.truth[n] for n in around}) == 1 or not any(question.weights[n] for n in around)

    held = {
        prefix: hop
        for prefix, hop in question.incumbents.items()
        if key(prefix)[1] > question.universe.length and not inside(prefix)
    }
    return replace(question, incumbents=held)


@settings(max_examples=150, deadline=None)
@given(questions(), strategies, costs(), st.sampled_from((0.0, 0.5, 0.95)))
def test_equals_brute_force(
    question: Question, strategy: str, by_length: list[float], discount: float
) -> None:
    """With fixed entries, pins, and incumbents that cost less."""
    question = apart(without_default(question))

    def cost(prefix: Prefix, hop: int) -> float:
        held = question.incumbents.get(prefix) == hop and prefix not in question.pins
        return by_length[key(prefix)[1]] * (1.0 - discount if held else 1.0)

    given = np.array(by_length[: question.family.bits + 1])
    solution = STRATEGIES[strategy](question.demand).solve(given, discount)
    best = question.best(strategy == "safe", cost)
    assert best > IMPOSSIBLE
    assert solution.value == pytest.approx(best, abs=1e-6)
    entries = question.words(solution.table)
    assert not question.misforwarded(entries)
    assert not entries.keys() & question.fixed.keys()
    assert question.pins.items() <= entries.items()
    worth = question.served(entries) - sum(cost(prefix, hop) for prefix, hop in entries.items())
    assert worth == pytest.approx(best, abs=1e-6)
    if strategy == "safe":
        assert all(hop in (0, question.table[prefix]) for prefix, hop in entries.items())


@settings(max_examples=60, deadline=None)
@given(questions(), strategies, st.lists(prices, min_size=13, max_size=13).map(lambda few: (few * 10)[:129]))
def test_safe_whatever_each_length_costs(question: Question, strategy: str, by_length: list[float]) -> None:
    """A longer entry may be cheaper than a shorter one: the best table is not always found then."""
    given = np.array(by_length[: question.family.bits + 1])
    solution = STRATEGIES[strategy](question.demand).solve(given, 0.0)
    entries = question.words(solution.table)
    assert not question.misforwarded(entries)
    asked = without_default(question)
    worth = asked.served(entries) - float(given[solution.table.lengths].sum())
    assert solution.value == pytest.approx(worth, abs=1e-6)
    best = asked.best(strategy == "safe", lambda prefix, _: by_length[key(prefix)[1]])
    assert worth <= best + 1e-6
