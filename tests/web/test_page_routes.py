"""The route table in a real Chromium: what differs comes first, and each entry says where it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from arm.model import ActiveRoute
from tests.web.chromium import Daemon
from tests.web.picture import FakeSource

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect


def states(page: Any) -> Any:
    return page.locator("#rows [data-field=state]")


def test_differences_come_first_and_kinds_are_filtered(source: FakeSource, daemon: Daemon, page: Any) -> None:
    def changed(place: int, **changes: Any) -> ActiveRoute:
        return replace(source.table[place], **changes)

    source.table = (
        changed(0, in_kernel=True, kind="route"),
        changed(1, in_kernel=False, kind="guard"),
        changed(2, in_kernel=False, announced=False, wanted=True),
        changed(3, in_kernel=False, announced=False, wanted=False),
        changed(4, in_kernel=True, announced=False, wanted=False),
        changed(5, in_kernel=True, kind="synthesised", difference="stuck"),
        changed(6, in_kernel=False, kind="route", difference="missing-in-kernel"),
    )
    page.goto(daemon.url)
    expected = ["missing in kernel", "stuck", "installed", "on its way", "waiting", "not chosen", "leaving"]
    expect(states(page)).to_have_text(expected)
    expect(page.locator("#rows [data-different=true]")).to_have_count(2)
    page.select_option("#filters [name=kind]", "route")
    expect(states(page)).to_have_text(["missing in kernel", "installed"])
    page.select_option("#filters [name=kind]", "")
    page.select_option("#filters [name=state]", "different")
    expect(states(page)).to_have_text(["missing in kernel", "stuck"])
    page.get_by_role("button", name="Rank", exact=True).click()
    expect(states(page)).to_have_text(["stuck", "missing in kernel"])
    assert page.url.endswith("#state=different&sort=rank")
