"""Nothing that breaks takes a working route with it: faults, one after the other, while packets flow.

By default the faults that each stand for a kind; all of them with ARM_ALL_FAULTS=1. The table is printed at
the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab.lab import Lab
from tests.netns.faults import FAULTS
from tests.netns.faults_edge import Edge, options
from tests.netns.faults_outcome import HEADER, Fault, Outcome, run

pytestmark = pytest.mark.timeout(400)

ALL = bool(os.environ.get("ARM_ALL_FAULTS"))


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with Lab(options(tmp_path_factory.mktemp("faults"))) as lab:
        edge = Edge(lab)
        try:
            edge.settle()
            yield edge
        finally:
            edge.watch.close()


@pytest.fixture(scope="module")
def table() -> Iterator[list[Outcome]]:
    outcomes: list[Outcome] = []
    yield outcomes
    print("\n\n" + "\n".join([HEADER, *(outcome.row() for outcome in outcomes)]))


def cases() -> Iterator[object]:
    for fault in FAULTS:
        marks = []
        if fault.slow and not ALL:
            marks.append(pytest.mark.skip(reason="takes long: set ARM_ALL_FAULTS=1"))
        yield pytest.param(fault, id=fault.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("fault", list(cases()))
def test_nothing_that_breaks_takes_a_working_route_with_it(
    edge: Edge, table: list[Outcome], fault: Fault
) -> None:
    edge.recover()
    outcome = run(fault, edge)
    table.append(outcome)
    print(outcome.row(), *outcome.unwell, sep="\n    ")
    assert outcome.verdict.packets > 5_000
    assert outcome.verdict.strays[:10] == ()
    if fault.keeps_routes:
        assert outcome.withdrawn == ()
    if fault.keeps_packets:
        assert outcome.lost == 0
    assert outcome.healed is not None, outcome.unwell
