"""What the page shows, put together from what the rooms know. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from ipaddress import ip_address

from arm.family import FamilyLoop
from arm.fib.compare import Differences
from arm.health import Finding
from arm.lifecycle import State
from arm.model import (
    ActiveRoute,
    AgentCounters,
    ArmError,
    Entry,
    Family,
    FamilyStatus,
    KernelRoute,
    Prefix,
)
from arm.rib.table import RouteTable
from arm.sflow.counters import CounterStore

SILENT = 30.0  # seconds without sFlow that are worth a word
PATIENCE = 10.0  # seconds that a session may take to come up
NOTABLE = 1e-4  # share of traffic sent astray that is worth a word


@dataclass(frozen=True, slots=True)
class Watched:
    """One family as all rooms see it at one moment."""

    loop: FamilyLoop
    active: Sequence[tuple[Prefix, float]]  # with traffic, the heaviest first, in bytes per second
    state: State
    capacity: int
    rib_routes: int
    table: RouteTable
    default_route: bool
    wanted: Mapping[Prefix, Entry]
    told: Mapping[Prefix, Entry]
    kernel: Mapping[Prefix, KernelRoute]
    differences: Differences

    @property
    def installed(self) -> int:
        """Entries that BIRD was told and the kernel shows."""
        return len(self.told.keys() & self.kernel.keys())


def family_status(watched: Watched, unseen: float) -> FamilyStatus:
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
        misforwarded=loop.coverage.astray,
    )


def active_routes(watched: Watched, since: Mapping[Prefix, float]) -> Iterator[ActiveRoute]:
    """The route table: what carries traffic by rate, then what is in the kernel without traffic."""
    ranked = [(prefix, rate * 8) for prefix, rate in watched.active]
    active = {prefix for prefix, _ in ranked}
    ranked += [(prefix, 0.0) for prefix in watched.kernel if prefix not in active]
    for rank, (prefix, rate) in enumerate(ranked, 1):
        route = watched.table.get(prefix)
        entry = watched.told.get(prefix)
        yield ActiveRoute(
            rank=rank,
            prefix=prefix,
            family=watched.loop.family,
            bits_per_second=rate,
            next_hop=route.next_hop if route is not None else None,
            as_path=route.attributes.as_path_text if route is not None else "",
            wanted=prefix in watched.wanted,
            announced=prefix in watched.told,
            in_kernel=prefix in watched.kernel,
            since=since.get(prefix),
            kind=entry.kind.name.lower() if entry is not None else None,
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


def findings(
    watched: Mapping[Family, Watched],
    *,
    sessions_down: Mapping[str, float],
    bird_error: ArmError | None,
    import_limit_hit: bool,
    held_back: Sequence[Family] = (),
    sflow_silent: float,
    sflow_dropped: int,
) -> Iterator[Finding]:
    """Everything that is not as it should be.

    `sessions_down`: seconds for which each session that is down has been; `sflow_silent`: seconds since the
    last datagram.
    """
    if bird_error is not None:
        yield Finding("bird-silent", bird_error.problem, bird_error.remedy, critical=True)
    for name, seconds in sessions_down.items():
        if seconds > PATIENCE:
            yield Finding(
                f"{name}-down",
                f"the {name} session with BIRD is down",
                "BIRD connects by itself; see `birdc show protocols` and the log of ARM",
                critical=True,
            )
    if import_limit_hit:
        yield Finding(
            "import-limit",
            "BIRD refuses entries: the import limit of the return session is hit",
            "set ARM_LIMIT4/6 in BIRD's local.conf no lower than capacity.ipv4/ipv6, then reload the session",
            critical=True,
        )
    for family in held_back:
        yield Finding(
            "check-failed",
            f"a choice of {family.title} entries failed its proof and was held back: the one before it stays",
            "report it with the file misforwarding-*.npz in state.directory",
            family,
            critical=True,
        )
    if sflow_silent > SILENT:
        yield Finding(
            "no-sflow",
            "no sFlow datagrams arrive: the choice of entries rests on older traffic",
            "check the sFlow agent and its collector address (sflow.listen)",
            critical=True,
        )
    if sflow_dropped:
        yield Finding(
            "sflow-dropped",
            f"{sflow_dropped} sFlow datagrams were dropped because ARM was too slow",
            "raise the sampling rate's N on the agent, or give ARM more CPU",
        )
    for each in watched.values():
        yield from _family_findings(each)


def _family_findings(watched: Watched) -> Iterator[Finding]:
    family = watched.loop.family
    if watched.state is State.OFF:
        return
    if watched.state is State.LEARNING:
        yield Finding(
            "learning",
            f"the {family.title} table is being learned ({watched.rib_routes} routes so far); entries stay",
            "wait; this ends with BIRD's end-of-RIB",
            family,
        )
    if not watched.default_route:
        yield Finding(
            "no-default",
            f"the kernel has no {family.title} default route: nothing new is installed",
            "have a neighbour announce a default, or add a static one to BIRD's full table",
            family,
            critical=True,
        )
    differences = watched.differences
    for name, prefixes, text, remedy in (
        (
            "missing",
            differences.missing,
            "announced but not in the kernel",
            "see BIRD's log and its import limit",
        ),
        ("hardware-refused", differences.failed, "refused by the hardware", "lower the capacity in arm.toml"),
    ):
        if prefixes:
            shown = ", ".join(prefixes[:3])
            text = f"{len(prefixes)} {family.title} entries are {text} ({shown}…)"
            yield Finding(name, text, remedy, family, critical=True)
    astray = watched.loop.coverage.astray
    if astray is not None and astray > NOTABLE:
        yield Finding(
            "misforwarding",
            f"{astray:.2%} of {family.title} traffic follows an entry that hides a more-specific route",
            "this is what the strategy `top` cannot avoid",
            family,
        )
