"""The metrics page as a whole, against tests/web/metrics.txt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from arm import metrics
from tests.web.picture import NO_DEFAULT, NO_SAMPLES, make_status

GOLDEN = Path(__file__).with_name("metrics.txt")


def test_the_whole_page() -> None:
    page = metrics.page(make_status([NO_SAMPLES, NO_DEFAULT])).decode()
    assert page == GOLDEN.read_text()


def test_names_follow_the_conventions() -> None:
    for family in text_string_to_metric_families(GOLDEN.read_text()):
        assert family.name.startswith("arm_")
        assert family.documentation.endswith(".")
        assert family.type in {"gauge", "counter"}


def test_no_figure_is_not_zero() -> None:
    page = metrics.page(make_status()).decode()
    assert 'arm_coverage_ratio{family="ipv4"}' in page
    assert 'arm_coverage_ratio{family="ipv6"}' not in page


def test_a_concern_that_is_raised_twice_is_one_series() -> None:
    page = metrics.page(make_status([NO_SAMPLES, replace(NO_SAMPLES, text="of another switch")])).decode()
    assert page.count('arm_concern{family="",name="no-samples",severity="warning"} 1.0') == 1
