"""The page's charts in a real Chromium: they say what the API says, for the span and family chosen."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

import pytest

from arm.model import MISS_REASONS
from tests.web.chromium import Daemon
from tests.web.picture import FakeSource

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect


UNKNOWN = "\u2013"


def add(source: FakeSource, seconds: int, before: int = 0, **figures: float) -> None:
    """The same figures each second up to `before` seconds ago; those of IPv6 are half as large."""
    now = int(time.time()) - before
    misses = {f"miss.{reason}": (place + 1) / 1000 for place, reason in enumerate(MISS_REASONS)}
    for at in range(now - seconds, now):
        values: dict[str, float | None] = {"daemon.cpu": 0.25, "daemon.resident_bytes": 812e6}
        for label, part in (("ipv4", 1.0), ("ipv6", 0.5)):
            values |= {f"{label}.{name}": part * value for name, value in {**misses, **figures}.items()}
        source.figures.add(float(at), values)


def chart(page: Any, title: str) -> Any:
    return page.locator(f'#charts-grid .chart:has(h3:text-is("{title}"))')


def legend(page: Any, title: str) -> Mapping[str, str]:
    lines = chart(page, title).locator(".legend li").all()
    texts = [
        (each.locator("[data-field=name]").inner_text(), each.locator("b").inner_text()) for each in lines
    ]
    return {name: value.replace("\u00a0", " ") for name, value in texts}


def test_charts_say_what_the_history_says(source: FakeSource, daemon: Daemon, page: Any) -> None:
    add(source, 60, coverage=0.96, coverage_error=0.01, installed=7000, capacity=9000, bits_per_second=2e9)
    page.goto(daemon.url)
    coverage = chart(page, "Coverage")
    expect(coverage.locator(".area")).to_have_attribute(
        "aria-label", "Coverage, IPv4, 5 minutes: sent as the full table says 96.0\u00a0%"
    )
    expect(coverage.locator("canvas")).to_be_visible()
    entries = {"capacity": "9,000", "wanted": UNKNOWN, "installed": "7,000", "active prefixes": UNKNOWN}
    assert legend(page, "Entries") == entries
    # What follows the default costs no coverage: it is no part of the misses.
    first, *reasons = [reason.replace("-", " ") for reason in MISS_REASONS]
    assert first == "follows default"
    shares = [f"{place / 10:.1f} %" for place in range(2, len(MISS_REASONS) + 1)]
    assert legend(page, "Not covered, by reason") == dict(zip(reasons, shares, strict=True))
    assert legend(page, "Served")["by the default, which leads there too"] == "0.1 %"
    assert legend(page, "ARM: processor") == {"in use": "0.25 cores"}
    assert legend(page, "RIB") == {"routes": UNKNOWN}
    expect(chart(page, "RIB")).to_have_attribute("data-empty", "true")
    page.locator("#charts").get_by_role("button", name="IPv6", exact=True).click()
    expect(chart(page, "Traffic").locator("b")).to_have_text("1.00 Gb/s")
    expect(chart(page, "Traffic").locator(".area")).to_have_attribute("aria-label", re.compile("IPv6"))


def test_the_span_is_chosen_by_keyboard_and_kept_in_the_address(daemon: Daemon, page: Any) -> None:
    add_to = page.context
    page.goto(daemon.url)
    five = page.get_by_role("button", name="5 min", exact=True)
    expect(five).to_have_attribute("aria-pressed", "true")
    five.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    with page.expect_response("**/api/v1/history?span=1d*"):
        page.keyboard.press("Enter")
    assert page.url.endswith("#span=1d")
    again = add_to.new_page()
    with again.expect_response("**/api/v1/history?span=1d*"):
        again.goto(page.url)
    expect(again.get_by_role("button", name="1 d", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_pointer_shows_the_figures_of_its_time(source: FakeSource, daemon: Daemon, page: Any) -> None:
    add(source, 200, before=20, rib_routes=1000)
    add(source, 20, rib_routes=2000)
    page.goto(daemon.url)
    rib = chart(page, "RIB")
    expect(rib.locator("b")).to_have_text("2,000")
    area = rib.locator(".u-over")
    box = area.bounding_box()
    area.hover(position={"x": box["width"] * 0.6, "y": 20})
    expect(rib.locator("b")).to_have_text("1,000")
    expect(rib.locator("[data-field=moment]")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    # All charts point at the same time.
    expect(chart(page, "Coverage").locator("[data-field=moment]")).to_have_text(re.compile(r"^\d\d:"))


def test_without_the_library_the_page_says_so_and_works(daemon: Daemon, page: Any) -> None:
    page.route("**/static/vendor/*", lambda route: route.fulfill(status=404))
    page.goto(daemon.url)
    expect(page.locator("#charts-missing")).to_contain_text("built without the chart library")
    expect(page.locator("#verdict")).to_have_text("Healthy")
    expect(page.locator("#rows tr")).to_have_count(100)


def test_only_what_is_on_the_screen_is_asked_for(daemon: Daemon, page: Any) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": 800, "height": 500})
    page.goto(daemon.url)
    with page.expect_response("**/api/v1/history*"):
        page.get_by_role("link", name="Charts", exact=True).click()
    assert not [url for url in asked if "/log" in url]
    with page.expect_response("**/api/v1/log*"):
        page.get_by_role("link", name="Events", exact=True).click()
    expect(page.locator("#events")).to_be_focused()
    page.wait_for_timeout(300)
    before = len([url for url in asked if "/history" in url])
    page.wait_for_timeout(2_500)
    assert len([url for url in asked if "/history" in url]) == before


def test_what_this_daemon_does_not_offer_is_said_plainly(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    for section, what in (("curve", "curve"), ("map", "map")):
        page.locator(f"#{section}").scroll_into_view_if_needed()
        expect(page.locator(f"#{section}-fault")).to_have_text(f"This ARM does not offer the {what}.")
        expect(page.locator(f"#{section} .body").first).to_be_hidden()


def test_every_module_is_announced_to_the_browser(daemon: Daemon, page: Any) -> None:
    """Or each would be asked for only when the one before has come."""
    page.goto(daemon.url)
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    modules = {url for url in loaded if url.endswith(".js") and "/vendor/" not in url}
    announced = page.locator("link[rel=modulepreload]").evaluate_all("links => links.map(({ href }) => href)")
    assert modules == {*announced, f"{daemon.url}static/page.js"}
