"""The page's events in a real Chromium: newest first, filtered, page by page, as they come."""

from __future__ import annotations

import time
from typing import Any

import pytest

from arm.model import Family
from tests.web.chromium import Daemon
from tests.web.picture import NO_DEFAULT, FakeSource

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect


def texts(page: Any) -> Any:
    return page.locator("#events-rows [data-field=text]")


def test_events_are_filtered_paged_and_followed(source: FakeSource, daemon: Daemon, page: Any) -> None:
    now = time.time()
    for number in range(30):
        source.events.chosen(now - 60 + number, Family.IPV4, {*range(number + 1)}, set())
    source.events.concerns(now - 10, [NO_DEFAULT], [])
    page.goto(daemon.url)
    page.locator("#events").scroll_into_view_if_needed()
    expect(texts(page)).to_have_count(25)
    expect(texts(page).first).to_have_text(NO_DEFAULT.text)
    expect(page.locator("#events-rows tr").first).to_have_attribute("data-tone", "critical")
    page.get_by_role("button", name="Older", exact=True).click()
    newest = [event["text"] for event in daemon.get("api/v1/log")["events"]]
    expect(texts(page)).to_have_text(newest)
    expect(page.get_by_role("button", name="Older", exact=True)).to_be_hidden()
    # What comes shows without a reload, above the rest.
    source.events.peers(time.time(), ["peer7"], [])
    expect(texts(page)).to_have_text(["peer peer7 is lost", *newest])
    page.select_option("#events [name=kind]", "concern")
    expect(texts(page)).to_have_text([NO_DEFAULT.text])
    page.select_option("#events [name=family]", "ipv4")
    expect(page.locator("#events-empty")).to_be_visible()
    assert page.url.endswith("#events=concern&events_of=ipv4")
