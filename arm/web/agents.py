"""Pick from the agents' counters what was asked for, and put it in the order in which people look for it."""

from __future__ import annotations

from collections.abc import Sequence

from arm.model import AgentCounters
from arm.web.schemas import AgentQuery
from arm.web.search import address_order


def by_agent(records: Sequence[AgentCounters], query: AgentQuery) -> dict[str, list[AgentCounters]]:
    """The matching records of each agent: agents by address, their records by data source and kind."""
    agents: dict[str, list[AgentCounters]] = {}
    for record in records:
        if query.kind in (None, record.kind):
            agents.setdefault(record.agent, []).append(record)
    wanted = list(agents)
    if query.agent is not None:
        # Not as text: an IPv6 address has many spellings.
        asked = address_order(str(query.agent))
        wanted = [agent for agent in agents if address_order(agent) == asked]
    return {agent: sorted(agents[agent], key=_place) for agent in sorted(wanted, key=address_order)}


def _place(record: AgentCounters) -> tuple[str, int, str, str]:
    """0:9 stands before 0:10."""
    source_class, _, index = record.source.partition(":")
    return source_class, len(index), index, record.kind
