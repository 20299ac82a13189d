"""`arm decode`: what agents really send, one JSON object per line.

Exit codes: 0 fine, 1 something was malformed (reported, the rest is printed), 2 a file cannot be read.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from arm.log import printable
from arm.model import ArmError
from arm.sflow import counters as counter_records
from arm.sflow.capture import Defect, datagrams
from arm.sflow.wire import CounterSample, Datagram, FlowSample, MalformedError, decode

_SAMPLES = {
    1: "flow sample",
    2: "counter sample",
    3: "expanded flow sample",
    4: "expanded counter sample",
    5: "discarded packet",
}
_DESCRIPTIONS = {1: "raw header", 2: "sampled Ethernet", 3: "sampled IPv4", 4: "sampled IPv6"}


def run(paths: Sequence[Path], counters: bool = False, summary: bool = False) -> int:
    """Print what the files hold and return the exit code."""
    command = _Decode(counters, summary)
    try:
        for path in paths:
            command.file(path)
        command.finish()
        sys.stdout.flush()
    except BrokenPipeError:  # `arm decode … | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at exit
    return command.code


class _Decode:
    """One run of the command: the exit code and the totals so far."""

    def __init__(self, counters: bool, summary: bool) -> None:
        self.code = 0
        self._counters = counters
        self._summary = summary
        self._totals: Counter[tuple[str, str]] = Counter()  # by agent and format

    def file(self, path: Path) -> None:
        """Decode one file."""
        try:
            for number, found in enumerate(datagrams(path)):
                self._datagram(path, number, found)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._report(2, f"{path}: {error.strerror}")
        except ArmError as error:
            self._report(2, f"{path}: {error.problem}: {error.remedy}")

    def finish(self) -> None:
        """The totals, if asked for."""
        if self._summary:
            for line in _table(self._totals):
                print(line)

    def _datagram(self, path: Path, number: int, found: bytes | Defect) -> None:
        place = f"{path}: datagram {number}"
        if isinstance(found, Defect):
            self._malformed(place, "-", found.reason)
            return
        try:
            datagram = decode(found)
        except MalformedError as fault:
            self._malformed(place, "-", str(fault))
            return
        if datagram.fault is not None:
            self._malformed(place, _text(datagram.agent), str(datagram.fault))
        if self._summary:
            self._totals.update((_text(datagram.agent), form) for form in _formats(datagram))
            return
        for line in _lines(datagram, {"file": str(path), "datagram": number}, self._counters):
            print(json.dumps(line))

    def _malformed(self, place: str, agent: str, reason: str) -> None:
        self._report(1, f"{place}: {reason}")
        self._totals[agent, f"malformed: {re.sub(' at octet .*', '', reason)}"] += 1

    def _report(self, code: int, text: str) -> None:
        sys.stdout.flush()  # what was read before it comes before it
        print(printable(f"arm decode: {text}"), file=sys.stderr)
        self.code = max(self.code, code)


def _lines(datagram: Datagram, place: dict[str, Any], counters: bool) -> Iterator[dict[str, Any]]:
    origin = {**place, "agent": _text(datagram.agent), "sub_agent": datagram.sub_agent}
    for sample in datagram.samples:
        yield origin | _flow(sample)
    if counters:
        for each in datagram.counters:
            for record in counter_records.read(each):
                yield origin | _counter(each, record)


def _flow(sample: FlowSample) -> dict[str, Any]:
    """The keys of a flow sample; null is what the datagram does not tell."""
    packet = sample.packet
    found = packet.addresses
    return {
        "sequence": sample.sequence,
        "source_id": _source(sample),
        "sampling_rate": sample.sampling_rate,
        "drops": sample.drops,
        "input": _interface(sample.input),
        "output": _interface(sample.output),
        "frame_length": None if sample.record_kind is None else sample.frame_length,
        "src": None if found is None else _text(found.source),
        "dst": None if found is None else _text(found.destination),
        "vlans": None if packet.vlans is None else list(packet.vlans),
        "protocol": packet.ip_protocol,
    }


def _counter(sample: CounterSample, record: counter_records.Counters) -> dict[str, Any]:
    return {
        "sequence": sample.sequence,
        "source_id": _source(sample),
        "counters": _name(record),
        "values": asdict(record),
    }


def _interface(interface: tuple[int, int]) -> dict[str, int]:
    return {"format": interface[0], "value": interface[1]}


def _source(sample: FlowSample | CounterSample) -> str:
    """Class and index, as sflowtool writes them."""
    kind, index = sample.source_id
    return f"{kind}:{index}"


def _text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def _name(record: counter_records.Counters) -> str:
    """HostCpu: "host cpu"."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", type(record).__name__).lower()


def _formats(datagram: Datagram) -> Iterator[str]:
    """Everything that is counted in a datagram, by format (enterprise:number)."""
    yield "datagram"
    for kind in datagram.kinds:
        yield f"{_SAMPLES.get(kind, 'sample of unknown kind')} {_format(kind)}"
    described_by = [each.record_kind for each in datagram.samples]
    described_by += [each.record_kind for each in datagram.discards]
    for described in described_by:
        if described is not None:
            yield f"packet as {_DESCRIPTIONS[described]} {_format(described)}"
    for each in datagram.counters:
        for kind, _ in each.records:
            yield f"counter record {_format(kind)}"
    if datagram.trailing:
        yield "octets behind the last sample, in datagrams"
    if datagram.overruns:
        yield "records longer than their sample, in datagrams"


def _format(kind: int) -> str:
    return f"{kind >> 12}:{kind & 0xFFF}"


def _table(totals: Counter[tuple[str, str]]) -> Iterable[str]:
    rows = [("agent", "format", "total")]
    rows += [(agent, form, str(total)) for (agent, form), total in sorted(totals.items())]
    first, second, third = (max(map(len, column)) for column in zip(*rows, strict=True))
    return [f"{agent:{first}}  {form:{second}}  {total:>{third}}" for agent, form, total in rows]
