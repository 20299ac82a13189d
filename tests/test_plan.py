"""What the next choice would change: the same that it changes then, with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from arm.lifecycle import Facts
from arm.model import Family, Prefix
from arm.plan import FamilyPlan
from arm.selection.policy import Policy, Rule
from tests.familyworld import address, prefix
from tests.test_choosing import NORMAL, Run, configuration, families, play


def started(family: Family, tmp_path: Path, entries: int = 2, policy: Policy | None = None) -> Run:
    """Four routes by another next hop than the default's, traffic to the first two, and time for both."""
    run = Run(configuration(tmp_path, entries), policy=policy)
    run.learn(family, {prefix(family, number): 1 for number in (1, 2, 3, 4)})
    run.measure(family, {address(prefix(family, 1)): 900, address(prefix(family, 2)): 800})
    run.refresh(family)
    run.last(NORMAL, 60)
    run.choosing.adopt(family, run.kernel[family])
    return run


async def planned(run: Run, family: Family) -> FamilyPlan:
    run.choosing._plan = None  # not one from before
    return next(each for each in await run.choosing.plan() if each.family is family)


def applied(run: Run, plan: FamilyPlan) -> set[Prefix]:
    """The prefixes that would be wanted."""
    wanted = set(run.speaker.wanted(plan.family))
    assert plan.now == len(wanted)
    wanted -= {each.prefix for each in plan.changes if each.action == "remove"}
    wanted |= {each.prefix for each in plan.changes if each.action == "add"}
    assert plan.then == len(wanted)
    return wanted


def reasons(plan: FamilyPlan) -> dict[Prefix, tuple[str, str]]:
    return {each.prefix: (each.action, each.reason) for each in plan.changes}


@families
def test_the_plan_is_what_happens_then(family: Family, tmp_path: Path) -> None:
    async def story() -> None:
        run = started(family, tmp_path)
        one, two, three, _ = (prefix(family, number) for number in (1, 2, 3, 4))
        plan = await planned(run, family)
        assert reasons(plan) == {one: ("add", "carries"), two: ("add", "carries")}
        assert [each.prefix for each in plan.changes] == [one, two], "those with most weight first"
        assert plan.changes[0].weight > plan.changes[1].weight > 0
        assert (plan.taken, plan.why) == (True, "")
        assert applied(run, plan) == {one, two}
        await run.choose()
        assert run.speaker.wanted(family).keys() == {one, two}
        assert (await planned(run, family)).changes == ()
        for _ in range(300):
            run.measure(family, {address(one): 900, address(three): 800})
        run.refresh(family)
        plan = await planned(run, family)
        assert reasons(plan) == {three: ("add", "carries"), two: ("remove", "no-traffic")}
        wanted = applied(run, plan)
        await run.choose()
        assert run.speaker.wanted(family).keys() == wanted == {one, three}

    play(story)


@families
def test_what_routing_and_operators_change(family: Family, tmp_path: Path) -> None:
    async def story() -> None:
        one, two, three, four = (prefix(family, number) for number in (1, 2, 3, 4))
        policy = Policy([Rule(prefix=four)])
        run = started(family, tmp_path, 3, policy)
        assert reasons(await planned(run, family))[four] == ("add", "pinned")
        await run.choose()
        denied = Policy([], [Rule(prefix=one), Rule(prefix=four)])
        run.loops[family].configure(run.loops[family]._valuation, denied)
        run.announce(family, two, 2)
        run.measure(family, {address(two): 900, address(three): 1})
        run.refresh(family)
        found = reasons(await planned(run, family))
        assert found[one] == ("remove", "denied")
        assert found[four] == ("remove", "denied")

    play(story)


@families
@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (replace(NORMAL, observe=True), "the mode is observe"),
        (replace(NORMAL, stop=True), "the mode is withdraw"),
        (replace(NORMAL, capacity=0), "its capacity is 0"),
        (replace(NORMAL, default_route=False), "no default route"),
    ],
)
def test_what_holds_it(family: Family, facts: Facts, why: str, tmp_path: Path) -> None:
    async def story() -> None:
        run = started(family, tmp_path)
        await run.choose()
        run.last(facts)
        plan = await planned(run, family)
        assert why in plan.why
        gone = plan.then == 0 and {each.action for each in plan.changes} == {"remove"}
        assert plan.taken is gone is ("withdraw" in why or "capacity" in why)

    play(story)


@families
def test_a_plan_changes_nothing_and_is_kept_for_a_while(family: Family, tmp_path: Path) -> None:
    async def story() -> None:
        run = started(family, tmp_path)
        first = await run.choosing.plan()
        assert await run.choosing.plan() is first
        assert run.choices == 0
        assert not run.speaker.wanted(family)
        run.choosing._plan = None
        run.choosing.begin()  # a choice is being made: the plan waits for it, and begins where that ends
        assert (await planned(run, family)).changes == ()
        assert run.choices == 1
        assert len(run.speaker.wanted(family)) == 2

    play(story)
