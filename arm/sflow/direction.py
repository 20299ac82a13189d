"""Count each packet once, though a switch may sample it twice: where it comes in and where it goes out.

A sample is an ingress sample if its data source is its input port, an egress sample if it is its output port.
Other data sources (a bridge, a VLAN, a device) see a packet once. "Ingress only" would lose packets: the only
port that samples may do so in both directions. So egress samples are ignored only while ingress samples of
the same agent, input port and output port arrive. A port that is not known, 0 or 0x3FFFFFFF (the router
itself), cannot be paired.

There are agents that never know the other port (hsflowd reading network interfaces): a packet is sampled on
its way from port 1 to the router itself, and again from the router itself to port 2. While no ingress sample
of an agent names an output port, those that do not name one stand for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from arm.sflow.groups import groups
from arm.sflow.latest import Latest
from arm.sflow.samples import Samples

UNKNOWN = 0
ITSELF = 0x3FFFFFFF

_HOLD = 300.0  # seconds: long enough for a port pair with little traffic to be sampled again
_MOST = 65536  # remembered port pairs; a large chassis has a few thousand in use

_Flags = NDArray[np.bool_]
_Ports = NDArray[np.uint32]


class Direction(Enum):
    """Which samples count: `sflow.direction`."""

    AUTO = "auto"
    INGRESS = "ingress"  # all but egress samples
    EGRESS = "egress"  # all but ingress samples


class CountOnce:
    """Remembers which agents report which packets where they come in. `now` never goes back."""

    def __init__(self, direction: Direction = Direction.AUTO, hold: float = _HOLD, most: int = _MOST) -> None:
        self._direction = direction
        self._hold = hold
        self._most = most
        self._noted: set[tuple[bytes, int, int]] = set()  # what was remembered at ...
        self._noted_at = -hold
        # When ingress samples last came, by agent, input and output port; UNKNOWN if it is not named.
        self._pairs: Latest[tuple[bytes, int, int], bool] = Latest(hold, most)
        self._naming: Latest[bytes, bool] = Latest(hold, most)  # ... of agents that name the output port
        self._blind: Latest[bytes, bool] = Latest(hold, most)  # ... of agents that do not

    def __len__(self) -> int:
        """Number of remembered port pairs."""
        return len(self._pairs)

    def chosen(self, samples: Samples, agents: Sequence[bytes], now: float) -> _Flags:
        """Which samples of a batch count; `agents` are the batch's."""
        ingress, egress = _directions(samples)
        if self._direction is Direction.INGRESS:
            return ~egress
        if self._direction is Direction.EGRESS:
            return ~ingress
        self._remember(set(_distinct(samples, ingress, agents)[0]), now)
        chosen = np.ones(len(samples), np.bool_)
        pairs, which = _distinct(samples, egress, agents)
        if pairs:
            chosen[egress] = ~np.array([self._repeated(*pair, now) for pair in pairs])[which]
        return chosen

    def _remember(self, pairs: set[tuple[bytes, int, int]], now: float) -> None:
        """Once for each pair in a tenth of the time that it is remembered for: a batch may have thousands."""
        now -= now % (self._hold / 10)
        if now != self._noted_at or len(self._noted) > self._most:
            self._noted_at = now
            self._noted.clear()
        new = pairs - self._noted
        self._noted |= new
        for agent, into, out in new:
            self._pairs.put((agent, into, out), True, now)
            (self._blind if out == UNKNOWN else self._naming).put(agent, True, now)

    def _repeated(self, agent: bytes, into: int, out: int, now: float) -> bool:
        """Do ingress samples of the packets of these egress samples arrive?"""
        if self._naming.get(agent, now):
            return into != UNKNOWN and self._pairs.get((agent, into, out), now) is True
        if into == UNKNOWN:
            return self._blind.get(agent, now) is True
        return self._pairs.get((agent, into, UNKNOWN), now) is True


def _directions(samples: Samples) -> tuple[_Flags, _Flags]:
    """Ingress samples and egress samples. What enters and leaves by the same port counts as ingress."""
    port = (samples.source_class == 0) & _known(samples.source_index)
    ingress = port & (samples.input_format == 0) & (samples.input_value == samples.source_index)
    egress = port & (samples.output_format == 0) & (samples.output_value == samples.source_index)
    return ingress, egress & ~ingress


def _known(port: _Ports) -> _Flags:
    known: _Flags = (port != UNKNOWN) & (port != ITSELF)
    return known


def _distinct(
    samples: Samples, rows: _Flags, agents: Sequence[bytes]
) -> tuple[list[tuple[bytes, int, int]], NDArray[np.intp]]:
    """The distinct (agent, input, output) among the rows, and which of them each row has."""
    columns = (
        samples.agent[rows],
        _port(samples.input_format[rows], samples.input_value[rows]),
        _port(samples.output_format[rows], samples.output_value[rows]),
    )
    order, starts = groups(*columns)
    which = np.empty(len(order), np.intp)
    which[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    numbers = zip(*(column[order[starts]].tolist() for column in columns), strict=True)
    return [(agents[number], into, out) for number, into, out in numbers], which


def _port(form: _Ports, value: _Ports) -> _Ports:
    """The port, UNKNOWN if it is none in particular."""
    return np.where((form == 0) & _known(value), value, np.uint32(UNKNOWN))
