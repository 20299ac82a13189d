"""From datagrams to bytes per destination: read, account for losses, count once, add up. Pure.

The order matters. Losses are accounted for before anything is left out, because sequence numbers count
everything; a repeated datagram is left out before the direction is judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from arm.sflow.batch import Batch, decode_batch
from arm.sflow.counters import CounterStore
from arm.sflow.destinations import Destinations, aggregate, merge
from arm.sflow.direction import CountOnce, Direction
from arm.sflow.loss import LossAccount
from arm.sflow.sources import NONE, Sources, sources_of, together

COUNTERS_KEPT = 900.0  # seconds that an agent's counters are shown after its last word


class Intake:
    """What all agents say, until it is taken. `now` in seconds, never going back."""

    def __init__(self, direction: Direction, agents: Collection[bytes]) -> None:
        """`agents`: the only ones to listen to, 4 or 16 octets each; none listed means all."""
        self._allowed = frozenset(agents)
        self._once = CountOnce(direction)
        self._parts: list[Destinations] = []
        self._from: list[Sources] = []
        self.sources = NONE  # of the samples that were taken last
        self.loss = LossAccount()
        self.counters = CounterStore()
        self.malformed: Counter[str] = Counter()  # by kind
        self.refused = 0  # datagrams of agents that are not allowed
        self.unusable = 0  # samples that tell no address, or no sampling rate
        self.repeated = 0  # samples of packets that count at another port, or came in a repeated datagram
        self.discarded = 0  # samples of packets that the agent did not forward

    def allow(self, agents: Collection[bytes]) -> None:
        """Listen to others from now on."""
        self._allowed = frozenset(agents)

    def receive(self, datagrams: Sequence[bytes], now: float) -> None:
        """Take datagrams in; a few hundred at a time are read fastest."""
        if self._allowed:
            heard = [datagram for datagram in datagrams if _agent(datagram) in self._allowed]
            self.refused += len(datagrams) - len(heard)
            datagrams = heard
        if not datagrams:
            return
        batch = decode_batch(datagrams)
        self.malformed += batch.faults
        fresh = self.loss.account(batch, now)
        chosen = fresh & self._once.chosen(batch.samples, batch.agents, now)
        usable = (batch.samples.family != 0) & (batch.samples.sampling_rate != 0)
        self.repeated += int(np.count_nonzero(usable & ~chosen))
        self.unusable += int(np.count_nonzero(~usable))
        self._parts.append(aggregate(batch.samples, chosen))
        self._from.append(sources_of(batch.samples, chosen))
        self._keep_counters(batch, now)

    def take(self, now: float) -> Destinations:
        """Everything since the last call, added up by destination; `sources` has the same by source."""
        parts, self._parts = self._parts, []
        self.sources, self._from = together(self._from), []
        self.counters.forget(now - COUNTERS_KEPT)
        return merge(parts)

    def _keep_counters(self, batch: Batch, now: float) -> None:
        for _, datagram in batch.scalar:
            self.discarded += len(datagram.discards)
            for sample in datagram.counters:
                self.counters.add(datagram.agent, sample, now)


def _agent(datagram: bytes) -> bytes:
    """The agent's address as the datagram has it; empty if it has none."""
    if datagram[4:8] == b"\0\0\0\1":
        return datagram[8:12]
    return datagram[8:24] if datagram[4:8] == b"\0\0\0\2" else b""
