"""Fixtures of the tests that look at the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.web.chromium import CHROMIUM, FLAGS, Daemon
from tests.web.picture import FakeSource, make_routes, make_status


@pytest.fixture
def source() -> FakeSource:
    return FakeSource(make_status(time=time.time()), make_routes(500))


@pytest.fixture
def daemon(source: FakeSource) -> Iterator[Daemon]:
    daemon = Daemon(source)
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Not for the session: while it runs, this thread can run no other event loop."""
    if not CHROMIUM.exists():
        pytest.skip(f"needs {CHROMIUM} (apt-get install chromium)")
    reason = "needs the Python package playwright"
    playwright_api = pytest.importorskip("playwright.sync_api", reason=reason)
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        playwright_api.expect.set_options(timeout=15_000)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()
