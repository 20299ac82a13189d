"""The whole command on small universes, against trying everything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from arm.cli import main
from arm.rib.prefixmap import Key, key
from arm.simulate_files import Routes, Weights
from tests.simulate.build import ACROSS, HOSTS, V4, V6, WORDS, Universe, write
from tests.simulate.plain import astray, coverage, kind, optimum

# The bound takes most of the time.
WITH_BOUND = settings(deadline=None, max_examples=10)
WITHOUT = settings(deadline=None, max_examples=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("whole")


@pytest.fixture
def no_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arm.simulate_choice.upper_bound", lambda *_: float("inf"))


@dataclass(frozen=True)
class Case:
    """What the files of one run say."""

    where: Universe
    table: Routes
    weights: Weights
    fixed: Routes
    previous: Routes
    capacity: int


@st.composite
def cases(draw: st.DrawFn, universes: tuple[Universe, ...], hops: int = 3, fixed: bool = True) -> Case:
    where = draw(st.sampled_from(universes))
    weights = st.dictionaries(
        st.sampled_from(where.blocks()), st.integers(1, 99).map(float), min_size=1, max_size=12
    )
    return Case(
        where=where,
        table=draw(where.routes(hops)),
        weights=draw(weights),
        fixed=draw(where.routes(hops, most=3)) if fixed else {},
        previous={},
        capacity=draw(st.integers(0, 12)),
    )


def simulate(folder: Path, case: Case, strategy: str) -> dict[str, Any]:
    """The JSON that the command writes."""
    where = case.where
    files = {
        name: write(folder / name, {where.prefix(key): WORDS[hop] for key, hop in routes.items()})
        for name, routes in (("table", case.table), ("fixed", case.fixed), ("previous", case.previous))
    }
    weights = [
        (where.prefix((address, where.family.bits)).split("/")[0], w) for address, w in case.weights.items()
    ]
    files["traffic"] = write(folder / "traffic", weights)
    options = [word for name, path in files.items() for word in (f"--{name}", path)]
    choice = ["--capacity", str(case.capacity), "--strategy", strategy, "--family", str(where.family.number)]
    code = main(["simulate", *options, *choice, "--default", "d", "--json", str(folder / "out")])
    assert code == 0
    found: dict[str, Any] = json.loads((folder / "out").read_text())
    return found


def entries(found: dict[str, Any]) -> Routes:
    table = {key(each["prefix"]): WORDS.index(each["next_hop"]) for each in found["entries"]}
    assert len(table) == len(found["entries"]), "no prefix twice"
    return table


def guards_fit(case: Case) -> bool:
    """Is there any safe table? The fixed entries may hide more than there is room to guard."""
    where = case.where
    return optimum(where, case.table, case.fixed, case.weights, 1, case.capacity) is not None


def check(case: Case, strategy: str, found: dict[str, Any]) -> None:
    """Everything that must be true of a safe choice."""
    where, table = case.where, entries(found)
    assert len(table) <= case.capacity
    assert not set(table) & set(case.fixed), "somebody else's"
    assert not astray(where, case.table, case.fixed, table)
    assert found["misforwarded_addresses"] == found["misforwarded_share"] == found["hidden_prefixes"] == 0
    assert found["coverage"] == pytest.approx(coverage(where, case.table, case.fixed, case.weights, table))
    assert found["coverage"] <= found["upper_bound"] + 1e-9
    for each in found["entries"]:
        at = key(each["prefix"])
        assert each["kind"] == kind(case.table, at, table[at])
        assert strategy == "optimal" or at in case.table or case.where.top + case.where.depth > 64


def apply(case: Case, found: dict[str, Any]) -> None:
    """Follow the steps: no state on the way has more entries than there is room for, or misforwards what did
    not go wrong before (fixed entries may hide something that nothing guards yet). Where there is no room
    for a detour under such an entry, steps may be missing."""
    installed = dict(case.previous)
    wrong = set(astray(case.where, case.table, case.fixed, installed))
    for step in found["steps"]:
        at = key(step["prefix"])
        if step["action"] == "withdraw":
            assert step["next_hop"] is None
            del installed[at]
        else:
            assert step["action"] == "announce"
            assert installed.get(at) != WORDS.index(step["next_hop"]), "a step that changes nothing"
            installed[at] = WORDS.index(step["next_hop"])
        assert len(installed) <= case.capacity
        assert wrong.issuperset(astray(case.where, case.table, case.fixed, installed))
    wanted = entries(found)
    for at in {**installed, **wanted}:
        left_out = installed.get(at) != wanted.get(at)
        assert not left_out or (case.previous and tied(case, at)), "a step that is missing"


def tied(case: Case, at: Key) -> bool:
    """Would what no entry of ours decides go elsewhere than to the default?"""
    above = {fixed: hop for fixed, hop in case.fixed.items() if fixed[1] < at[1]}
    return case.where.hop(at[0], above) != 0


@pytest.mark.usefixtures("no_bound")
@WITHOUT
@given(
    case=cases((V4, V6)),
    other=st.randoms(use_true_random=False),
    strategy=st.sampled_from(("safe", "optimal")),
)
def test_safe_at_every_step(folder: Path, case: Case, other: Any, strategy: str) -> None:
    assume(guards_fit(case))
    found = simulate(folder, case, strategy)
    check(case, strategy, found)
    apply(case, found)
    weights = {block: float(other.randint(1, 99)) for block in other.sample(case.where.blocks(), 12)}
    later = Case(case.where, case.table, weights, case.fixed, entries(found), case.capacity)
    found = simulate(folder, later, strategy)
    check(later, strategy, found)
    apply(later, found)


@WITH_BOUND
@given(case=cases((V4, V6)))
def test_safe_never_beats_optimal_nor_optimal_the_bound(folder: Path, case: Case) -> None:
    assume(guards_fit(case))
    safe, optimal = (simulate(folder, case, strategy) for strategy in ("safe", "optimal"))
    best = optimum(case.where, case.table, case.fixed, case.weights, 4, case.capacity)
    assert best is not None
    assert safe["coverage"] <= optimal["coverage"] + 1e-9
    assert optimal["coverage"] <= best + 1e-9
    assert best <= optimal["upper_bound"] + 1e-9


@WITH_BOUND
@given(case=cases((ACROSS, HOSTS), fixed=False), strategy=st.sampled_from(("safe", "optimal")))
def test_what_is_longer_than_keys_stays_safe(folder: Path, case: Case, strategy: str) -> None:
    found = simulate(folder, case, strategy)
    check(case, strategy, found)
    apply(case, found)
    for each in found["entries"]:
        at = key(each["prefix"])
        assert at[1] <= 64
        assert strategy == "optimal" or at in case.table or (at[1], each["kind"]) == (64, "guard")
    best = optimum(case.where, case.table, case.fixed, case.weights, 4, case.capacity)
    assert best is not None
    assert best <= found["upper_bound"] + 1e-9, "also of tables with longer prefixes"


TINY = tuple(Universe(where.family, where.base, where.top + 3, 3) for where in (V4, V6))


@WITH_BOUND
@given(case=cases(TINY, fixed=False))
def test_optimal_is_the_optimum(folder: Path, case: Case) -> None:
    found = simulate(folder, case, "optimal")
    assert found["coverage"] == pytest.approx(
        optimum(case.where, case.table, case.fixed, case.weights, 4, case.capacity)
    )
