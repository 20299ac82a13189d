"""What the page shows, put together from what the rooms know. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address

from arm.family import FamilyLoop
from arm.fib.compare import Differences
from arm.health import Finding
from arm.lifecycle import State
from arm.model import (
    ActiveRoute,
    AgentCounters,
    ArmError,
    Attributes,
    Entry,
    Family,
    FamilyStatus,
    KernelRoute,
    Prefix,
)
from arm.picture_proof import LOOK, Proven, example
from arm.picture_rows import Carried
from arm.rib.table import RouteTable
from arm.sflow.counters import CounterStore

SILENT = 30.0  # seconds without sFlow that are worth a word
PATIENCE = 10.0  # seconds that a session may take to come up
NOTABLE = 1e-4  # share of traffic sent astray that is worth a word


@dataclass(frozen=True, slots=True)
class Watched:
    """One family as all rooms see it at one moment."""

    loop: FamilyLoop
    active: Sequence[tuple[Prefix, float]]  # with traffic, those first that are worth most to the choice
    state: State
    capacity: int
    rib_routes: int
    table: RouteTable
    default_route: bool
    wanted: Mapping[Prefix, Entry]
    told: Mapping[Prefix, Entry]
    kernel: Mapping[Prefix, KernelRoute]
    differences: Differences
    proven: Proven | None = None  # None: where traffic should go is not known now
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

    @property
    def installed(self) -> int:
        """Entries that BIRD was told and the kernel shows."""
        return sum(map(self.kernel.__contains__, self.told))


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
        hit_rate=loop.coverage.hit_rate,
        misforwarded=loop.coverage.astray,
        misforwarded_addresses=watched.proven.addresses if watched.proven is not None else None,
    )


def active_routes(watched: Watched, since: Mapping[Prefix, float]) -> Iterator[ActiveRoute]:
    """The route table: what carries traffic by its worth, then what is in the kernel without traffic."""
    carried = watched.carried if watched.carried is not None else Carried.of(watched.loop)
    rates = carried.rates()
    active = dict.fromkeys(prefix for prefix, _ in watched.active)
    paths: dict[int, tuple[Attributes, str]] = {}  # by identity: equal ones are shared, comparing costs more
    for rank, prefix in enumerate(active | dict.fromkeys(watched.kernel), 1):
        route = watched.table.get(prefix)
        entry = watched.told.get(prefix)
        bits, packets = rates.get(prefix, (0.0, 0.0))
        path = ""
        if route is not None:
            attributes = route.attributes
            if id(attributes) not in paths:
                paths[id(attributes)] = attributes, attributes.as_path_text
            path = paths[id(attributes)][1]
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
    strategy: str = "safe",
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
            "set ARM_LIMIT4/6 in BIRD's local.conf no lower than capacity.ipv4/ipv6, then "
            "`birdc configure` and restart ARM",
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
        yield from _misforwarding(each, strategy)


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
    if differences.missing:
        yield Finding(
            "missing",
            _entries(differences.missing, family, "announced but not in the kernel"),
            "see BIRD's log and its import limit",
            family,
            critical=True,
        )
    if differences.failed:
        yield Finding(
            "hardware-refused",
            _entries(differences.failed, family, "refused by the hardware"),
            "lower the capacity in arm.toml",
            family,
            critical=True,
        )


def _entries(prefixes: Sequence[Prefix], family: Family, what: str) -> str:
    return f"{len(prefixes)} {family.title} entries are {what} ({', '.join(prefixes[:3])}…)"


def _misforwarding(watched: Watched, strategy: str) -> Iterator[Finding]:
    family, astray = watched.loop.family, watched.loop.coverage.astray or 0.0
    if strategy == "top":
        if astray > NOTABLE and watched.state is not State.OFF:
            yield Finding(
                "misforwarding",
                f"{astray:.2%} of {family.title} traffic follows an entry that hides a more-specific route",
                "this is what the strategy `top` cannot avoid",
                family,
            )
        return
    wrong = watched.proven.lasting if watched.proven is not None else ()
    if not wrong:
        return
    some = f"{wrong.keys} {family.title} {'addresses' if family is Family.IPV4 else '/64 networks'}"
    place = example(family, wrong)
    share = f"; {astray:.2%} of the traffic goes astray" if astray > NOTABLE else ""
    yield Finding(
        "misforwarding",
        f"{some} have gone neither where the table says nor to the default for over {LOOK:g} s, "
        f"for example {place}{share}",
        f"see who put the route that covers {place} into the kernel (`ip route get`, `birdc show route for`)",
        family,
        critical=True,
    )
