"""The page in a real Chromium, against a source that goes away and comes back."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from arm.sflow.counter_records import Interface
from tests.web.chromium import Daemon
from tests.web.counters import OTHER, SWITCH, some, told
from tests.web.picture import NO_DEFAULT, NO_SAMPLES, FakeSource

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect


def shown_prefixes(page: Any) -> list[str]:
    texts: list[str] = page.locator("#rows [data-field=prefix]").all_inner_texts()
    return texts


def expect_rows(page: Any, daemon: Daemon, query: str) -> None:
    expected = [route["prefix"] for route in daemon.get(f"api/v1/routes?{query}")["routes"]]
    expect(page.locator("#rows [data-field=prefix]")).to_have_text(expected)


def test_tiles_and_rows_show_the_figures_of_the_api(daemon: Daemon, page: Any) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(daemon.url)
    expect(page.locator("#verdict")).to_have_text("Healthy")
    for family in daemon.get("api/v1/status")["families"]:
        tiles = page.locator(f"[data-key={family['family']}]")
        for name in ("rib_routes", "installed", "active", "missing"):
            expect(tiles.locator(f"[data-field={name}]")).to_have_text(f"{family[name]:,}")
        expect(tiles.locator("[data-field=capacity]")).to_have_text(f"of {family['capacity']:,}")
        gauge = tiles.locator("[data-gauge=installed]")
        expect(gauge).to_have_attribute("aria-valuenow", str(family["installed"]))
    ipv4, ipv6 = page.locator(".family").all()
    expect(ipv4.locator("[data-field=bits_per_second]")).to_have_text("12.4 Gb/s")
    expect(ipv4.locator("[data-field=coverage]")).to_have_text("95.2 %")
    expect(ipv4.locator("[data-field=coverage_error]")).to_have_text("± 0.6")
    expect(ipv6.locator("[data-field=coverage_error]")).to_have_text("no traffic")
    hits = "47.1 % by entries with a next hop of their own"
    expect(ipv4.locator("[data-field=hit_rate]")).to_have_text(hits)
    expect(ipv6.locator("[data-field=hit_rate]")).to_have_text("")
    expect(ipv4.locator("[data-field=proof]")).to_have_text("0 addresses go the wrong way")
    expect(ipv6.locator("[data-field=proof]")).to_have_text("not known which way addresses should go")
    expect(page.locator("#inputs")).to_contain_text("BGP target down")
    expect_rows(page, daemon, "sort=difference")
    expect(page.locator("#rows [data-field=bits_per_second]").first).to_have_text("4.00 Gb/s")
    expect(page.locator("#rows [data-field=packets_per_second]").first).to_have_text("100 kp/s")
    expect(page.locator("#range")).to_have_text("1\u2013100 of 500")
    assert complaints == []


def test_addresses_that_go_the_wrong_way_are_marked(source: FakeSource, daemon: Daemon, page: Any) -> None:
    ipv4, ipv6 = source.current.families
    wrong = replace(ipv4, misforwarded_addresses=1_024), replace(ipv6, misforwarded_addresses=2)
    source.current = replace(source.current, families=wrong)
    page.goto(daemon.url)
    shown = page.locator("[data-field=proof][data-wrong=true]")
    expect(shown).to_have_text(["1,024 addresses go the wrong way", "2 /64 networks go the wrong way"])


def test_filters_sorting_and_pages(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    page.select_option("#filters [name=family]", "ipv6")
    expect(page.locator("#range")).to_have_text("1\u2013100 of 250 (500 in all)")
    page.get_by_role("button", name="Next", exact=True).click()
    expect_rows(page, daemon, "family=ipv6&sort=difference&offset=100")
    page.get_by_role("button", name="Prefix", exact=True).click()
    expect_rows(page, daemon, "family=ipv6&sort=prefix")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Prefix")
    page.select_option("#filters [name=state]", "missing")
    expect_rows(page, daemon, "family=ipv6&state=missing&sort=prefix")
    page.fill("#filters [name=q]", "2001:db8:0:a::5")
    expect_rows(page, daemon, "q=2001:db8:0:a::5")
    # The address bar holds the view: it is the same after a reload.
    assert "q=2001%3Adb8%3A0%3Aa%3A%3A5" in page.url
    page.reload()
    expect_rows(page, daemon, "q=2001:db8:0:a::5")
    expect(page.locator("#filters [name=state]")).to_have_value("missing")


def test_a_refresh_leaves_focus_selection_and_rows_alone(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    page.fill("#filters [name=q]", "10.0.")
    expect(page.locator("#range")).to_contain_text("500 in all")
    page.evaluate("document.querySelector('[name=q]').setSelectionRange(1, 3)")
    page.evaluate("document.querySelector('#rows tr').seen = true")
    with page.expect_response("**/api/v1/routes*"):
        pass
    with page.expect_response("**/api/v1/routes*"):
        pass
    assert page.evaluate("document.querySelector('#rows tr').seen") is True
    assert page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [
        1,
        3,
    ]


def test_sflow_faults_by_kind_and_the_traffic_unseen(source: FakeSource, daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    sflow = page.locator("#inputs [data-key=sFlow]")
    expect(sflow.locator("[data-field=text]")).to_contain_text(
        "2.1 % of the traffic unseen (± 2.0 of the coverage's error)"
    )
    kinds = sflow.locator("[data-field=kinds]")
    expect(kinds).to_be_hidden()
    sflow.get_by_text("3 malformed").click()
    expect(kinds).to_have_text("2 truncated-sample, 1 short")
    # It stays open while the figures go on.
    faults = {"short": 1, "truncated-sample": 2, "version": 7}
    source.current = replace(source.current, malformed=faults, unseen=0.001)
    expect(kinds).to_have_text("7 version, 2 truncated-sample, 1 short")
    expect(kinds).to_be_visible()
    expect(sflow).not_to_contain_text("unseen")
    source.current = replace(source.current, malformed={})
    expect(sflow).to_contain_text("· 0 malformed")
    expect(sflow.locator("details")).to_be_hidden()


def test_agents_are_asked_for_only_while_somebody_looks(
    source: FakeSource, daemon: Daemon, page: Any
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v1/agents" in request.url else None)
    page.clock.install()
    page.goto(daemon.url)
    expect_rows(page, daemon, "sort=difference")
    page.clock.fast_forward(6_000)
    assert asked == []
    summary = page.locator("#agents summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#agents-rows tr")).to_have_count(7)
    assert len(asked) == 1
    with page.expect_response("**/api/v1/agents"):
        page.clock.fast_forward(6_000)
    source.counted = ()
    with page.expect_response("**/api/v1/agents"):
        page.clock.fast_forward(6_000)
    expect(page.locator("#agents-empty")).to_be_visible()
    summary.click()
    expect(page.locator("#agents-rows")).to_be_hidden()
    before = len(asked)
    with page.expect_response("**/api/v1/routes*"):
        page.clock.fast_forward(12_000)
    assert len(asked) == before


def test_agents_show_port_names_and_main_figures(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    page.locator("#agents summary").click()
    rows = page.locator("#agents-rows tr")
    expect(rows).to_have_text(
        [
            f"{SWITCH} swp9 interface 4 s up · 10.0 Gb/s · 327 TB in · 57.2 TB out · 5 discards",
            f"{SWITCH} 0:10 interface 4 s down · 0 B in · 0 B out",
            f"{SWITCH} 2:1 broadcom tables 4 s hosts 12 of 8,192",
            f"{SWITCH} 2:1 host cpu 4 s load 0.47 · 4 CPUs · up 1 d 4 h",
            f"{SWITCH} 2:1 host disk 4 s 488 GB · 450 GB free · fullest partition 56.4 %",
            f"{SWITCH} 2:1 host memory 4 s 3.86 GB · 575 MB free · 1.71 GB cached",
            f"{OTHER} 0:3 interface 21 s 30.0 kB in",
        ]
    )
    expect(rows.first.locator("th")).to_have_attribute("title", "data source 0:9")


def test_of_very_many_agents_the_first_are_shown(source: FakeSource, daemon: Daemon, page: Any) -> None:
    source.counted = [told(SWITCH, f"0:{index}", some(Interface)) for index in range(1, 700)]
    page.goto(daemon.url)
    page.locator("#agents summary").click()
    expect(page.locator("#agents-rows tr")).to_have_count(500)
    expect(page.locator("#agents-more")).to_have_text("500 of 699 lines; all are at api/v1/agents.")


def test_concerns_are_told_worst_first_with_what_to_do(source: FakeSource, daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    expect(page.locator("#verdict")).to_have_text("Healthy")
    now = time.time()
    concerns = (replace(NO_SAMPLES, since=now - 200), replace(NO_DEFAULT, since=now - 7500))
    source.current = replace(source.current, concerns=concerns)
    expect(page.locator("#verdict")).to_have_text("Service affected")
    first, second = page.locator("#concerns li").all()
    expect(first).to_contain_text(f"Critical IPv6: {NO_DEFAULT.text}")
    expect(first).to_contain_text(NO_DEFAULT.remedy)
    expect(first).to_contain_text("for 2 h 5 min")
    expect(second).to_contain_text(f"Warning {NO_SAMPLES.text}")
    expect(second).to_contain_text("for 3 min")


def test_the_source_goes_away_and_comes_back(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    expect(page.locator("#verdict")).to_have_text("Healthy")
    expect(page.locator("#connection")).to_be_hidden()
    daemon.stop()
    expect(page.locator("#connection")).to_contain_text("Connection lost, showing data from ")
    expect(page.locator("#verdict")).to_have_text("Unknown. Last seen: healthy")
    assert len(shown_prefixes(page)) == 100  # what was known stays readable
    daemon.start()
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.locator("#verdict")).to_have_text("Healthy")


def test_figures_that_stand_still_are_not_called_healthy(daemon: Daemon, page: Any) -> None:
    daemon.publishing = False
    page.clock.install()
    page.goto(daemon.url)
    expect(page.locator("#verdict")).to_have_text("Healthy")
    page.clock.fast_forward(11_000)
    expect(page.locator("#connection")).to_contain_text("its figures stand still")
    expect(page.locator("#verdict")).to_contain_text("Unknown")
