"""Why traffic takes no entry, with real choices: each reason as it comes about."""

from __future__ import annotations

from pathlib import Path

import pytest

from arm.family import Valuation
from arm.model import Family, Prefix
from arm.selection.policy import Policy
from tests.familyworld import address, prefix
from tests.test_choosing import NORMAL, Run, configuration, play

families = pytest.mark.parametrize("family", Family)


def reasons(run: Run, family: Family) -> dict[str, float]:
    """Of the traffic of the last hours only the latest counts. Rounded, without those that nothing has."""
    shares = run.loops[family].misses.shares
    assert shares is not None
    return {reason: round(share, 6) for reason, share in shares.items() if share > 1e-6}


def look(run: Run, family: Family, sizes: dict[Prefix, float]) -> dict[str, float]:
    run.clock += 3600.0
    run.measure(family, {address(where): size for where, size in sizes.items()})
    return reasons(run, family)


@families
def test_each_reason_as_it_comes_about(family: Family, tmp_path: Path) -> None:
    heavy, light, late, poor, home, unknown = (prefix(family, number) for number in range(1, 7))
    run = Run(configuration(tmp_path, 1))
    run.loops[family].configure(Valuation(60.0, minimum_rate=0.05), Policy())

    def shown(*prefixes: Prefix) -> None:
        """All that the kernel has."""
        for gone in {*run.kernel[family]} - {*prefixes}:
            del run.kernel[family][gone]
            run.loops[family].kernel(gone, None)
        for each in prefixes:
            run.install(family, each, 1)
        run.refresh(family)

    async def story() -> None:
        run.learn(family, {heavy: 1, light: 1, late: 1, poor: 1, home: 0})
        shown()
        run.choosing.adopt(family, {})
        run.last(NORMAL, 200)
        traffic = {heavy: 8000.0, light: 4000.0, poor: 1e-3, home: 2000.0, unknown: 2000.0}
        belongs = {"follows-default": 0.125, "not-routed": 0.125}
        assert look(run, family, traffic) == {**belongs, "new": 0.75}, "no choice was made yet"
        await run.choose()
        assert set(run.speaker.wanted(family)) == {heavy}
        assert look(run, family, traffic) == {**belongs, "waiting": 0.5, "no-room": 0.25}
        shown(heavy)
        assert look(run, family, traffic) == {**belongs, "no-room": 0.25}
        assert look(run, family, {late: 1.0, heavy: 3.0}) == {"new": 0.25}
        assert look(run, family, {poor: 1e-3}) == {"below-minimum-rate": 1.0}
        look(run, family, {light: 4000.0, heavy: 1.0})
        await run.choose()
        assert set(run.speaker.wanted(family)) == {light}
        shown(light)
        assert look(run, family, {light: 3.0, heavy: 1.0}) == {"evicted": 0.25}

    play(story)
