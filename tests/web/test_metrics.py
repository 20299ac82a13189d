"""The metrics page as a whole, against tests/web/metrics.txt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from shutil import which
from subprocess import run
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from arm import metrics
from arm.model import AgentCounters, Status
from arm.sflow import counter_records
from arm.sflow.counter_records import BroadcomTables, Counters, HostCpu, Interface, Usage
from arm.web import agent_metrics
from tests.web.counters import OTHER, SWITCH, kind_of, make_agents, some, told
from tests.web.daemon import Daemon
from tests.web.picture import NO_DEFAULT, NO_SAMPLES, make_status

GOLDEN = Path(__file__).with_name("metrics.txt")
PROMTOOL = which("promtool")


def scrape(status: Status, agents: Sequence[AgentCounters] = ()) -> str:
    return metrics.page(metrics.StatusCollector(status), agent_metrics.AgentCollector(agents)).decode()


def test_the_whole_page() -> None:
    daemon = Daemon()
    daemon.tick()
    # The totals under the names that the daemon gives them.
    totals = {name: 1000 + number for number, name in enumerate(daemon.board.status().counters)}
    page = scrape(replace(make_status([NO_SAMPLES, NO_DEFAULT]), counters=totals), make_agents())
    assert page == GOLDEN.read_text()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here (Debian: prometheus)")
def test_prometheus_finds_no_fault() -> None:
    check = run([str(PROMTOOL), "check", "metrics"], input=GOLDEN.read_bytes(), capture_output=True)
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")


def test_names_follow_the_conventions() -> None:
    for family in text_string_to_metric_families(GOLDEN.read_text()):
        assert family.name.startswith("arm_")
        assert family.documentation.endswith(".")
        assert family.type in {"gauge", "counter"}


def test_no_figure_is_not_zero() -> None:
    page = scrape(make_status())
    assert 'arm_coverage_ratio{family="ipv4"}' in page
    assert 'arm_coverage_ratio{family="ipv6"}' not in page


def test_a_concern_that_is_raised_twice_is_one_series() -> None:
    page = scrape(make_status([NO_SAMPLES, replace(NO_SAMPLES, text="of another switch")]))
    assert page.count('arm_concern{family="",name="no-samples",severity="warning"} 1.0') == 1


def test_every_figure_of_an_agent_is_a_field_of_its_record() -> None:
    records: dict[str, type[Counters]] = {kind_of(each): each for each in get_args(counter_records.Counters)}
    for figure in agent_metrics._FIGURES:
        known = {field.name for field in fields(records[figure.kind])}
        assert set(figure.fields.values()) <= known, figure.name


def test_what_an_agent_does_not_know_is_left_out() -> None:
    page = scrape(make_status(), make_agents())
    other = f'agent="{OTHER}",direction="{{}}",source="0:3"'
    assert f"arm_agent_interface_octets_total{{{other.format('in')}}} 29954.0" in page
    assert f"arm_agent_interface_octets_total{{{other.format('out')}}}" not in page
    # A count of entries without a size, a size without a count, and neither of them.
    for table, used, most in (
        ("routes", 1, 0),
        ("ipv4_ipv6", 0, 1),
        ("macs", 0, 0),
        ("ipv4_neighbours", 1, 0),
    ):
        labels = f'{{agent="{SWITCH}",table="{table}"}}'
        assert page.count(f"arm_agent_table_used_entries{labels}") == used
        assert page.count(f"arm_agent_table_max_entries{labels}") == most


def test_an_interface_of_which_nothing_is_known() -> None:
    page = scrape(make_status(), [told(SWITCH, "0:1", some(Interface))])
    assert [line for line in page.splitlines() if line.startswith("arm_agent")] == [
        f'arm_agent_counters_age_seconds{{agent="{SWITCH}",kind="interface",source="0:1"}} 4.5'
    ]


def test_two_sources_that_tell_the_same_of_one_agent_are_one_series() -> None:
    usages = {field.name: Usage(None, None) for field in fields(BroadcomTables)}
    agents = [
        told(SWITCH, source, record)
        for source, load in (("2:2", 2.0), ("2:1", 1.0))
        for record in (
            some(HostCpu, load_1=load),
            some(BroadcomTables, **{**usages, "hosts": Usage(int(load), 9)}),
        )
    ]
    page = scrape(make_status(), agents)
    assert page.count("arm_agent_host_load1{") == page.count("arm_agent_table_used_entries{") == 1
    assert f'arm_agent_host_load1{{agent="{SWITCH}"}} 1.0' in page


def test_a_port_name_of_an_agent_cannot_break_the_page() -> None:
    name = 'a"b\\c\nd'
    page = scrape(make_status(), [told(SWITCH, "0:1", counter_records.PortName(name))])
    (family,) = (f for f in text_string_to_metric_families(page) if f.name == "arm_agent_interface_info")
    assert [sample.labels["name"] for sample in family.samples] == [name]
