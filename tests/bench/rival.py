"""sfacctd (pmacct) on the same datagrams with the same table, adding up by destination prefix."""

from __future__ import annotations

import shutil
import struct
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from arm.model import Family, Prefix
from tests.bench.table import networks_file

_CONFIGURATION = """\
daemonize: false
pcap_savefile: {folder}/load.pcap
pcap_savefile_replay: {replays}
plugins: print
print_refresh_time: 3600
print_output_file: {folder}/traffic
print_output: csv
print_cache_entries: 99991
aggregate: dst_net, dst_mask
networks_file: {folder}/networks
sfacctd_net: file
sfacctd_renormalize: true
plugin_pipe_size: 104857600
plugin_buffer_size: 102400
"""
_FEW, _MANY = 2, 22  # replays; their difference is free of the cost of starting and of reading the table
_LONGEST = 100.0  # seconds


@dataclass(frozen=True, slots=True)
class Rival:
    """CPU seconds that a sample costs each process, and the packets seen for each prefix."""

    core: float  # receives and decodes
    plugin: float  # looks up and adds up
    packets: dict[Prefix, int]


def measure(
    datagrams: Sequence[bytes], samples: int, table: dict[Family, list[Prefix]], folder: Path
) -> Rival | None:
    """None if sfacctd is not installed (Debian: pmacct)."""
    if shutil.which("sfacctd") is None:
        return None
    networks_file(table, folder / "networks")
    _write_pcap(datagrams, folder / "load.pcap")
    _run(folder, _FEW)  # the first run pays for memory that the others find at hand
    few, packets = _run(folder, _FEW), _packets(folder / "traffic")
    many = _run(folder, _MANY)
    replayed = (_MANY - _FEW) * samples
    core, plugin = ((after - before) / replayed for before, after in zip(few, many, strict=True))
    return Rival(core, plugin, {prefix: count // _FEW for prefix, count in packets.items()})


def _run(folder: Path, replays: int) -> tuple[float, float]:
    """CPU seconds of the core process and of the plugin."""
    configuration = folder / "sfacctd.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, replays=replays))
    started = time.monotonic()
    used: dict[int, float] = {}
    with subprocess.Popen(
        ["sfacctd", "-f", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            for pid in (process.pid, *_children(process.pid)):
                used[pid] = max(used.get(pid, 0.0), _cpu_seconds(pid))
            if time.monotonic() - started > _LONGEST:
                process.kill()
                raise TimeoutError(f"sfacctd is not done after {_LONGEST:.0f} s")
            time.sleep(0.01)
    core = used.pop(process.pid)
    return core, sum(used.values())


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []  # it has just ended


def _cpu_seconds(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / 100  # USER_HZ


def _packets(path: Path) -> dict[Prefix, int]:
    """What sfacctd printed."""
    packets = {}
    for line in path.read_text().splitlines()[1:]:
        network, length, count, _ = line.split(",")
        packets[Prefix(f"{network}/{length}")] = int(count)
    return packets


def _write_pcap(datagrams: Sequence[bytes], path: Path) -> None:
    """Each datagram in UDP, IPv4 and Ethernet."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, datagram in enumerate(datagrams):
            udp = struct.pack("!HHHH", 40000, 6343, 8 + len(datagram), 0) + datagram
            packet = bytes(12) + b"\x08\x00" + _ipv4(20 + len(udp)) + udp
            seconds, rest = divmod(number, 1000)
            out.write(
                struct.pack("<4I", 1_700_000_000 + seconds, rest * 1000, len(packet), len(packet)) + packet
            )


def _ipv4(length: int) -> bytes:
    loopback = bytes([127, 0, 0, 1])
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, 17, 0, loopback, loopback)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
