"""What the page shows, put together from what the rooms know. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address

from arm.family import FamilyLoop
from arm.fib.compare import Differences, Fault
from arm.freeze.learning import Learning
from arm.freeze.reasons import Reason
from arm.lifecycle import State
from arm.model import (
    ActiveRoute,
    AgentCounters,
    BgpPath,
    Entry,
    FamilyStatus,
    HardwareStatus,
    KernelRoute,
    Prefix,
)
from arm.picture_proof import Proven
from arm.picture_rows import Carried
from arm.rib.indexed import IndexedTable
from arm.sflow.counters import CounterStore


@dataclass(frozen=True, slots=True)
class Watched:
    """One family as all rooms see it at one moment."""

    loop: FamilyLoop
    active: Sequence[tuple[Prefix, float]]  # with traffic, those first that are worth most to the choice
    state: State
    capacity: int
    rib_routes: int
    table: IndexedTable
    default_route: bool
    wanted: Mapping[Prefix, Entry]
    told: Mapping[Prefix, Entry]
    kernel: Mapping[Prefix, KernelRoute]
    installed: int  # entries that BIRD was told and the kernel shows
    differences: Differences
    reasons: Sequence[Reason] = ()  # to be frozen
    ceiling: int | None = None  # entries that the hardware had room for when it refused more
    proven: Proven | None = None  # None: where traffic should go is not known now
    learning: Learning | None = None  # how far it is
    never_came: Sequence[Prefix] = ()  # entries that were taken back as the kernel did not show them
    carried: Carried | None = None  # None: what the loop's meter says

    def frozen(self) -> Watched:
        """The same, for another thread to read while events go on."""
        return replace(
            self,
            wanted=dict(self.wanted),
            told=dict(self.told),
            kernel=dict(self.kernel),
            carried=Carried.of(self.loop),
        )


def family_status(watched: Watched, unseen: float, hardware: HardwareStatus | None = None) -> FamilyStatus:
    """One family's figures. `unseen`: the share of traffic that no sample told of, hits or not."""
    loop = watched.loop
    share, error = loop.coverage.share, loop.coverage.error
    if share is not None and error is not None:
        error = min(1.0, error + unseen * max(share, 1.0 - share))
    return FamilyStatus(
        family=loop.family,
        state=watched.state.value,
        rib_routes=watched.rib_routes,
        default_route=watched.default_route,
        capacity=watched.capacity,
        active=len(watched.active),
        wanted=len(watched.wanted),
        announced=len(watched.told),
        installed=watched.installed,
        missing=len(watched.differences.missing),
        unexpected=len(watched.differences.unexpected),
        bits_per_second=loop.bits_per_second,
        samples_per_second=loop.samples_per_second,
        coverage=share,
        coverage_error=error,
        hit_rate=loop.coverage.hit_rate,
        misforwarded=loop.coverage.astray,
        misforwarded_addresses=watched.proven.addresses if watched.proven is not None else None,
        hardware=hardware,
        misses=loop.misses.shares,
        rib_octets=watched.table.octets,
    )


def active_routes(watched: Watched, since: Mapping[Prefix, float]) -> Iterator[ActiveRoute]:
    """The route table: what carries traffic by its worth, then what differs, then the rest of the kernel."""
    carried = watched.carried if watched.carried is not None else Carried.of(watched.loop)
    rates = carried.rates()
    active = dict.fromkeys(prefix for prefix, _ in watched.active)
    differences = {prefix: fault.value for fault in Fault for prefix in watched.differences.of(fault)}
    paths: dict[BgpPath, str] = {}  # most lead to several prefixes
    for rank, prefix in enumerate(active | dict.fromkeys([*differences, *watched.kernel]), 1):
        route = watched.table.get(prefix)
        entry = watched.told.get(prefix)
        bits, packets = rates.get(prefix, (0.0, 0.0))
        path = ""
        if route is not None:
            if route.path not in paths:
                paths[route.path] = " ".join(map(str, route.path.as_path))
            path = paths[route.path]
        yield ActiveRoute(
            rank=rank,
            prefix=prefix,
            family=watched.loop.family,
            bits_per_second=bits,
            packets_per_second=packets,
            next_hop=route.next_hop if route is not None else None,
            as_path=path,
            wanted=prefix in watched.wanted,
            announced=prefix in watched.told,
            in_kernel=prefix in watched.kernel,
            since=since.get(prefix),
            kind=entry.kind.name.lower() if entry is not None else None,
            difference=differences.get(prefix),
        )


def agent_counters(store: CounterStore, now: float) -> Iterator[AgentCounters]:
    """Every agent's counters, as the page and the metrics name them."""
    for latest in store:
        kind = type(latest.counters).__name__
        yield AgentCounters(
            agent=str(ip_address(latest.agent)),
            source="{}:{}".format(*latest.source_id),
            kind=re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower(),
            age=latest.age(now),
            values=asdict(latest.counters),
        )
