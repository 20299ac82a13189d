"""hsflowd's examples against its grammar, as its sources have it (hsflowconfig.c, hsflowtokens.h): Debian has
no package of it that could be run."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.exposition import ROOT

SFLOW = ROOT / "conf" / "sflow"
FILES = sorted(SFLOW.glob("hsflowd*.conf"))
CHOICE = re.compile(r"^  # (\w+ \{.*\})$", re.MULTILINE)  # what an example leaves to be chosen

Check = Callable[[str], bool]


class GrammarError(Exception):
    """Where hsflowd would not start."""


def number(low: int, high: int) -> Check:
    return lambda word: word.isdigit() and low <= int(word) <= high


def address(word: str) -> bool:
    return bool(ipaddress.ip_address(word))


def prefix(word: str) -> bool:
    return bool(ipaddress.ip_network(word))


def device(word: str) -> bool:
    return re.fullmatch(r"[a-z]\w*(?:\.\d+)?", word) is not None


def domain(word: str) -> bool:
    return word.startswith(".")  # it is hung onto _sflow._udp as it is


# What an object may hold, in lower case. Rates are of 16 bits in older versions.
RATE = number(1, 65535)
OBJECTS: Mapping[str, Mapping[str, Check]] = {
    "sflow": {
        "agent.cidr": prefix,
        "polling": number(0, 300),
        "headerbytes": number(14, 256),
        "sampling": RATE,
        **{f"sampling.{speed}": RATE for speed in ("1g", "10g", "25g", "40g", "100g", "400g")},
    },
    "collector": {"ip": address, "udpport": number(1, 65535)},
    "pcap": {"dev": device},
    "psample": {"group": number(1, 0xFFFFFFFF)},
    "dns-sd": {"domain": domain},
}


def words(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from re.findall(r"[{}]|[^{}\s=;]+", line.partition("#")[0])


def parse(text: str) -> list[tuple[str, str, str]]:
    """Object, attribute and value of each setting."""
    found: list[tuple[str, str, str]] = []
    inside: list[str] = []
    reader = words(text)
    for word in reader:
        name = word.lower()
        if name == "}":
            if not inside:
                raise GrammarError("too many }")
            inside.pop()
        elif name in OBJECTS and inside == (["sflow"] if name != "sflow" else []):
            if next(reader, "") != "{":
                raise GrammarError(f"{word} without {{")
            inside.append(name)
        elif inside and name in OBJECTS[inside[-1]]:
            value = next(reader, "")
            if not OBJECTS[inside[-1]][name](value):
                raise GrammarError(f"{word} = {value}")
            found.append((inside[-1], name, value))
        else:
            raise GrammarError(word)
    if inside:
        raise GrammarError("} is missing")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_hsflowd_would_take_it(file: Path) -> None:
    settings = parse(file.read_text())
    assert len({inside for inside, _, _ in settings} & {"collector", "dns-sd"}) == 1  # where to send to
    single = [(inside, name) for inside, name, _ in settings if inside != "pcap"]
    assert len(set(single)) == len(single)


def test_what_is_left_to_be_chosen_would_be_taken_too() -> None:
    text = (SFLOW / "hsflowd.conf").read_text()
    chosen, count = CHOICE.subn(r"  \1", text)
    assert count == 3
    assert {inside for inside, _, _ in parse(chosen)} == {"sflow", "collector", "psample", "pcap"}


@pytest.mark.parametrize(
    "wrong",
    [
        "sflow { collector { ip = 127.0.0.1 }",
        "sflow { } }",
        "collector { ip = 127.0.0.1 }",
        "sflow { sampling.10G = 100000 }",
        "sflow { collector { port = 6343 } }",
        "sflow { polling 20 sampling }",
        "sflow { sflow { } }",
        "sflow collector { }",
        "sflow { dns-sd { domain = example.net } }",
    ],
)
def test_what_it_would_not_take_is_found(wrong: str) -> None:
    with pytest.raises(GrammarError):
        parse(wrong)
