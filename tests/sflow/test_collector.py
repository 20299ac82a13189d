"""Real sockets on loopback: what is let in, handed on and relayed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from ipaddress import ip_network

import pytest

from arm.model import ArmError
from arm.sflow.collector import Collector
from arm.sflow.direction import Direction
from arm.sflow.intake import Intake
from tests.sflow.build import datagram, ethernet, flow_sample, ipv4, ipv6, raw_header

SAMPLE = flow_sample(raw_header(ethernet(ipv4("20.1.2.3")), frame_length=500), source=1, rate=100)


def udp(address: str = "127.0.0.1") -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 0))
    sock.settimeout(5)
    return sock


def free_port(address: str = "127.0.0.1") -> int:
    with closing(udp(address)) as sock:
        return int(sock.getsockname()[1])


def run(collector: Collector, test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        collector.start(asyncio.get_running_loop().time())
        try:
            await test()
        finally:
            collector.stop()

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("did not happen")


def intake(*agents: bytes) -> Intake:
    return Intake(Direction.AUTO, agents)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_samples_arrive_over_ipv4_and_ipv6(address: str) -> None:
    port = free_port(address)
    collector = Collector(intake(), [(address, port)])

    async def test() -> None:
        with closing(udp(address)) as agent:
            for sequence in range(1, 1301):  # more than one batch
                agent.sendto(datagram(SAMPLE, sequence=sequence), (address, port))
        await until(lambda: collector.datagrams == 1300)
        found, seconds = collector.take(asyncio.get_running_loop().time())
        assert found.addresses(4) == [bytes((20, 1, 2, 3))]
        assert found.bytes.tolist() == [1300 * 500 * 100]
        assert seconds > 0
        assert len(collector.take(asyncio.get_running_loop().time())[0]) == 0

    run(collector, test)


def test_what_waits_in_the_socket_belongs_to_the_interval_that_ends() -> None:
    """The event loop may have been kept from reading for seconds."""
    port = free_port()
    collector = Collector(intake(), [("127.0.0.1", port)])

    async def test() -> None:
        with closing(udp()) as agent:
            for number in range(700):  # more than are read at a time
                agent.sendto(datagram(SAMPLE, sequence=number + 1), ("127.0.0.1", port))
        time.sleep(0.05)  # nobody reads
        traffic, _ = collector.take(asyncio.get_running_loop().time())
        assert traffic.samples.sum() == 700

    run(collector, test)


def test_only_named_senders_and_agents_are_heard() -> None:
    port = free_port()
    heard = intake(socket.inet_aton("10.0.0.1"))
    collector = Collector(heard, [("127.0.0.1", port)], sources=[ip_network("127.0.0.2/32")])

    async def test() -> None:
        with closing(udp("127.0.0.2")) as friend, closing(udp()) as stranger:
            stranger.sendto(datagram(SAMPLE), ("127.0.0.1", port))
            friend.sendto(datagram(SAMPLE, agent="10.0.0.9"), ("127.0.0.1", port))
            friend.sendto(datagram(SAMPLE, agent="2001:db8::1"), ("127.0.0.1", port))
            friend.sendto(datagram(SAMPLE), ("127.0.0.1", port))
            friend.sendto(b"no sFlow", ("127.0.0.1", port))
        await until(lambda: collector.datagrams + collector.refused == 5)
        found, _ = collector.take(asyncio.get_running_loop().time())
        assert found.samples.tolist() == [1]
        assert (collector.refused, heard.refused) == (1, 3)

    run(collector, test)


def test_an_ipv4_sender_is_known_by_its_ipv4_address_on_an_ipv6_socket() -> None:
    port = free_port("::")
    collector = Collector(intake(), [("::", port)], sources=[ip_network("127.0.0.0/8")])

    async def test() -> None:
        with closing(udp()) as agent:
            agent.sendto(datagram(SAMPLE), ("127.0.0.1", port))
        await until(lambda: collector.datagrams == 1)

    run(collector, test)


def test_datagrams_are_relayed_unchanged_and_a_dead_target_costs_nothing() -> None:
    port, dead = free_port(), free_port()
    with closing(udp()) as other:
        target = other.getsockname()
        collector = Collector(intake(), [("127.0.0.1", port)], relay=[("127.0.0.1", dead), target[:2]])
        sent = [datagram(SAMPLE, sequence=1), b"not even sFlow", datagram(SAMPLE, sequence=2)]

        async def test() -> None:
            with closing(udp()) as agent:
                for data in sent:
                    agent.sendto(data, ("127.0.0.1", port))
            await until(lambda: collector.datagrams == 3)

        run(collector, test)
        assert [other.recv(65535) for _ in sent] == sent


def test_malformed_datagrams_are_counted_by_kind_and_the_rest_is_used() -> None:
    received = intake()
    good = datagram(SAMPLE, sequence=1)
    received.receive([good, b"", datagram(SAMPLE, SAMPLE, sequence=2)[:-8]], 0.0)
    assert received.take(0.0).samples.tolist() == [2]
    assert received.malformed.total() == 2
    assert set(received.malformed) == {"short", "truncated-sample"}


def test_a_packet_sampled_twice_and_a_datagram_sent_twice_count_once() -> None:
    header = raw_header(ethernet(ipv6("2a00::5")), frame_length=100)
    into = flow_sample(header, source=1, input_word=1, output_word=2)
    out = flow_sample(header, source=2, input_word=1, output_word=2)
    received = intake()
    both = datagram(into, out)
    received.receive([both, both], 0.0)
    assert received.take(0.0).samples.tolist() == [1]
    assert received.repeated == 3
    assert received.loss.totals.datagrams_repeated == 1


def test_a_port_in_use_is_a_clear_error() -> None:
    with closing(udp()) as holder:
        collector = Collector(intake(), [holder.getsockname()[:2]])
        with pytest.raises(ArmError, match=r"cannot receive sFlow on 127\.0\.0\.1 port .*in use"):
            run(collector, lambda: asyncio.sleep(0))
