"""Everything that is not as it should be, from what the rooms know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from arm.fib.hardware import Shortage
from arm.health import Finding
from arm.lifecycle import State
from arm.model import ArmError, Family, Prefix
from arm.picture import Watched
from arm.picture_proof import LOOK, example

PATIENCE = 10.0  # seconds that a session may take to come up
NOTABLE = 1e-4  # share of traffic sent astray that is worth a word


@dataclass(frozen=True, slots=True)
class Outside:
    """How all is doing that is not one family's."""

    sessions_down: Mapping[str, float]  # seconds since each went down, of those that are
    bird_error: ArmError | None = None
    blocked: Sequence[Family] = ()  # BIRD lets nothing new in
    reload_faults: Sequence[str] = ()  # why the last reload changed nothing
    save_error: ArmError | None = None  # why the last save failed
    hardware_error: ArmError | None = None  # why nobody says how full the hardware is
    shortages: Sequence[Shortage] = ()  # families that have more configured than there is room for
    remedies: Mapping[str, str] = field(default_factory=dict)  # for each session, were it down


def findings(
    watched: Mapping[Family, Watched], outside: Outside, *, strategy: str, sflow_dropped: int
) -> Iterator[Finding]:
    """Everything that is not as it should be. `sflow_dropped`: datagrams, since the start."""
    yield from _outside(outside)
    if sflow_dropped:
        yield Finding(
            "sflow-dropped",
            f"{sflow_dropped} sFlow datagrams were dropped because ARM was too slow",
            "raise the sampling rate's N on the agent, or give ARM more CPU",
        )
    for each in watched.values():
        if each.state is not State.OFF:
            yield from _state(each)
            yield from _frozen(each)
            yield from _ceiling(each)
            yield from _differences(each)
            yield from _misforwarding(each, strategy)


def _outside(outside: Outside) -> Iterator[Finding]:
    if outside.bird_error is not None:
        yield Finding("bird-silent", outside.bird_error.problem, outside.bird_error.remedy, critical=True)
    for name, seconds in outside.sessions_down.items():
        if seconds > PATIENCE:
            yield Finding(
                f"{name}-down",
                f"the {name} session with BIRD is down",
                outside.remedies.get(name, "see `birdc show protocols` and the log of ARM"),
                critical=True,
            )
    for family in outside.blocked:
        yield Finding(
            "import-limit",
            f"BIRD lets no new {family.title} entries in: the import limit of the return session was hit",
            f"set ARM_LIMIT{family.number} in BIRD's local.conf no lower than capacity.{family.label}, then "
            "`birdc configure`: ARM announces again what is missing",
            family,
            critical=True,
        )
    if outside.reload_faults:
        more = len(outside.reload_faults) - 1
        yield Finding(
            "reload-failed",
            outside.reload_faults[0] + (f" (and {more} more)" if more else ""),
            "see `arm check`; what was in force before stays until a reload succeeds",
        )
    if outside.hardware_error is not None:
        yield Finding("hardware-silent", outside.hardware_error.problem, outside.hardware_error.remedy)
    for each in outside.shortages:
        yield Finding(
            "beyond-hardware",
            f"{each.configured} {each.family.title} entries are configured, the hardware has room for "
            f"{each.room} ({each.installed} in the kernel and {each.available} free)",
            f"ARM makes do with these; set capacity.{each.family.label} in arm.toml to what there is",
            each.family,
        )
    if outside.save_error is not None:
        yield Finding("not-saved", outside.save_error.problem, outside.save_error.remedy)


def _state(watched: Watched) -> Iterator[Finding]:
    family = watched.loop.family
    if watched.state is State.LEARNING:
        yield Finding(
            "learning",
            f"the {family.title} table is being learned ({watched.learning}); entries stay",
            "wait; this ends with BIRD's end-of-RIB",
            family,
        )
    if watched.state is State.STOPPED:
        yield Finding(
            "withdrawn",
            f"{family.title} entries are withdrawn: everything follows the default",
            "`arm mode active` when ARM shall go on; `arm mode` says who wants it as it is",
            family,
        )
    if watched.state is State.OBSERVING:
        yield Finding(
            "observing",
            f"{family.title} entries stay as they are: ARM only observes",
            "`arm mode active` when ARM shall act; `arm mode` says who wants it as it is",
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


def _frozen(watched: Watched) -> Iterator[Finding]:
    family = watched.loop.family
    for reason in watched.reasons:
        if reason.name == "reflector-down":
            continue  # said above, and not of a family
        left = f"; for {reason.left:.0f} s more" if reason.left is not None else ""
        text = f"the choice of {family.title} entries is frozen: {reason.text}{left}"
        yield Finding(reason.name, text, reason.remedy, family, critical=True)


def _ceiling(watched: Watched) -> Iterator[Finding]:
    family = watched.loop.family
    if watched.ceiling is not None and watched.ceiling < watched.capacity:
        yield Finding(
            "capacity-reduced",
            f"the hardware took {watched.ceiling} {family.title} entries, {watched.capacity} are configured",
            "ARM makes do with these and tries more later; set the capacity in arm.toml to what there is",
            family,
        )


def _differences(watched: Watched) -> Iterator[Finding]:
    family = watched.loop.family
    differences = watched.differences
    if missing := list(dict.fromkeys((*differences.missing, *watched.never_came))):
        yield Finding(
            "missing",
            _entries(missing, family, "announced but not in the kernel"),
            "see BIRD's log and its import limit; ARM takes them back and tries again now and then",
            family,
            critical=True,
        )
    if differences.failed:
        yield Finding(
            "hardware-refused",
            _entries(differences.failed, family, "refused by the hardware"),
            "set the capacity in arm.toml to what the hardware has room for",
            family,
            critical=True,
        )
    if differences.wrong_next_hop:
        yield Finding(
            "wrong-next-hop",
            _entries(
                differences.wrong_next_hop, family, "in the kernel with another next hop than announced"
            ),
            "compare `ip route show PREFIX` with `birdc show route for PREFIX all`",
            family,
            critical=True,
        )
    if differences.not_offloaded:
        yield Finding(
            "not-offloaded",
            _entries(differences.not_offloaded, family, "in the kernel, but not in the hardware"),
            "wait for the switch's driver; see its log",
            family,
        )
    if differences.stuck:
        yield Finding(
            "stuck",
            _entries(differences.stuck, family, "withdrawn, but still in the kernel"),
            "see `birdc show route for PREFIX all`: does BIRD have a route of its own there?",
            family,
        )


def _entries(prefixes: Sequence[Prefix], family: Family, what: str) -> str:
    return f"{len(prefixes)} {family.title} entries are {what} ({', '.join(prefixes[:3])}…)"


def _misforwarding(watched: Watched, strategy: str) -> Iterator[Finding]:
    family, astray = watched.loop.family, watched.loop.coverage.astray or 0.0
    if strategy == "top":
        if astray > NOTABLE:
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
