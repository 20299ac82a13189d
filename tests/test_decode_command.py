"""`arm decode`: its output word for word, every kind of file, every way to fail."""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from arm.cli import main
from tests.sflow.build import (
    counter_sample,
    datagram,
    discarded_packet,
    ethernet,
    expanded_flow_sample,
    flow_sample,
    ipv4,
    ipv6,
    raw_header,
    record,
    sample,
    sampled_ipv6,
)

DATA = os.environ.get("ARM_TEST_DATA")

RAW = raw_header(ethernet(ipv4("20.1.2.3"), vlans=(10, 20)), frame_length=1500)
PORT_NAME = record(1005, struct.pack("!I4s", 4, b"swp3"))
NETWORK = record(2006, struct.pack("!QIIIQIII", 1, 2, 3, 4, 2**64 - 1, 6, 7, 8))
EVERYTHING = datagram(
    flow_sample(RAW, source=3, rate=1000, input_word=3, output_word=0x40000102, sequence=8, drops=9),
    expanded_flow_sample(sampled_ipv6("2a00::5", length=99, protocol=6), source=5, rate=2000),
    flow_sample(source=0x02000001, rate=0, input_word=0x3FFFFFFF, output_word=0),
    discarded_packet(RAW, source=3),
    sample(99, bytes(8)),
    counter_sample(PORT_NAME, NETWORK, source=3, sequence=4),
    sub_agent=1,
)
PLAIN = datagram(flow_sample(RAW, source=3))

FLOWS = """\
{"file": "one.sflow", "datagram": 0, "agent": "10.0.0.1", "sub_agent": 1, "sequence": 8, "source_id": "0:3", \
"sampling_rate": 1000, "drops": 9, "input": {"format": 0, "value": 3}, \
"output": {"format": 1, "value": 258}, \
"frame_length": 1500, "src": "10.9.0.2", "dst": "20.1.2.3", "vlans": [10, 20], "protocol": 17}
{"file": "one.sflow", "datagram": 0, "agent": "10.0.0.1", "sub_agent": 1, "sequence": 1, "source_id": "0:5", \
"sampling_rate": 2000, "drops": 0, "input": {"format": 0, "value": 1}, "output": {"format": 0, "value": 2}, \
"frame_length": 99, "src": "2001:db8:9::2", "dst": "2a00::5", "vlans": null, "protocol": 6}
{"file": "one.sflow", "datagram": 0, "agent": "10.0.0.1", "sub_agent": 1, "sequence": 1, "source_id": "2:1", \
"sampling_rate": 0, "drops": 0, "input": {"format": 0, "value": 1073741823}, \
"output": {"format": 0, "value": 0}, \
"frame_length": null, "src": null, "dst": null, "vlans": null, "protocol": null}
"""
COUNTERS = """\
{"file": "one.sflow", "datagram": 0, "agent": "10.0.0.1", "sub_agent": 1, "sequence": 4, "source_id": "0:3", \
"counters": "port name", "values": {"name": "swp3"}}
{"file": "one.sflow", "datagram": 0, "agent": "10.0.0.1", "sub_agent": 1, "sequence": 4, "source_id": "0:3", \
"counters": "host network", "values": {"in_octets": 1, "in_packets": 2, "in_errors": 3, "in_drops": 4, \
"out_octets": null, "out_packets": 6, "out_errors": 7, "out_drops": 8}}
"""
SUMMARY = """\
agent        format                       total
-            malformed: version               1
10.0.0.1     counter record 0:1005            1
10.0.0.1     counter record 0:2006            1
10.0.0.1     counter sample 0:2               1
10.0.0.1     datagram                         2
10.0.0.1     discarded packet 0:5             1
10.0.0.1     expanded flow sample 0:3         1
10.0.0.1     flow sample 0:1                  3
10.0.0.1     malformed: truncated-sample      1
10.0.0.1     packet as raw header 0:1         3
10.0.0.1     packet as sampled IPv6 0:4       1
10.0.0.1     sample of unknown kind 0:99      1
2001:db8::1  datagram                         1
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files of each test are, and the working directory, so that their names are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("options", "expected"), [([], FLOWS), (["--counters"], FLOWS + COUNTERS)])
def test_one_line_for_each_sample(
    options: list[str], expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "one.sflow").write_bytes(EVERYTHING)
    assert main(["decode", *options, "one.sflow"]) == 0
    assert capsys.readouterr() == (expected, "")


def test_the_summary(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "one.sflow").write_bytes(EVERYTHING)
    (folder / "two.sflow").write_bytes(datagram(agent="2001:db8::1"))
    (folder / "three.sflow").write_bytes(
        datagram(flow_sample(RAW, source=3), flow_sample(RAW, source=3))[:-1]
    )
    (folder / "four.sflow").write_bytes(bytes(99))
    assert main(["decode", "--summary", "one.sflow", "two.sflow", "three.sflow", "four.sflow"]) == 1
    out, err = capsys.readouterr()
    assert out == SUMMARY
    assert len(err.splitlines()) == 2


def test_malformed_datagrams_are_reported_and_the_rest_is_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = datagram(flow_sample(RAW, source=3), flow_sample(RAW, source=3))[:-1]
    (folder / "cut.sflow").write_bytes(cut)
    (folder / "v4.sflow").write_bytes(struct.pack("!II", 4, 1) + bytes(40))
    (folder / "good.sflow").write_bytes(PLAIN)
    assert main(["decode", "cut.sflow", "v4.sflow", "good.sflow"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == ["cut.sflow", "good.sflow"]
    offset = len(datagram(flow_sample(RAW, source=3)))
    assert err == (
        f"arm decode: cut.sflow: datagram 0: truncated-sample at octet {offset}\n"
        "arm decode: v4.sflow: datagram 0: version at octet 0\n"
    )


# --- captures -----------------------------------------------------------------------------------------


def udp(payload: bytes, port: int = 6343, source: int = 50000) -> bytes:
    return struct.pack("!4H", source, port, 8 + len(payload), 0) + payload


def pcap(*packets: bytes, link: int = 1, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    """A capture file of these packets."""
    whole = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)
    for packet in packets:
        whole += struct.pack(order + "4I", 1, 2, len(packet), len(packet)) + packet
    return whole


IP4 = ipv4("10.0.0.9", payload=udp(PLAIN))
IP6 = ipv6("2001:db8::9", payload=udp(PLAIN))


def decode_capture(folder: Path, capture: bytes) -> int:
    (folder / "sflow.pcap").write_bytes(capture)
    return main(["decode", "sflow.pcap"])


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D], ids=["microseconds", "nanoseconds"])
def test_captures_of_every_byte_order(
    order: str, magic: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decode_capture(folder, pcap(ethernet(IP4), ethernet(IP6), order=order, magic=magic)) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["file"], line["datagram"]) for line in lines] == [("sflow.pcap", 0), ("sflow.pcap", 1)]
    assert all(line["dst"] == "20.1.2.3" for line in lines)


@pytest.mark.parametrize(
    ("link", "packets"),
    [
        pytest.param(1, [ethernet(IP4, (7, 8)), ethernet(IP6) + bytes(6)], id="Ethernet, VLANs, padding"),
        pytest.param(113, [bytes(14) + b"\x08\x00" + IP4, bytes(14) + b"\x86\xdd" + IP6], id="cooked"),
        pytest.param(113, [bytes(14) + b"\x81\x00\x00\x07\x08\x00" + IP4] * 2, id="cooked, VLAN"),
        pytest.param(276, [b"\x08\x00" + bytes(18) + IP4, b"\x86\xdd" + bytes(18) + IP6], id="cooked 2"),
        pytest.param(101, [IP4, IP6], id="raw"),
        pytest.param(228, [IP4, IP4], id="IPv4"),
        pytest.param(229, [IP6, IP6], id="IPv6"),
    ],
)
def test_captures_of_every_link(
    link: int, packets: list[bytes], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decode_capture(folder, pcap(*packets, link=link)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_sflow_on_any_port_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = [
        ethernet(ipv4("10.0.0.9", payload=udp(b"\0\0\0\4" + bytes(40), port=53))),
        ethernet(ipv4("10.0.0.9", protocol=6, payload=udp(PLAIN))),
        ethernet(ipv4("10.0.0.9", payload=b"\0\0")),
        bytes(12) + b"\x08\x06" + bytes(46),
        b"",
    ]
    elsewhere = ethernet(ipv4("10.0.0.9", payload=udp(PLAIN, port=9999)))
    assert decode_capture(folder, pcap(*other, elsewhere, *other)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    not_sflow = ethernet(ipv4("10.0.0.9", payload=udp(b"nonsense")))
    assert decode_capture(folder, pcap(not_sflow, elsewhere)) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["datagram"] == 1
    assert err == "arm decode: sflow.pcap: datagram 0: version at octet 0\n"


def test_fragments_are_reported_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = bytearray(IP4)
    first, later = bytearray(whole), bytearray(whole)
    first[6], later[7] = 0x20, 0x99
    six = ipv6("2001:db8::9", protocol=44, payload=bytes([17, 0, 0, 1, 0, 0, 0, 9]) + udp(PLAIN))
    six_later = ipv6("2001:db8::9", protocol=44, payload=bytes([17, 0, 9, 0, 0, 0, 0, 9]) + udp(PLAIN))
    capture = pcap(*(ethernet(bytes(each)) for each in (first, later, six, six_later, whole)))
    assert decode_capture(folder, capture) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    text = "a fragment; pieces of datagrams are not put together"
    assert err == "".join(f"arm decode: sflow.pcap: datagram {n}: {text}\n" for n in (0, 1))


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_capture_cut_short_is_read_up_to_there(
    cut: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decode_capture(folder, pcap(ethernet(IP4), ethernet(IP4))[:-cut]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert err == "arm decode: sflow.pcap: datagram 1: the capture ends inside a packet\n"


def test_a_damaged_capture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = pcap(ethernet(IP4)) + struct.pack("<4I", 1, 2, 2**31, 2**31) + bytes(99)
    assert decode_capture(folder, damaged) == 1
    assert "a packet of 2147483648 octets" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            bytes.fromhex("0a0d0d0a") + bytes(40),
            "this is pcapng: convert it, tcpdump -r sflow.pcap -w NEW.pcap, and decode that",
        ),
        (
            pcap(link=127),
            "a capture from a link of type 127: capture on an Ethernet interface, or with tcpdump -i any",
        ),
        (pcap()[:20], "the capture ends inside its header: capture anew"),
    ],
)
def test_captures_that_cannot_be_read(
    content: bytes, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decode_capture(folder, content) == 2
    assert capsys.readouterr() == ("", f"arm decode: sflow.pcap: {line}\n")


# --- files and pipes ----------------------------------------------------------------------------------


def test_files_that_cannot_be_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "good.sflow").write_bytes(PLAIN)
    (folder / "bad.sflow").write_bytes(b"")
    (folder / "a\nfolder").mkdir()
    assert main(["decode", "missing", "a\nfolder", "bad.sflow", "good.sflow"]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1, "the others are read all the same"
    assert err == (
        "arm decode: missing: No such file or directory\n"
        "arm decode: a\\nfolder: Is a directory\n"
        "arm decode: bad.sflow: datagram 0: short at octet 0\n"
    )


def test_a_file_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["decode"])
    assert "usage: arm decode" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough(folder: Path) -> None:
    (folder / "long.pcap").write_bytes(pcap(*[ethernet(IP4)] * 2000))
    command = [sys.executable, "-m", "arm", "decode", "long.pcap"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"file": "long.pcap"')
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""


@pytest.mark.skipif(not DATA, reason="set ARM_TEST_DATA to the folder with real sFlow datagrams")
def test_every_recorded_datagram(capsys: pytest.CaptureFixture[str]) -> None:
    """All 340; one is cut off, and nothing may hide what it is."""
    paths = sorted((Path(str(DATA)) / "sflow" / "raw").iterdir())
    assert main(["decode", "--counters", *map(str, paths)]) == 1
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert sum("sampling_rate" in line for line in lines) == 1870
    for line in lines:
        family = socket.AF_INET6 if ":" in line["agent"] else socket.AF_INET
        socket.inet_pton(family, line["agent"])
    (message,) = err.splitlines()
    assert message.endswith("gopacket_10.sflow: datagram 0: truncated-sample at octet 28")
