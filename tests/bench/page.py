"""How quick the page is with 100,000 active routes, in a real Chromium, and what it costs while it is open.

    python -m tests.bench.page [--routes 100000] [--times 7]

The daemon's web server runs with a table of that size, which changes each second. Measured by the page's own
clock: from the beginning of the navigation to the first rows; from a letter or a choice to the rows that it
leaves (a letter waits 100 ms for the next one). The processor's share is that of all of Chromium's processes.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.web.chromium import CHROMIUM, FLAGS, Daemon
from tests.web.picture import FakeSource, make_routes, make_status

FIRST = """
new MutationObserver((_, observer) => {
  if (document.querySelector("#rows tr")) {
    globalThis.firstRows = performance.now();
    observer.disconnect();
  }
}).observe(document, { childList: true, subtree: true });
"""
FILTER = """([name, value]) => new Promise((resolve) => {
  const control = document.querySelector(`#filters [name=${name}]`);
  const began = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    resolve(performance.now() - began);
  }).observe(document.getElementById("range"), { childList: true, characterData: true, subtree: true });
  control.value = value;
  control.dispatchEvent(new Event("input", { bubbles: true }));
})"""
FILTERS = (("q", "10.0.7"), ("q", "64603"), ("family", "ipv6"), ("state", "missing"))


@contextmanager
def opened(browser: Any, url: str) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    page.add_init_script(FIRST)
    page.goto(url)
    page.locator("#rows tr").first.wait_for()
    yield page
    context.close()


def first_table(browser: Any, url: str) -> float:
    """Milliseconds; nothing is in the browser's cache."""
    with opened(browser, url) as page:
        return float(page.evaluate("firstRows"))


def filtered(page: Any, name: str, value: str) -> float:
    """Milliseconds; the filter is empty again afterwards."""
    took = float(page.evaluate(FILTER, [name, value]))
    page.evaluate(FILTER, [name, "all" if name == "state" else ""])
    return took


def processor() -> float:
    """Seconds of all Chromium processes that this one started."""
    parents, seconds = {}, {}
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = re.sub(r"\(.*\)", "()", each.read_text()).split()
        except OSError:
            continue
        parents[int(fields[0])] = int(fields[3])
        seconds[int(fields[0])] = sum(map(int, fields[13:17])) / os.sysconf("SC_CLK_TCK")
    mine = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(seconds.get(pid, 0.0) for pid in mine - {os.getpid()})


def share(seconds: float = 20.0) -> float:
    """Of a core, while the page is open and nobody touches it."""
    before, began = processor(), time.monotonic()
    time.sleep(seconds)
    return (processor() - before) / (time.monotonic() - began)


def shown(what: str, figures: list[float]) -> None:
    print(f"| {what} | {statistics.median(figures):,.0f} ms | {max(figures):,.0f} ms |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--routes", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=7)
    options = parser.parse_args()
    daemon = Daemon(FakeSource(make_status(time=time.time()), make_routes(options.routes)))
    daemon.start()
    print(f"load of the machine {os.getloadavg()[0]:.1f}\n")
    print(f"| {options.routes:,} routes | median | worst |\n|---|---:|---:|")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            shown("first table", [first_table(browser, daemon.url) for _ in range(options.times)])
            with opened(browser, daemon.url) as page:
                for name, value in FILTERS:
                    took = [filtered(page, name, value) for _ in range(options.times)]
                    shown(f"filter `{name}={value}`", took)
                page.locator("#charts").scroll_into_view_if_needed()
                print(f"\nopen with its charts of 5 minutes: {share():.1%} of a core")
            browser.close()
    finally:
        daemon.stop()


if __name__ == "__main__":
    main()
