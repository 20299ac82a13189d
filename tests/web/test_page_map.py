"""The address-space map in a real Chromium, of a daemon's own board: drawn, zoomed, told in words."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.served import busy
from tests.web.chromium import Daemon

expect = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright").expect

CELLS = "async () => Object.assign(globalThis, await import('./static/hilbert.js'))"


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Traffic to 20.0.0.0/16 and 20.1.0.0/16."""
    daemon = Daemon(busy())
    daemon.start()
    yield daemon
    daemon.stop()


@pytest.fixture
def shown(daemon: Daemon, page: Any) -> Any:
    """The page with its map on the screen."""
    page.goto(daemon.url)
    page.locator("#map-canvas").scroll_into_view_if_needed()
    expect(page.locator("#map-rows tr")).to_have_count(1)
    return page


def trail(page: Any) -> list[str]:
    crumbs: list[str] = page.locator("#map-trail button").all_inner_texts()
    return crumbs


def test_cells_and_sum_are_those_of_the_api(daemon: Daemon, shown: Any) -> None:
    (cell,) = daemon.get("api/v1/map?family=ipv4&order=6")["cells"]
    row = shown.locator("#map-rows tr")
    expect(row.locator("[data-field=prefix]")).to_have_text(cell["prefix"])
    expect(row.locator("[data-field=installed]")).to_have_text(str(cell["installed"]))
    share = cell["installed_bits_per_second"] / cell["bits_per_second"]
    expect(row.locator("[data-field=share]")).to_have_text(f"{share:.1%}".replace("%", " %"))
    expect(shown.locator("#map-sum")).to_contain_text("IPv4 0.0.0.0/0: ")
    # The only coloured cell lies where the curve has its index.
    drawn = shown.evaluate(
        """async ([index]) => {
          const { place } = await import("./static/hilbert.js");
          const canvas = document.getElementById("map-canvas");
          const [x, y] = place(index, 6, 0);
          const step = canvas.width / 64;
          const pixels = canvas.getContext("2d");
          const at = (x, y) => [...pixels.getImageData((x + 0.5) * step, (y + 0.5) * step, 1, 1).data];
          return [at(x, y), at(x === 63 ? 62 : x + 1, y)];
        }""",
        [cell["index"]],
    )
    assert drawn[0] != drawn[1]


def test_clicks_zoom_in_and_the_trail_leads_back(shown: Any) -> None:
    shown.locator("#map-rows button").click()
    expect(shown.locator("#map-trail button")).to_have_text(["0.0.0.0/0", "20.0.0.0/6"])
    expect(shown.locator("#map-sum")).to_contain_text("IPv4 20.0.0.0/6")
    assert "block=20.0.0.0%2F6" in shown.url
    for block in ("20.0.0.0/12", "20.0.0.0/18"):
        expect(shown.locator("#map-rows tr").first).to_be_visible()
        first = shown.locator("#map-rows button", has_text="20.0.").first
        expect(first).to_have_text("20.0.0.0/" + {"20.0.0.0/12": "18", "20.0.0.0/18": "24"}[block])
        first.click()
        expect(shown.locator("#map-trail [aria-current]")).to_have_text(block)
    shown.get_by_role("button", name="0.0.0.0/0", exact=True).click()
    expect(shown.locator("#map-trail button")).to_have_count(1)
    assert "block" not in shown.url


def test_the_keyboard_moves_zooms_and_goes_back(shown: Any) -> None:
    canvas = shown.locator("#map-canvas")
    canvas.focus()
    expect(canvas).to_be_focused()
    shown.keyboard.press("ArrowUp")
    tip = shown.locator("#map-tip")
    expect(tip).to_contain_text("no traffic, 0 entries")
    before = tip.inner_text()
    shown.keyboard.press("Shift+ArrowLeft")
    expect(tip).not_to_have_text(before)
    cell = ipaddress.ip_network(tip.inner_text().split(": ")[0])
    shown.keyboard.press("Enter")
    expect(shown.locator("#map-trail [aria-current]")).to_have_text(str(cell.supernet(new_prefix=6)))
    shown.keyboard.press("Backspace")
    expect(shown.locator("#map-trail [aria-current]")).to_have_text("0.0.0.0/0")


def test_a_pointer_tells_of_the_cell_below_it(daemon: Daemon, shown: Any) -> None:
    (cell,) = daemon.get("api/v1/map?family=ipv4&order=6")["cells"]
    shown.evaluate(CELLS)
    x, y = shown.evaluate("index => place(index, 6, 0)", cell["index"])
    side = shown.locator("#map-canvas").bounding_box()["width"] / 64
    shown.locator("#map-canvas").hover(position={"x": (x + 0.5) * side, "y": (y + 0.5) * side})
    expect(shown.locator("#map-tip")).to_contain_text(f"{cell['prefix']}: ")
    expect(shown.locator("#map-tip")).to_contain_text(f"{cell['installed']} entries")
    shown.locator("#map-canvas").click(position={"x": (x + 0.5) * side, "y": (y + 0.5) * side})
    expect(shown.locator("#map-trail [aria-current]")).to_have_text("20.0.0.0/6")


def test_the_other_family_and_its_explanation(shown: Any) -> None:
    shown.locator("#map").get_by_role("button", name="IPv6", exact=True).click()
    expect(shown.locator("#map-trail button")).to_have_text(["2000::/3"])
    expect(shown.locator("#map-empty")).to_be_visible()
    shown.get_by_role("button", name="Explain this prefix").click()
    expect(shown.locator("#explain-asked")).to_have_text("2000::/3")


def test_the_curve_is_one_and_prefixes_come_back(shown: Any) -> None:
    """Neighbours on the curve are neighbours on the map, in every turn, and each place has one index."""
    shown.evaluate(CELLS)
    for turn in range(4):
        places = shown.evaluate("turn => Array.from({ length: 1024 }, (_, at) => place(at, 5, turn))", turn)
        steps = pairwise(places)
        assert all(abs(x - a) + abs(y - b) == 1 for (x, y), (a, b) in steps)
        assert len({(x, y) for x, y in places}) == 1024
        back = shown.evaluate(
            "([places, turn]) => places.map(([x, y]) => indexAt(x, y, 5, turn))", [places, turn]
        )
        assert back == [*range(1024)]
    assert shown.evaluate("place(0, 5, 0)") == [0, 0]
    # A block looks the same alone as within its surroundings.
    inner = shown.evaluate("Array.from({ length: 16 }, (_, at) => place(at, 2, turnWithin('011011')))")
    outer = shown.evaluate("Array.from({ length: 16 }, (_, at) => place(0b011011 * 16 + at, 5, 0))")
    left, top = min(x for x, _ in outer), min(y for _, y in outer)
    assert inner == [[x - left, y - top] for x, y in outer]
    prefixes = ["0.0.0.0/0", "10.32.0.0/11", "255.255.255.255/32", "::/0", "2001:db8::/32", "2001:0:0:1::/64"]
    prefixes += ["2001:db8:0:1:0:1::/96", "2000::/3", "::1/128", "fe80::/10", "1:0:2::/48", "::/1"]
    for prefix in prefixes:
        back = shown.evaluate(
            "prefix => { const { bits, v6 } = bitsOf(prefix); return prefixOf(bits, v6); }", prefix
        )
        assert back == str(ipaddress.ip_network(prefix))
