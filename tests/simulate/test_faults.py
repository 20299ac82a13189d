"""Every way in which files and options of `arm simulate` can be wrong, as the operator sees it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from arm.cli import main

ROUTE = '"{}" is not prefix<TAB>next_hop: put one tab between the two'
PREFIX = '"{}" is no prefix: write an IPv4 address, a slash and a length from 0 to 32'
HOP = '"{}" is no next hop: write a word without blanks, or several with commas between them'
ADDRESS = '"{}" is no address: write an IPv4 address'
WEIGHT = '"{}" is no weight: write a finite number that is not negative'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are, and the working directory, so that their names are short."""
    monkeypatch.chdir(tmp_path)
    for name in ("w", "f", "p"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "t").write_bytes(b"20.0.0.0/8\ta\n")
    (tmp_path / "out").write_text("as before")
    return tmp_path


def simulate(*options: str) -> int:
    files = ["--table", "t", "--traffic", "w", "--fixed", "f", "--previous", "p"]
    choice = ["--default", "d", "--capacity", "2", "--strategy", "safe", "--json", "out"]
    return main(["simulate", *files, *choice, *options])


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """The lines with which the command refuses its input; it writes nothing else."""
    assert simulate(*options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert (folder / "out").read_text() == "as before"
    return err.splitlines()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"20.0.0.0/8 a", ROUTE.format("20.0.0.0/8 a")),
        (b"20.0.0.0/8", ROUTE.format("20.0.0.0/8")),
        (b"20.0.0.0/8\ta\tb", ROUTE.format(r"20.0.0.0/8\ta\tb")),
        (b" ", ROUTE.format(" ")),
        (b"# a comment", ROUTE.format("# a comment")),
        (b"20.0.0.0\ta", PREFIX.format("20.0.0.0")),
        (b"20.0.0/8\ta", PREFIX.format("20.0.0/8")),
        (b"020.0.0.0/8\ta", PREFIX.format("020.0.0.0/8")),
        (b"20.0.0.0/33\ta", PREFIX.format("20.0.0.0/33")),
        (b"20.0.0.0/-1\ta", PREFIX.format("20.0.0.0/-1")),
        (b"20.0.0.0/08\ta", PREFIX.format("20.0.0.0/08")),
        (b"20.0.0.0/8/8\ta", PREFIX.format("20.0.0.0/8/8")),
        (b"20.0.0.0/255.0.0.0\ta", PREFIX.format("20.0.0.0/255.0.0.0")),
        (b"20.0.0.0/8 \ta", PREFIX.format("20.0.0.0/8 ")),
        (b"\ta", PREFIX.format("")),
        (b"20.0.0.0\x00/8\ta", PREFIX.format(r"20.0.0.0\x00/8")),
        (b"\xff20.0.0.0/8\ta", PREFIX.format(r"\udcff20.0.0.0/8")),
        (b"\x1b[2J\ta", PREFIX.format(r"\x1b[2J")),
        (b"x" * 100 + b"\ta", PREFIX.format("x" * 59 + "…")),
        (b"20.0.0.1/8\ta", '"20.0.0.1/8" has bits set behind its length: write 20.0.0.0/8'),
        (
            b"2001:db8::/32\ta",
            '"2001:db8::/32" is IPv6 where IPv4 is wanted: '
            "give each family files of its own; --family says which these are",
        ),
        (b"20.0.0.0/8\t", HOP.format("").removeprefix('"" is ')),
        (b"20.0.0.0/8\ta b", HOP.format("a b")),
        (b"20.0.0.0/8\ta ", HOP.format("a ")),
        (b"20.0.0.0/8\ta\xc2\xa0b", HOP.format("a\\xa0b")),
        (b"20.0.0.0/8\ta,", HOP.format("a,")),
        (b"20.0.0.0/8\t,", HOP.format(",")),
        (b"20.0.0.0/8\t\xff", HOP.format(r"\udcff")),
        (b"20.0.0.0/8\t\x1b[2J", HOP.format(r"\x1b[2J")),
    ],
)
@pytest.mark.parametrize("name", ["t", "f", "p"])
def test_routes(name: str, line: bytes, fault: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / name).write_bytes(b"9.0.0.0/8\ta\n\n" + line + b"\n8.0.0.0/8\ta\n")
    assert refused(folder, capsys, "--family", "4") == [f"{name}:3: {fault}"]


@pytest.mark.parametrize("name", ["t", "f", "p"])
def test_a_prefix_with_two_next_hops(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / name).write_text("\n8.0.0.0/8\ta,b\n8.0.0.0/8\tb,a\n9.0.0.0/8\ta\n8.0.0.0/8\td\n")
    fault = '"8.0.0.0/8" goes to "d" here and to "a,b" in line 2: keep one of the two lines'
    assert refused(folder, capsys) == [f"{name}:5: {fault}"]


@pytest.mark.parametrize("name", ["f", "p"])
@pytest.mark.parametrize(("default", "hop"), [("d", "a"), ("none", "d")])
def test_another_default_route_in_the_fib(
    name: str, default: str, hop: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / name).write_text(f"0.0.0.0/0\t{hop}\n")
    fault = f'a default route to "{hop}": say with --default where the default goes'
    assert refused(folder, capsys, "--default", default) == [f"{name}:1: {fault}"]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"20.0.0.1", '"20.0.0.1" is not address<TAB>weight: put one tab between the two'),
        (b"20.0.0.0/8\t1", ADDRESS.format("20.0.0.0/8")),
        (b"20.0.0\t1", ADDRESS.format("20.0.0")),
        (b"20.0.0.1\t", WEIGHT.format("")),
        (b"20.0.0.1\tmuch", WEIGHT.format("much")),
        (b"20.0.0.1\t-1", WEIGHT.format("-1")),
        (b"20.0.0.1\tnan", WEIGHT.format("nan")),
        (b"20.0.0.1\tinf", WEIGHT.format("inf")),
        (b"20.0.0.1\t1e999", WEIGHT.format("1e999")),
        (b"20.0.0.1\t1_0", WEIGHT.format("1_0")),
        (b"20.0.0.1\t 1", WEIGHT.format(" 1")),
        (b"20.0.0.1\t\xd9\xa1", WEIGHT.format("\N{ARABIC-INDIC DIGIT ONE}")),
        (
            b"2001:db8::1\t1",
            '"2001:db8::1" is IPv6 where IPv4 is wanted: '
            "give each family files of its own; --family says which these are",
        ),
    ],
)
def test_weights(line: bytes, fault: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "w").write_bytes(b"1.0.0.1\t1\n" + line + b"\n")
    assert refused(folder, capsys) == [f"w:2: {fault}"]


def test_weights_beyond_all_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "w").write_text("1.0.0.1\t1e308\n1.0.0.2\t1e308\n")
    assert refused(folder, capsys) == ["w: the weights add up to more than a number can be: scale them down"]


def test_the_other_family_is_wrong_in_ipv6_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t").write_text("2001:db8::/32\ta\n20.0.0.0/8\ta\n2001:db8::/129\ta\n")
    (folder / "w").write_text("20.0.0.1\t1\n")
    other = "is IPv4 where IPv6 is wanted: give each family files of its own; --family says which these are"
    assert refused(folder, capsys) == [
        f't:2: "20.0.0.0/8" {other}',
        't:3: "2001:db8::/129" is no prefix: write an IPv6 address, a slash and a length from 0 to 128',
        f'w:1: "20.0.0.1" {other}',
    ]


def test_every_fault_of_every_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t").write_text("20.0.0.0/8\ta\n" + "x\n" * 10)
    (folder / "w").write_text("y\n" * 15)
    (folder / "f").write_text("z\n")
    found = refused(folder, capsys)
    places = [*(f"t:{line}" for line in range(2, 12)), *(f"w:{line}" for line in range(1, 11))]
    assert [line.split(": ")[0] for line in found] == [*places, "and 6 more faults"]


@pytest.mark.parametrize("option", ["--table", "--traffic", "--fixed", "--previous"])
def test_files_that_cannot_be_read(option: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = "name a file that you may read"
    assert refused(folder, capsys, option, "none.gz") == [
        f"none.gz: cannot be read: no such file or directory: {there}"
    ]
    (folder / "a\nfolder").mkdir()
    assert refused(folder, capsys, option, "a\nfolder") == [
        rf"a\nfolder: cannot be read: is a directory: {there}"
    ]
    (folder / "cut.gz").write_bytes(gzip.compress(b"20.0.0.0/8\ta\n")[:-9])
    assert refused(folder, capsys, option, "cut.gz") == ["cut.gz: a damaged gzip file: make it anew"]


def test_standard_input_is_read_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(folder, capsys, "--table", "-", "--fixed", "-") == [
        "-: standard input can be read only once: name files for the rest"
    ]


def test_a_default_that_is_no_next_hop(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(folder, capsys, "--default", "a b") == ["--default: " + HOP.format("a b")]


def test_more_is_installed_than_there_is_room_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "p").write_text("1.0.0.0/8\ta\n2.0.0.0/8\ta\n3.0.0.0/8\ta\n")
    assert refused(folder, capsys) == [
        "p: 3 entries, more than --capacity 2: give the capacity of the hardware that held them"
    ]


def test_output_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(folder, capsys, "--json", "no/out") == [
        "no/out: cannot be written: no such file or directory: name a file that you may write"
    ]


NEEDED = ["simulate", "--table", "t", "--default", "d"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ([], "--traffic is missing: name a file of lines address<TAB>weight"),
        (
            ["--traffic", "w", "--capacity", "5"],
            "--capacity or --strategy is missing: give both, or --curve without --json",
        ),
        (
            ["--traffic", "w", "--curve", "5", "--json", "out"],
            "--capacity or --strategy is missing: give both, or --curve without --json",
        ),
        (
            ["--traffic", "w", "--curve", "5", "--json", "-", "--capacity", "5", "--strategy", "top"],
            "--json and --curve both want standard output: name a file",
        ),
    ],
)
def test_options_that_do_not_go_together(
    options: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*NEEDED, *options]) == 2
    assert capsys.readouterr() == ("", f"arm simulate: {fault}\n")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--capacity", "-1"], "not a whole number"),
        (["--capacity", "1e3"], "not a whole number"),
        (["--capacity", "1000000000"], "up to 9 digits"),
        (["--curve", "1,,2"], "not a whole number"),
        (["--strategy", "best"], "invalid choice"),
        (["--family", "5"], "invalid choice"),
        (["--discount", "0.96"], "not a number from 0 to 0.95"),
        (["--discount", "nan"], "not a number from 0 to 0.95"),
        (["--discount", "half"], "not a number from 0 to 0.95"),
    ],
)
def test_values_of_options(options: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*NEEDED, *options])
    assert fault in capsys.readouterr().err
