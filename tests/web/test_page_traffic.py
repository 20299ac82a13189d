"""Traffic by AS and the curve of coverage in a real Chromium."""

from __future__ import annotations

import time
from typing import Any

import pytest

from arm.model import TRAFFIC_BY, Family, Ranking
from tests.served import busy
from tests.web.chromium import Daemon
from tests.web.picture import FakeSource

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect


def test_traffic_is_split_as_the_api_splits_it(source: FakeSource, daemon: Daemon, page: Any) -> None:
    now = int(time.time())
    for at in range(now - 30, now):
        ranks = {by: Ranking(("64501", "64502"), (3e9, 1e9), 4.5e9) for by in TRAFFIC_BY}
        ranks["peer_as"] = Ranking(("64999",), (4.5e9,), 4.5e9)
        source.split.add(float(at), {Family.IPV4: ranks})
    page.goto(daemon.url)
    page.locator("#flows").scroll_into_view_if_needed()
    legend = page.locator("#flows .legend li")
    expect(legend).to_have_text(["64501 3.00 Gb/s", "64502 1.00 Gb/s", "other 500 Mb/s"])
    told = daemon.get("api/v1/traffic?family=ipv4&by=destination_as&span=5m")["series"]
    expect(page.locator("#flows .legend [data-field=name]")).to_have_text([each["name"] for each in told])
    page.get_by_role("button", name="Peer", exact=True).click()
    expect(legend.first).to_have_text("64999 4.50 Gb/s")
    assert page.url.endswith("#by=peer_as")
    label = page.locator("#flows .area").get_attribute("aria-label")
    assert label.startswith("Bit rate, by peer AS, IPv4, 5 minutes: 64999 4.50")


def test_the_curve_marks_the_capacity(page: Any) -> None:
    daemon = Daemon(busy())
    daemon.start()
    try:
        page.goto(daemon.url)
        page.locator("#curve").scroll_into_view_if_needed()
        expect(page.locator("#curve .legend li")).to_have_count(4)
        told = daemon.get("api/v1/curve?family=ipv4")
        expect(page.locator("#curve-note")).to_contain_text(f"Capacity: {told['capacity']} entries")
        at = told["entries"].index(told["capacity"])
        for name in ("optimal", "safe", "top"):
            share = told["strategies"][name][at]
            words = f"{name} {share * 100:.1f} %"
            expect(page.locator("#curve .legend li", has_text=name).last).to_have_text(words)
    finally:
        daemon.stop()
