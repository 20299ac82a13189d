"""What the samples do not tell: datagrams and samples that got lost, and what the switch could not sample.

Datagrams are numbered by each sub-agent, samples by each data source. A data source also counts the frames it
could have sampled (`pool`), and the samples that its switch dropped for want of resources (`drops`). A lost
datagram shows twice, as such and by its samples; the traffic unseen is reckoned from the samples alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arm.sflow.batch import Batch
from arm.sflow.groups import groups
from arm.sflow.latest import Latest
from arm.sflow.samples import Samples
from arm.sflow.sequence import SequenceGaps, ahead_of

_HOLD = 3600.0  # seconds: who was silent for longer begins anew
_MOST_AGENTS = 4096
_MOST_SOURCES = 65536
_OUT_OF_ORDER = 5000  # milliseconds of uptime: what is older by more was not late, but sent after a restart


@dataclass(slots=True)
class LossTotals:
    """Since start; none of them ever falls. Frames are samples times their sampling rate.

    A number counts as lost once it cannot be merely late any more.
    """

    datagrams: int = 0
    datagrams_lost: int = 0
    datagrams_repeated: int = 0
    restarts: int = 0  # of agents
    samples: int = 0
    samples_lost: int = 0
    samples_dropped: int = 0  # rises of `drops`
    frames_seen: int = 0
    frames_unseen: int = 0
    frames_offered: int = 0  # rises of `pool`


@dataclass(slots=True)
class _Agent:
    """One sub-agent's datagrams."""

    gaps: SequenceGaps
    uptime: int
    life: int = 0  # rises with every restart

    def see(self, sequence: int, uptime: int) -> bool:
        """A datagram came; false if it had come before."""
        gaps = self.gaps
        behind = ahead_of(sequence, gaps.highest) <= 0
        restarts = gaps.restarts
        first_time = gaps.see(sequence, behind and self.uptime - uptime > _OUT_OF_ORDER)
        self.life += gaps.restarts - restarts
        if gaps.highest == sequence:
            self.uptime = uptime
        return first_time


@dataclass(slots=True)
class _Source:
    """One data source's samples."""

    gaps: SequenceGaps
    drops: int
    pool: int
    life: int
    dropped: int = 0  # rises of `drops`
    offered: int = 0  # rises of `pool`

    def advance(self, count: int, drops: int, pool: int) -> None:
        """The next `count` samples came in order; these are the last one's counters."""
        self.gaps.advance(count)
        self._count(drops, pool)

    def see(self, sequence: int, drops: int, pool: int, life: int) -> None:
        """A sample came."""
        restarts = self.gaps.restarts
        self.gaps.see(sequence, life != self.life)
        self.life = life
        if self.gaps.restarts != restarts:
            self.drops, self.pool = drops, pool
        elif self.gaps.highest == sequence:
            self._count(drops, pool)

    def _count(self, drops: int, pool: int) -> None:
        """Counters that fall were set back, and tell nothing this time."""
        self.dropped += max(0, ahead_of(drops, self.drops))
        self.offered += max(0, ahead_of(pool, self.pool))
        self.drops, self.pool = drops, pool


@dataclass(frozen=True, slots=True)
class _Senders:
    """Who sent the datagrams of a batch."""

    keys: list[tuple[bytes, int]]  # address and sub-agent
    number: NDArray[np.int64]  # of each datagram's sender in `keys`
    life: NDArray[np.int64]  # of that sender when it sent the datagram
    repeated: list[int]  # datagrams that had come before


class LossAccount:
    """Follows the sequence numbers of all agents. `now` never goes back."""

    def __init__(self, half_life: float = 60.0) -> None:
        self.totals = LossTotals()
        self._half_life = half_life  # seconds after which frames count half in `unseen`
        self._agents: Latest[tuple[bytes, int], _Agent] = Latest(_HOLD, _MOST_AGENTS)
        self._sources: Latest[tuple[bytes, int, int, int], _Source] = Latest(_HOLD, _MOST_SOURCES)
        self._seen = self._missed = 0.0  # frames of late
        self._accounted = 0.0

    @property
    def unseen(self) -> float:
        """The share of traffic that the samples of late do not tell, 0 to 1."""
        return self._missed / (self._seen + self._missed) if self._missed else 0.0

    def account(self, batch: Batch, now: float) -> NDArray[np.bool_]:
        """Take a batch in; tells which of its samples came in a datagram that had not come before."""
        totals = self.totals
        seen, missed = totals.frames_seen, totals.frames_unseen
        senders = self._datagrams(batch, now)
        samples, fresh = batch.samples, np.ones(len(batch.samples), np.bool_)
        if senders.repeated:
            fresh = ~np.isin(samples.datagram, senders.repeated)
            samples = samples.take(fresh)
        totals.samples += len(samples)
        totals.frames_seen += int(samples.sampling_rate.sum(dtype=np.int64))
        self._samples(samples, senders, now)
        weight = 0.5 ** ((now - self._accounted) / self._half_life)
        self._accounted = now
        self._seen = self._seen * weight + totals.frames_seen - seen
        self._missed = self._missed * weight + totals.frames_unseen - missed
        return fresh

    def _datagrams(self, batch: Batch, now: float) -> _Senders:
        number, life = np.zeros((2, len(batch.readable)), np.int64)
        senders = _Senders([], number, life, [])
        readable = np.flatnonzero(batch.readable)
        order, starts = groups(batch.agent[readable], batch.sub_agent[readable])
        order = readable[order]
        sequence = batch.sequence[order]
        for start, end, in_order in _runs(sequence, starts):
            rows = order[start:end]
            key = batch.agents[batch.agent[rows[0]]], int(batch.sub_agent[rows[0]])
            senders.number[rows] = len(senders.keys)
            senders.keys.append(key)
            agent = self._agents.get(key, now)
            if agent is None:
                agent = _Agent(SequenceGaps(int(sequence[start])), int(batch.uptime[rows[0]]))
            self._agents.put(key, agent, now)
            self._follow(agent, batch, rows, in_order, senders)
        return senders

    def _follow(
        self, agent: _Agent, batch: Batch, rows: NDArray[np.intp], in_order: bool, senders: _Senders
    ) -> None:
        """One sub-agent's datagrams."""
        lost, life = agent.gaps.lost, agent.life
        sequence, uptime = batch.sequence[rows].tolist(), batch.uptime[rows].tolist()
        if in_order and ahead_of(sequence[0], agent.gaps.highest) == 1:
            agent.gaps.advance(len(rows))
            agent.uptime = uptime[-1]
            senders.life[rows] = life
        else:
            for row, *head in zip(rows.tolist(), sequence, uptime, strict=True):
                if not agent.see(*head):
                    senders.repeated.append(row)
                    self.totals.datagrams_repeated += 1
                senders.life[row] = agent.life
        self.totals.datagrams += len(rows)
        self.totals.datagrams_lost += agent.gaps.lost - lost
        self.totals.restarts += agent.life - life

    def _samples(self, samples: Samples, senders: _Senders, now: float) -> None:
        """All data sources' samples."""
        sender = senders.number[samples.datagram]
        columns = (sender, samples.source_class, samples.source_index)
        order, starts = groups(*columns)
        keys = zip(*(column[order[starts]].tolist() for column in columns), strict=True)
        sequence, drops, pool, rate = (
            column[order] for column in (samples.sequence, samples.drops, samples.pool, samples.sampling_rate)
        )
        life = senders.life[samples.datagram][order]
        for (number, *index), (start, end, in_order) in zip(keys, _runs(sequence, starts), strict=True):
            key = (*senders.keys[number], *index)
            first, last = int(sequence[start]), end - 1
            source = self._sources.get(key, now)
            if source is None:
                gaps = SequenceGaps(first)
                source = _Source(gaps, int(drops[start]), int(pool[start]), int(life[start]))
            self._sources.put(key, source, now)
            lost, dropped, offered = source.gaps.lost, source.dropped, source.offered
            if in_order and life[last] == source.life and ahead_of(first, source.gaps.highest) == 1:
                source.advance(end - start, int(drops[last]), int(pool[last]))
            else:
                span = slice(start, end)
                for each in zip(*(c[span].tolist() for c in (sequence, drops, pool, life)), strict=True):
                    source.see(*each)
            lost, dropped = source.gaps.lost - lost, source.dropped - dropped
            self.totals.samples_lost += lost
            self.totals.samples_dropped += dropped
            self.totals.frames_unseen += (lost + dropped) * int(rate[last])
            self.totals.frames_offered += source.offered - offered


def _runs(sequence: NDArray[np.uint32], starts: NDArray[np.intp]) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each group, and whether its sequence numbers rise by one."""
    follows = np.ones(len(sequence), np.bool_)
    follows[1:] = sequence[1:] - sequence[:-1] == 1
    follows[starts] = True
    in_order = np.logical_and.reduceat(follows, starts).tolist() if len(starts) else []
    bounds = [*starts.tolist(), len(sequence)]
    return zip(bounds[:-1], bounds[1:], in_order, strict=True)
