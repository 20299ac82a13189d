"""The page in a real Chromium on a live switch: its numbers are those of the API and of the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arm.model import Family
from lab.plan import PAGE_PORT, SWITCH
from lab.relay import Relay
from tests.netns.test_loop import until
from tests.netns.test_operator import Operated, operated
from tests.web.conftest import browser, page

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect
pytestmark = pytest.mark.timeout(600)
__all__ = ["browser", "operated", "page"]  # fixtures


@pytest.fixture
def still(operated: Operated) -> Iterator[str]:
    """The page's address; nothing new is installed while it is looked at."""
    operated.arm("mode", "observe")
    until(lambda: operated.states() == ["observing", "observing"], 10, "observing")
    relay = Relay(operated.lab.nodes[SWITCH], PAGE_PORT, 0)
    yield f"http://{relay.address}/"
    relay.close()
    operated.arm("mode", "active")


def test_every_number_is_the_api_s_and_the_kernel_s(operated: Operated, still: str, page: Any) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto(still)
    for shown in operated.lab.api("/api/v1/status")["families"]:
        tiles = page.locator(f"#families [data-key={shown['family']}]")
        family = next(each for each in Family if each.label == shown["family"])
        kernel = len(operated.installed(family))
        assert shown["installed"] == kernel > 30
        for name in ("rib_routes", "installed", "missing"):
            expect(tiles.locator(f"[data-field={name}]")).to_have_text(f"{shown[name]:,}")
        expect(tiles.locator("[data-field=capacity]")).to_have_text(f"of {shown['capacity']:,}")
        # The table, all of it, page by page.
        page.select_option("#filters [name=family]", family.label)
        page.select_option("#filters [name=state]", "installed")
        last = min(100, kernel)
        expect(page.locator("#range")).to_contain_text(f"1\u2013{last} of {kernel:,}")
        rows = page.locator("#rows [data-field=prefix]").all_inner_texts()
        assert len(rows) == last
        assert {*rows} <= operated.installed(family)
    # Why the heaviest of them is there.
    prefix = rows[0]
    page.get_by_label("Address or prefix to explain").fill(prefix)
    page.keyboard.press("Enter")
    expect(page.locator("#explain-asked")).to_have_text(prefix)
    verdict = operated.lab.api(f"/api/v1/explain?address={prefix}")["verdict"]
    expect(page.locator("#explain-verdict")).to_have_attribute("data-verdict", verdict)
    page.keyboard.press("Escape")
    # Charts, map and events have something to show.
    page.locator("#charts-grid").scroll_into_view_if_needed()
    expect(page.locator("#charts-grid canvas").first).to_be_visible()
    page.locator("#map").scroll_into_view_if_needed()
    expect(page.locator("#map-rows tr").first).to_be_visible()
    page.locator("#events").scroll_into_view_if_needed()
    expect(page.locator("#events")).to_contain_text("mode observe")
    page.screenshot(path=str(operated.conf.with_name("page.png")), full_page=True)
    assert faults == []
