"""A real Prometheus with the rules of conf/prometheus/ scrapes ARM's page: every query of the dashboard has
an answer, and the alerts are those of the page's reasons."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copy, which
from socket import socket
from subprocess import DEVNULL, Popen
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from tests.exposition import GOLDEN, exposed, named
from tests.test_alerts import RULES
from tests.test_dashboard import queries

pytestmark = pytest.mark.skipif(
    which("prometheus") is None, reason="prometheus is not here (Debian: prometheus)"
)

PATIENCE = 60.0  # seconds, for a machine with much else to do
INSTANCE = "switch1"
SILENT = re.compile(r"\) > 0$")  # has no answer while nothing is wrong


class Page(BaseHTTPRequestHandler):
    """The golden page, with a time and totals that go on."""

    def do_GET(self) -> None:
        second = time.time()
        body = re.sub(
            r"^(arm_status_time_seconds|arm_\w+_total(?:{.*})?) \S+$",
            lambda match: f"{match[1]} {second}",
            GOLDEN.read_text(),
            flags=re.MULTILINE,
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Prometheus:
    """A running one."""

    def __init__(self, port: int) -> None:
        self._api = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, what: str) -> Any:
        with urlopen(self._api + what, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query?query=" + quote(expression))["result"]
        return found

    def ready(self) -> bool:
        """Has it looked often enough that there are rates, and recorded what it saw?"""
        try:
            return bool(
                self.query("rate(arm_commands_total[5m])")
                and self.query("instance:arm_commands:rate5m")
                and self.query("job_family:arm_coverage:ratio")
            )
        except HTTPError as error:
            error.close()  # it is there, and says to wait
            return False
        except URLError:
            return False


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    for file in ("alerts.yml", "recording.yml"):
        copy(RULES / file, folder)
    configuration = yaml.safe_load((RULES / "prometheus.yml").read_text())
    configuration["global"] = {
        "scrape_interval": "500ms",
        "scrape_timeout": "500ms",
        "evaluation_interval": "1s",
    }
    (job,) = configuration["scrape_configs"]
    job["static_configs"] = [
        {"targets": [f"127.0.0.1:{server.server_port}"], "labels": {"instance": INSTANCE}}
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--config.file", folder / "prometheus.yml", "--storage.tsdb.path", folder / "data"]
    log = folder / "log"
    with log.open("wb") as written:
        running = Popen(
            ["prometheus", *map(str, arguments), f"--web.listen-address=127.0.0.1:{port}"],
            stdout=DEVNULL,
            stderr=written,
        )
    try:
        found = Prometheus(port)
        until = time.monotonic() + PATIENCE
        while not found.ready():
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.25)
        yield found
    finally:
        running.terminate()
        running.wait(PATIENCE)
        server.shutdown()
        server.server_close()


def test_every_query_has_an_answer(prometheus: Prometheus) -> None:
    known, asked = exposed(), 0
    for _, title, expression in queries():
        filled = (
            expression.replace("$__rate_interval", "5m").replace("$job", "arm").replace("$instance", INSTANCE)
        )
        found = prometheus.query(filled)
        told = all(known[name].series for name in named(filled) if name in known)
        assert found or not told or SILENT.search(filled), f"{title}: {filled}"
        asked += bool(found)
    assert asked > 40


def test_what_the_rules_make_of_the_page(prometheus: Prometheus) -> None:
    wanted = {"ArmNoDefault", "ArmCriticalForLong"}  # the page's reason
    wanted |= {"ArmSflowDropped", "ArmSflowMalformed", "ArmCommandsRefused"}  # the totals that go on
    until = time.monotonic() + PATIENCE
    while True:
        alerts = prometheus.ask("alerts")["alerts"]
        names = {each["labels"]["alertname"] for each in alerts}
        if names == wanted or time.monotonic() > until:  # with one look only, everything stands still
            break
        time.sleep(0.25)
    assert names == wanted
    (no_default,) = (each for each in alerts if each["labels"]["alertname"] == "ArmNoDefault")
    assert no_default["labels"]["severity"] == "critical"
    assert no_default["annotations"]["summary"].startswith("switch1: no ipv6 default route")


def test_a_fault_in_a_query_is_told(prometheus: Prometheus) -> None:
    with pytest.raises(HTTPError) as refused:
        prometheus.query("sum by (")
    refused.value.close()
    assert prometheus.query("arm_unheard_of") == []


def test_the_rules_ran_without_a_fault(prometheus: Prometheus) -> None:
    groups = prometheus.ask("rules")["groups"]
    faults = [rule["name"] for group in groups for rule in group["rules"] if rule["health"] == "err"]
    assert faults == []
    assert {Path(group["file"]).name for group in groups} == {"alerts.yml", "recording.yml"}
