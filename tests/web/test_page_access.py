"""axe looks at the page, in light and dark, with everything on the screen and the explanation open."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from tests.served import busy
from tests.web.chromium import Daemon

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")


def findings(page: Any) -> list[str]:
    """What is serious or critical, with where it is."""
    violations = axe.Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for each in violations
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found(scheme: Literal["light", "dark"], browser: Any) -> None:
    daemon = Daemon(busy())
    daemon.start()
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    try:
        page.goto(daemon.url)
        for section, ready in (("charts", ".legend b"), ("map", "tbody tr"), ("routes", "tbody tr")):
            page.locator(f"#{section}").scroll_into_view_if_needed()
            expect(page.locator(f"#{section} {ready}").first).to_be_visible()
        page.locator("#map-canvas").focus()
        page.keyboard.press("ArrowUp")
        page.locator("#agents summary").click()
        page.locator("#events").scroll_into_view_if_needed()
        assert findings(page) == []
        page.locator("#rows button").first.click()
        expect(page.locator("#explain-verdict")).to_be_visible()
        assert findings(page) == []
    finally:
        context.close()
        daemon.stop()
