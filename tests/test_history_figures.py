"""The figures that are kept, of a picture and of totals."""

from __future__ import annotations

import pytest

from arm.history_figures import NAMES, Rates, Totals, figures, resident
from arm.model import Family
from tests.web.picture import make_status


def totals(changes: int, seconds: float = 0.0) -> Totals:
    by_family = {Family.IPV4: changes, Family.IPV6: 2 * changes}
    return Totals(by_family, dict.fromkeys(Family, 3 * changes), seconds, 123)


def test_every_figure_has_its_name_and_no_other() -> None:
    found = figures(make_status(), totals(5), Rates(), 10.0)
    assert set(found) == set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    assert found["ipv4.coverage"] == 0.9523
    assert found["ipv6.coverage"] is None
    assert found["ipv4.route_changes_per_second"] is None
    assert found["daemon.resident_bytes"] == 123
    assert found["daemon.stall_seconds"] == 0.031


def test_rates() -> None:
    rates = Rates()
    figures(make_status(), totals(5, 1.0), rates, 10.0)
    found = figures(make_status(), totals(9, 1.5), rates, 12.0)
    assert found["ipv4.route_changes_per_second"] == 2.0
    assert found["ipv6.route_changes_per_second"] == 4.0
    assert found["ipv6.fib_changes_per_second"] == 6.0
    assert found["daemon.cpu"] == 0.25


@pytest.mark.parametrize(
    ("total", "now", "rate"), [(8, 12.0, 1.5), (5, 12.0, 0.0), (4, 12.0, None), (8, 10.0, None)]
)
def test_what_is_no_rate_is_a_gap(total: float, now: float, rate: float | None) -> None:
    rates = Rates()
    assert rates.of("a", 5, 10.0) is None
    assert rates.of("a", total, now) == rate
    assert rates.of("b", 1, now) is None


def test_the_memory_of_this_process() -> None:
    held = resident()
    assert held is not None
    assert 10e6 < held < 100e9
