"""Examples of sFlow agents: every line is of its system's language, and all of them say the same."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
from collections.abc import Mapping

import pytest
import yaml

from arm.traffic.window import AutomaticWindow
from tests.exposition import ROOT
from tests.test_sflow_hsflowd import SFLOW, parse

COLLECTOR, BESIDE, SWITCH = "127.0.0.1", "192.0.2.20", "192.0.2.1"
POLLING, HEADER = 20, 128
RATES = {"1": 200, "10": 2000, "25": 5000, "40": 8000, "100": 20000, "400": 65535}  # by Gbit/s
N = r"(\d+)"

# The commands of each system, by file, with the limits of its numbers.
LANGUAGES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "eos.cfg": {
        rf"sflow sample {N}": (16384, 16777215),
        rf"sflow sample dangerous {N}": (1, 16777215),
        rf"sflow polling-interval {N}": (0, 3600),
        rf"sflow destination {BESIDE} {N}": (1, 65535),
        r"sflow source-interface (?:Loopback|Ethernet|Management|Vlan)\d+": (0, 0),
        r"sflow run": (0, 0),
    },
    "nxos.cfg": {
        r"feature sflow": (0, 0),
        rf"sflow sampling-rate {N}": (4096, 1_000_000_000),
        rf"sflow max-sampled-size {N}": (64, 256),
        rf"sflow counter-poll-interval {N}": (0, 2**31 - 1),
        rf"sflow collector-ip {BESIDE} vrf \w+": (0, 0),
        rf"sflow collector-port {N}": (1, 65535),
        rf"sflow agent-ip {SWITCH}": (0, 0),
        r"sflow data-source interface ethernet \d+/\d+(?:/\d+)?": (0, 0),
    },
    "openswitch.cfg": {
        rf"sflow collector {BESIDE} port {N}": (0, 65535),
        r"sflow agent-interface loopback\d+": (0, 0),
        rf"sflow sampling {N}": (1, 1_000_000_000),
        rf"sflow polling {N}": (0, 3600),
        rf"sflow header-size {N}": (64, 256),
        r"sflow enable": (0, 0),
    },
    "cumulus.nvue": {
        rf"nv set system sflow collector {COLLECTOR} port {N}": (1, 65535),
        rf"nv set system sflow agent ip {SWITCH}/32": (0, 0),
        rf"nv set system sflow poll-interval {N}": (0, 300),
        rf"nv set system sflow sampling-rate speed-(?:{'|'.join(RATES)})g {N}": (1, 2**24),
        r"nv set system sflow state enabled": (0, 0),
        r"nv config apply": (0, 0),
    },
}
COMMENT = {"cumulus.nvue": "#"}


def commands(file: str) -> list[str]:
    lines = (SFLOW / file).read_text().splitlines()
    return [line for line in lines if line and not line.startswith(COMMENT.get(file, "!"))]


@pytest.mark.parametrize("file", LANGUAGES)
def test_every_line_is_a_command(file: str) -> None:
    used = set()
    for command in commands(file):
        matches = {each: match for each in LANGUAGES[file] if (match := re.fullmatch(each, command))}
        assert len(matches) == 1, command
        ((pattern, match),) = matches.items()
        low, high = LANGUAGES[file][pattern]
        assert all(low <= int(value) <= high for value in match.groups()), command
        used.add(pattern)
    # Nothing that is needed is left out; `dangerous` is said because the rate wants it.
    assert set(LANGUAGES[file]) - used <= {rf"sflow sample {N}"}


@pytest.mark.parametrize("file", LANGUAGES)
def test_all_send_at_the_same_pace_to_the_same_port(file: str) -> None:
    text = "\n".join(commands(file))
    assert re.findall(r"poll\S* (\d+)", text) == [str(POLLING)]
    assert re.findall(r"(?:port|destination \S+) (\d+)", text) == ["6343"]
    assert set(re.findall(r"(?:header-size|sampled-size) (\d+)", text)) <= {str(HEADER)}


def test_the_rates_are_those_of_the_page() -> None:
    table = re.findall(
        r"^\| (\d+) Gbit/s \| ([\d,]+) \| (\d+) \|$", (SFLOW / "README.md").read_text(), re.MULTILINE
    )
    assert {speed: int(rate.replace(",", "")) for speed, rate, _ in table} == RATES
    for speed, rate, samples in table:
        # Packets of 800 octets.
        assert round(int(speed) * 1e9 / 8 / 800 / int(rate.replace(",", ""))) == int(samples)


def test_cumulus_samples_by_speed() -> None:
    found = re.findall(r"speed-(\d+)g (\d+)", "\n".join(commands("cumulus.nvue")))
    assert {speed: int(rate) for speed, rate in found} == RATES


def test_hsflowd_samples_by_speed_and_sends_to_arm() -> None:
    settings = {(inside, name): value for inside, name, value in parse((SFLOW / "hsflowd.conf").read_text())}
    rates = {name[9:-1]: int(value) for (_, name), value in settings.items() if name.startswith("sampling.")}
    assert rates == RATES
    assert settings["sflow", "agent.cidr"] == f"{SWITCH}/32"
    assert int(settings["sflow", "polling"]) == POLLING
    assert int(settings["sflow", "headerbytes"]) == HEADER
    assert (settings["collector", "ip"], settings["collector", "udpport"]) == (COLLECTOR, "6343")


def test_dns_says_what_the_file_says() -> None:
    zone = (SFLOW / "dns-sd.zone").read_text()
    (domain,) = (
        value for _, name, value in parse((SFLOW / "hsflowd-dns-sd.conf").read_text()) if name == "domain"
    )
    (origin,) = re.findall(r"^\$ORIGIN (\S+)$", zone, re.MULTILINE)
    assert f"{domain}." == f".{origin}"
    ((port, host),) = re.findall(r"^_sflow\._udp +SRV 0 0 (\d+) (\S+)$", zone, re.MULTILINE)
    assert port == "6343"
    ((name, address),) = re.findall(r"^(\w+) +A (\S+)$", zone, re.MULTILINE)
    assert (f"{name}.{origin}", address) == (host, BESIDE)
    (said,) = re.findall(r"^_sflow\._udp +TXT \((.*?)\)", zone, re.MULTILINE | re.DOTALL)
    settings = dict(text.split("=") for text in shlex.split(said))
    wanted = {f"sampling.{speed}G": str(rate) for speed, rate in RATES.items()}
    assert settings == wanted | {"txtvers": "1", "polling": str(POLLING), "sampling": "2000"}
    assert len(said) < 400  # hsflowd reads answers of 512 octets


def test_sonic_within_the_limits_of_its_model() -> None:
    tables = json.loads((SFLOW / "sonic.json").read_text())
    assert set(tables) == {"SFLOW", "SFLOW_COLLECTOR", "SFLOW_SESSION"}
    settings = tables["SFLOW"]["global"]
    assert settings["admin_state"] == "up"
    assert set(settings) == {"admin_state", "agent_id", "polling_interval"}
    assert int(settings["polling_interval"]) == POLLING  # 0 or 5 to 300
    ((name, collector),) = tables["SFLOW_COLLECTOR"].items()  # at most two
    assert 1 <= len(name) <= 16
    assert collector == {"collector_ip": COLLECTOR, "collector_port": "6343"}
    assert ipaddress.ip_address(collector["collector_ip"])
    for port, session in tables["SFLOW_SESSION"].items():
        assert session["admin_state"] == "up"
        assert port == "all" or re.fullmatch(r"Ethernet\d+", port)
        # For "all" there is no rate.
        assert ("sample_rate" in session) == (port != "all")
        assert int(session.get("sample_rate", 256)) in range(256, 8388609)
    # CONFIG_DB holds text.
    assert all(
        isinstance(v, str) for table in tables.values() for row in table.values() for v in row.values()
    )


def test_open_vswitch_is_told_as_in_the_lab() -> None:
    """But for the rate and the polling, as the lab has little traffic and little time."""
    lab = yaml.safe_load((ROOT / "lab" / "containerlab" / "arm.clab.yml").read_text())
    executed = lab["topology"]["nodes"]["switch"]["exec"]
    (told,) = (command for command in executed if "create sflow" in command)
    script = (SFLOW / "openvswitch.sh").read_text().replace("\\\n", " ")
    (example,) = (line for line in script.splitlines() if line.startswith("ovs-vsctl"))

    def same(command: str) -> list[str]:
        words = [re.sub(r"^(sampling|polling)=.*", r"\1=", word) for word in shlex.split(command)]
        return [re.sub(r'["\\]', "", word) for word in words]  # how a colon is protected

    assert same(example) == same(told)
    assert f"agent={SWITCH}" in same(example)
    assert f"header={HEADER}" in same(example)


def test_every_file_is_on_the_page() -> None:
    listed = set(re.findall(r"\]\(([\w.-]+)\)", (SFLOW / "README.md").read_text()))
    assert listed == {file.name for file in SFLOW.iterdir()} - {"README.md"}


def test_what_the_page_says_of_the_window() -> None:
    text = " ".join((SFLOW / "README.md").read_text().split())
    said = re.findall(r"(\d+)(?: seconds)? at ([\d,]+)", text)
    assert len(said) == 2
    for seconds, rate in said:
        window = AutomaticWindow()
        window.add(float(rate.replace(",", "")), 1e6)
        assert round(window.seconds) == int(seconds)
