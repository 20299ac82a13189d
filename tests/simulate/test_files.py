"""What the files of `arm simulate` say, and how they say it."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arm.model import Family
from arm.simulate_files import Files, InputError, read
from arm.simulate_words import NextHops
from tests.simulate.build import UNIVERSES, WORDS, Universe, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@given(where=st.sampled_from(UNIVERSES), data=st.data())
def test_what_is_written_is_read(folder: Path, where: Universe, data: st.DataObject) -> None:
    tables = [data.draw(where.routes()) for _ in range(3)]
    paths = [folder / name for name in ("t", "f", "p")]
    for path, table in zip(paths, tables, strict=True):
        write(path, {where.prefix(key): WORDS[hop] for key, hop in table.items()})
    write(folder / "w", {})
    files = read("d", where.family, paths[0], folder / "w", paths[1], paths[2])
    for table, found in zip(tables, (files.table, files.fixed, files.previous), strict=True):
        assert {key: files.next_hops.name(hop) for key, hop in found.items()} == {
            key: WORDS[hop] for key, hop in table.items()
        }


def test_the_default_is_next_hop_0_and_groups_are_sets() -> None:
    hops = NextHops("b,a")
    assert [hops.number(word) for word in ("a,b", "x", "b,a", "a,a,b", "y,x", "x,y", "x")] == [
        0,
        1,
        0,
        0,
        2,
        2,
        1,
    ]
    assert [hops.name(number) for number in range(len(hops))] == ["a,b", "x", "x,y"]


def test_without_a_default_route_no_next_hop_is_its() -> None:
    assert NextHops(None).number("none") == 1


@pytest.mark.parametrize(
    ("table", "given", "family"),
    [
        ("", None, Family.IPV4),
        ("20.0.0.0/8\ta\n", None, Family.IPV4),
        ("\n2001:db8::/32\ta\n", None, Family.IPV6),
        ("::/0\ta\n", None, Family.IPV6),
        ("", Family.IPV6, Family.IPV6),
    ],
)
def test_the_family(table: str, given: Family | None, family: Family, tmp_path: Path) -> None:
    (tmp_path / "t").write_text(table)
    assert read("d", given, tmp_path / "t").family is family


def from_octets(tmp_path: Path, octets: bytes) -> Files:
    (tmp_path / "t").write_bytes(octets)
    return read("d", None, tmp_path / "t")


@pytest.mark.parametrize(
    "octets",
    [
        b"20.0.0.0/8\ta\n21.0.0.0/8\tb\n",
        b"20.0.0.0/8\ta\n21.0.0.0/8\tb",
        b"20.0.0.0/8\ta\r\n\r\n21.0.0.0/8\tb\r\n",
        b"\xef\xbb\xbf20.0.0.0/8\ta\n21.0.0.0/8\tb\n21.0.0.0/8\tb\n",
        gzip.compress(b"20.0.0.0/8\ta\n21.0.0.0/8\tb\n"),
    ],
    ids=["plain", "no end", "Windows", "byte order mark and a line twice", "gzip"],
)
def test_forms_of_a_file(octets: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {(20 << 24, 8): 1, (21 << 24, 8): 2}
    assert from_octets(tmp_path, octets).table == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(octets)))
    assert read("d", None, Path("-")).table == expected


def test_prefixes_are_compared_as_numbers(tmp_path: Path) -> None:
    files = from_octets(tmp_path, b"2001:db8::/32\ta\n2001:DB8:0::/32\ta\n")
    assert files.table == {(0x20010DB8 << 96, 32): 1}


def test_the_weights_of_an_address_add_up(tmp_path: Path) -> None:
    write(tmp_path / "t", {})
    write(tmp_path / "w", [("1.0.0.1", 2), ("1.0.0.2", "1e3"), ("1.0.0.1", ".5"), ("1.0.0.3", -0.0)])
    weights = read("d", None, tmp_path / "t", tmp_path / "w").weights
    assert weights == {(1 << 24) + 1: 2.5, (1 << 24) + 2: 1000.0, (1 << 24) + 3: 0.0}


def test_the_default_s_own_route_may_stand_among_what_the_fib_holds(tmp_path: Path) -> None:
    fib = write(tmp_path / "f", {"0.0.0.0/0": "b,d", "20.0.0.0/8": "a"})
    write(tmp_path / "t", {"0.0.0.0/0": "b"})
    files = read("d,b", None, tmp_path / "t", None, Path(fib), Path(fib))
    assert files.table == {(0, 0): 1}, "another than the default's"
    assert files.fixed == files.previous == {(20 << 24, 8): 2}


def test_an_input_error_counts_what_it_does_not_show() -> None:
    assert InputError(["a", "b"], 2).lines == ["a", "b"]
    assert InputError(["a", "b"], 5).lines == ["a", "b", "and 3 more faults"]
