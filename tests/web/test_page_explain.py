"""Explanations in a real Chromium, of a daemon's own board."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.served import busy
from tests.web.chromium import Daemon

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """An entry for 20.0.0.0/16 hides 20.0.1.0/24, which leads elsewhere."""
    daemon = Daemon(busy())
    daemon.start()
    yield daemon
    daemon.stop()


def facts(page: Any) -> dict[str, str]:
    lines = page.locator("#explain-facts div").all()
    texts = [(each.locator("dt").inner_text(), each.locator("dd").inner_text()) for each in lines]
    return {name: text.replace("\u00a0", " ") for name, text in texts}


def test_an_address_is_explained_in_the_words_of_the_api(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    page.get_by_label("Address or prefix to explain").fill("20.0.0.1")
    page.keyboard.press("Enter")
    told = daemon.get("api/v1/explain?address=20.0.0.1")
    assert told["verdict"] == "served"
    expect(page.locator("#explain-asked")).to_have_text("20.0.0.1/32")
    expect(page.locator("#explain-verdict")).to_have_text(
        "Served: an entry sends it where the full table says"
    )
    reasons = [f"{reason['name'].replace('-', ' ')}: {reason['text']}" for reason in told["reasons"]]
    expect(page.locator("#explain-reasons li")).to_have_text(reasons)
    shown = facts(page)
    assert shown["Route"] == f"{told['route']['prefix']} via {told['route']['next_hop']}"
    assert shown["AS path"] == told["route"]["as_path"]
    assert shown["Hides"] == ", ".join(told["hidden_first"])
    assert shown["Kernel"] == f"by {told['kernel']['gateways'][0]}"
    assert shown["Rank"] == "not among the active prefixes"  # no choice was made yet
    assert shown["Entry"].startswith("20.0.0.0/16 (route) via 10.0.0.1: wanted, announced, in the kernel")
    assert shown["Block"] == told["block"]
    # It is part of the address, and the next question replaces it.
    assert page.url.endswith("#explain=20.0.0.1")
    page.get_by_label("Address or prefix", exact=True).fill("20.0.1.0/24")
    page.keyboard.press("Enter")
    expect(page.locator("#explain-verdict")).to_have_attribute("data-verdict", "astray")
    page.reload()
    expect(page.locator("#explain-asked")).to_have_text("20.0.1.0/24")
    page.keyboard.press("Escape")
    expect(page.locator("#explain")).to_be_hidden()
    assert "explain" not in page.url


def test_a_row_opens_its_explanation_by_mouse_and_by_keyboard(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    row = page.locator("#rows tr[data-key='20.0.0.0/16']")
    row.locator("[data-field=next_hop]").click()
    expect(page.locator("#explain-asked")).to_have_text("20.0.0.0/16")
    page.get_by_role("button", name="Close", exact=True).click()
    button = row.get_by_role("button", name="20.0.0.0/16")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#explain-asked")).to_have_text("20.0.0.0/16")
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_what_is_no_address_is_said_plainly(daemon: Daemon, page: Any) -> None:
    page.goto(daemon.url)
    page.get_by_label("Address or prefix to explain").fill("nonsense")
    page.keyboard.press("Enter")
    fault = page.locator("#explain-fault")
    expect(fault).to_have_text("“nonsense” is no IPv4 or IPv6 address or prefix.")
    expect(page.locator("#explain-body")).to_be_hidden()
    page.get_by_label("Address or prefix", exact=True).fill("20.1.0.0/16")
    page.keyboard.press("Enter")
    expect(fault).to_be_hidden()
    expect(page.locator("#explain-asked")).to_have_text("20.1.0.0/16")
