"""Many fixed entries and pins, and little traffic: the best tables, against trying every table.

In `test_solve.py` they are rare, and most prefixes have traffic: then it does not matter what the regions
around them are taken for.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.rib.prefixmap import key
from arm.selection.choose import STRATEGIES
from tests.selection.plain import IMPOSSIBLE, TINY, Question
from tests.selection.universe import HOPS


@st.composite
def crowded(draw: st.DrawFn) -> Question:
    """A few routes of few next hops, most of them pinned, up to three fixed entries, two addresses with
    traffic."""
    universe = draw(st.sampled_from(TINY))
    longer = st.sampled_from([prefix for prefix in universe.prefixes if key(prefix)[1]])
    hops = st.integers(0, HOPS - 1)
    routes = draw(st.dictionaries(st.sampled_from(universe.prefixes), hops, max_size=5))
    fixed = draw(st.dictionaries(longer, hops, min_size=1, max_size=3))
    free = [prefix for prefix in routes if key(prefix)[1] and prefix not in fixed]
    pinned = draw(st.sets(st.sampled_from(free), max_size=3)) if free else set()
    weights = [0.0] * len(universe.addresses)
    for address in draw(st.lists(st.sampled_from(universe.addresses), max_size=2)):
        weights[address] = draw(st.sampled_from((5.0, 20.0, 99.0)))
    return Question(universe, routes, weights, fixed, {prefix: routes[prefix] for prefix in pinned})


@settings(max_examples=300, deadline=None)
@given(crowded(), st.sampled_from(sorted(STRATEGIES)), st.sampled_from((0.5, 3.1, 17.3)))
def test_equals_brute_force(question: Question, strategy: str, price: float) -> None:
    weights = [weight if hop else 0.0 for weight, hop in zip(question.weights, question.truth, strict=True)]
    question = Question(question.universe, question.routes, weights, question.fixed, question.pins)
    given = np.full(question.family.bits + 1, price)
    solution = STRATEGIES[strategy](question.demand).solve(given, 0.0)
    best = question.best(strategy == "safe", lambda prefix, hop: price)
    assert best > IMPOSSIBLE
    assert solution.value == pytest.approx(best, abs=1e-6)
    entries = question.words(solution.table)
    assert not question.misforwarded(entries)
    assert not entries.keys() & question.fixed.keys()
    assert question.pins.items() <= entries.items()
    assert question.served(entries) - price * len(entries) == pytest.approx(best, abs=1e-6)
