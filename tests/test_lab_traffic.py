"""The lab's sender: frames that a switch accepts, and a mix that can be steered."""

import ipaddress
import socket
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from arm.model import Family, Prefix
from lab.active import ActivePrefix
from lab.frames import FrameBuilder
from lab.mix import Mix
from lab.traffic import Sender

OWN, GATEWAY = bytes.fromhex("021122334455"), bytes.fromhex("02000a090001")
SOURCES = {Family.IPV4: "10.9.0.11", Family.IPV6: "2001:db8:9::11"}
DESTINATIONS = ["20.1.2.3", "2a00:1450::ffff:1", "223.255.255.254", "2001:400::1"]

ACTIVE = [
    ActivePrefix(Prefix("20.0.0.0/24"), 0.5, ("20.0.0.1", "20.0.0.2")),
    ActivePrefix(Prefix("20.0.1.0/24"), 0.3, ("20.0.1.1",)),
    ActivePrefix(Prefix("2a00::/32"), 0.2, ("2a00::1",)),
]


def ones_complement_sum(words: bytes) -> int:
    total = sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_frames_parse_and_their_checksums_are_right() -> None:
    builder = FrameBuilder(OWN, GATEWAY, SOURCES)
    builder.add(DESTINATIONS[:1])
    builder.add(DESTINATIONS[1:])
    rng = np.random.default_rng(1)
    which = rng.integers(0, len(DESTINATIONS), 400)
    sizes = rng.integers(80, 1415, 400)
    frames = np.zeros((400, 1414), np.uint8)
    builder.fill(frames, which, sizes)
    for row, number, size in zip(frames, which.tolist(), sizes.tolist(), strict=True):
        frame, destination = row.tobytes()[:size], ipaddress.ip_address(DESTINATIONS[number])
        assert frame[:12] == GATEWAY + OWN
        if destination.version == 4:
            ip, udp = frame[14:34], frame[34:]
            assert frame[12:14] == bytes.fromhex("0800")
            assert int.from_bytes(ip[2:4], "big") == size - 14
            assert ones_complement_sum(ip) == 0xFFFF
            assert (ip[0], ip[8], ip[9]) == (0x45, 64, 17)
            assert socket.inet_ntoa(ip[12:16]) == SOURCES[Family.IPV4]
            assert ip[16:] == destination.packed
        else:
            ip, udp = frame[14:54], frame[54:]
            assert frame[12:14] == bytes.fromhex("86dd")
            assert int.from_bytes(ip[4:6], "big") == size - 54
            assert (ip[0], ip[6], ip[7]) == (0x60, 17, 64)
            assert ip[24:] == destination.packed
            pseudo = ip[8:] + len(udp).to_bytes(4, "big") + b"\0\0\0\x11"
            padded = udp + bytes(len(udp) % 2)
            assert ones_complement_sum(pseudo + padded) == 0xFFFF
            assert udp[6:8] != b"\0\0"
        assert int.from_bytes(udp[4:6], "big") == len(udp)
        assert not any(udp[8:])


def test_destinations_are_drawn_by_weight() -> None:
    mix = Mix(ACTIVE, drift=0.0, seed=1)
    drawn = Counter(mix.draw(100_000, np.random.default_rng(1)).tolist())
    assert [drawn[at] / 100_000 for at in range(4)] == pytest.approx([0.25, 0.25, 0.3, 0.2], abs=0.01)


def test_a_stopped_flow_does_not_raise_the_others() -> None:
    mix = Mix(ACTIVE, drift=0.0, seed=1)
    assert mix.set_running("20.0.1.0/24", False)
    assert mix.volume == pytest.approx(0.7)
    assert 2 not in mix.draw(10_000, np.random.default_rng(1))
    assert mix.weights()["20.0.1.0/24"] == 0
    assert mix.set_running("20.0.1.0/24", True)
    assert mix.volume == pytest.approx(1.0)
    assert not mix.set_running("20.0.2.0/24", False)


def test_drift_exchanges_ranks_within_a_family_and_alike_everywhere() -> None:
    active = [ActivePrefix(Prefix(f"20.0.{n}.0/24"), 1 / (n + 1), (f"20.0.{n}.1",)) for n in range(200)]
    active.append(ACTIVE[2])
    one, other = Mix(active, drift=0.5, seed=7), Mix(active, drift=0.5, seed=7)
    before = one.weights()
    for _ in range(60):
        one.step()
        other.step()
    after = one.weights()
    assert after == other.weights()
    assert sorted(after.values()) == sorted(before.values())
    assert after["2a00::/32"] == before["2a00::/32"]
    assert 60 <= sum(after[prefix] != before[prefix] for prefix in before) <= 100


@pytest.fixture
def sender_and_wire() -> Iterator[tuple[Sender, socket.socket]]:
    ours, wire = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    with ours, wire:
        yield Sender(wire, FrameBuilder(OWN, GATEWAY, SOURCES), Mix(ACTIVE, 0.0, 1), pps=1000, seed=1), ours


def received(ours: socket.socket) -> Counter[str]:
    found: Counter[str] = Counter()
    while True:
        try:
            frame = ours.recv(2000)
        except BlockingIOError:
            return found
        target = frame[30:34] if frame[12:14] == b"\x08\0" else frame[38:54]
        found[str(ipaddress.ip_address(target))] += 1


def test_the_sender_keeps_pace_and_counts_what_it_sent(
    sender_and_wire: tuple[Sender, socket.socket],
) -> None:
    sender, ours = sender_and_wire
    for _ in range(5):
        sender.advance(0.02)
    seen = received(ours)
    assert seen.total() == 100
    assert sender.command({"sent": True}) == {"sent": dict(seen)}


def test_it_does_not_make_up_for_a_long_stall(sender_and_wire: tuple[Sender, socket.socket]) -> None:
    sender, ours = sender_and_wire
    sender.advance(3600)
    assert received(ours).total() == 100


def test_commands(sender_and_wire: tuple[Sender, socket.socket]) -> None:
    sender, ours = sender_and_wire
    sender.command({"pause": True})
    sender.advance(0.1)
    assert not received(ours)
    sender.command({"pause": False})
    sender.command({"rate": 0})
    sender.command({"add": "203.0.116.10", "pps": 100})
    sender.command({"add": "2a10:ff03::10", "pps": 50})
    sender.advance(0.1)
    assert received(ours) == {"203.0.116.10": 10, "2a10:ff03::10": 5}
    sender.command({"remove": "203.0.116.10"})
    sender.advance(0.1)
    assert received(ours) == {"2a10:ff03::10": 5}
    sender.command({"remove": "2a10:ff03::10"})
    sender.command({"rate": 1000})
    for prefix in ("20.0.0.0/24", "2a00::/32"):
        sender.command({"stop": prefix})
    sender.advance(0.1)
    assert received(ours) == {"20.0.1.1": 30}
    assert sender.command({"weights": True})["weights"]["20.0.0.0/24"] == 0
    assert "error" in sender.command({"stop": "1.0.0.0/24"})
    assert "error" in sender.command({"no such thing": 1})


def test_what_the_queue_refuses_is_not_counted(sender_and_wire: tuple[Sender, socket.socket]) -> None:
    sender, ours = sender_and_wire
    ours.close()
    sender.advance(0.1)
    assert sender.command({"status": True}) == {"packets": 0, "refused": 100, "paused": False}
