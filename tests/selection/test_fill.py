"""What is done with the room that prices leave."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from arm.model import Pool
from arm.rib.prefixmap import key
from arm.selection.choose import STRATEGIES
from arm.selection.fill import fill
from tests.selection.plain import Question, questions

strategies = st.sampled_from(sorted(STRATEGIES))


@settings(max_examples=120, deadline=None)
@given(questions(), strategies, st.sampled_from((3.1, 17.3, 150.7, 1e4)), st.integers(0, 4))
def test_the_heaviest_that_follow_the_default_and_need_no_guard(
    question: Question, strategy: str, price: float, spare: int
) -> None:
    """Against a plain twin: one by one, as long as there is room, incumbents before others as heavy."""
    family, demand, discount = question.family, question.demand, 0.5
    problem = STRATEGIES[strategy](demand)
    table = problem.solve(np.full(family.bits + 1, price), 0.0).table
    entries = question.words(table)
    pool = Pool("all", len(entries) + spare, {family: (1,) * (family.bits + 1)})
    filled = fill(
        {family: table}, {family: problem.candidates}, {family: demand}, [pool], [pool.slots], discount
    )
    found = question.words(filled[family])
    does = question.universe.forward({**entries, **question.fixed})
    offers = []
    candidates = question.words(problem.candidates.table)
    weights = dict(zip(candidates, problem.candidates.weights.tolist(), strict=True))
    for prefix, hop in candidates.items():
        inside = question.universe.holds[prefix]
        assert {question.truth[address] for address in inside} == {hop}, "it can always be installed"
        if prefix not in question.fixed and {does[address] for address in inside} == {0}:
            held = question.incumbents.get(prefix) == hop
            offers.append((-weights[prefix] / (1.0 - discount * held), key(prefix), prefix))
    wanted = dict(entries)
    for _, _, prefix in sorted(offers):
        if prefix in entries or len(wanted) < pool.slots:
            wanted[prefix] = candidates[prefix]
    assert found == wanted
    assert not question.misforwarded(found)
    assert question.served(found) >= question.served(entries)
