"""In words, why traffic to a prefix does or does not take an entry. Pure.

| name                | why                                                                                |
|---------------------|------------------------------------------------------------------------------------|
| installed           | an entry of ARM's sends it where the table says                                    |
| astray              | an entry sends it elsewhere: the strategy is `top`, or a change is on its way      |
| foreign             | the kernel has a route there that is not ARM's                                     |
| guarded             | an entry follows the default on purpose, below one that leads elsewhere            |
| refused             | the hardware refused the entry                                                     |
| not-offloaded       | the entry is in the kernel, and not in the hardware                                |
| several             | not all addresses of what was asked for go the same way                            |
| not-routed          | the BGP table has no route but the default                                         |
| denied              | a rule of `selection.denials`                                                      |
| dead-peer           | BIRD has lost the peer that is the next hop                                        |
| unreachable         | the next hop is in no connected network                                            |
| follows-default     | the default route leads to the same next hop                                       |
| pinned              | a rule of `selection.pins`                                                         |
| missing             | announced, and not in the kernel                                                   |
| waiting             | chosen, and not announced yet                                                      |
| import-limit        | BIRD lets nothing new in                                                           |
| off ... observing   | the family's state, by its name (lifecycle.py)                                     |
| no-traffic          | no sample lately                                                                   |
| below-minimum-rate  | less traffic than `selection.minimum_rate`                                         |
| no-room             | others carry more for their place                                                  |
| new                 | traffic, but not yet part of a choice                                              |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arm.explain_seen import Because, EntrySeen, Explanation
from arm.explain_traffic import Measured
from arm.lifecycle import State
from arm.model import Prefix
from arm.rib.hoptable import key_bits
from arm.rib.prefixmap import key

_STATES = {
    State.OFF: "the capacity of this family is 0",
    State.STOPPED: "the operator has all entries withdrawn (announce.mode)",
    State.LEARNING: "the BGP table is still being learned: entries stay as they are",
    State.NO_DEFAULT: "the kernel has no default route: nothing new is installed",
    State.OBSERVING: "ARM only observes (announce.mode): entries stay as they are",
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else decides. `frozen`: each reason to be, and for how many seconds it has held. `least`: worth
    per second of the least of the routes that were chosen; None: there are none."""

    state: State
    frozen: Sequence[tuple[str, float]]
    denied: bool
    pinned: bool
    dead: bool  # the peer that is the next hop
    reachable: bool  # is the next hop
    blocked: bool  # BIRD lets nothing new in
    over: Prefix | None  # the nearest entry above the one that decides that does not follow the default
    minimum: float  # worth per second
    least: float | None = None


def because(found: Explanation, known: Circumstances) -> Iterator[Because]:
    """Every reason that holds, the one that decides first."""
    entry = found.entry
    if entry is not None:
        yield from _by_entry(found, entry, known)
    if "several" in (found.full.kind, found.kernel.kind):
        yield Because("several", _several(found))
    yield from _routing(found, known)
    if entry is None or found.verdict == "detour":
        if found.full.kind not in ("default", "nowhere") and found.route is not None:
            yield from _on_its_way(found, known)
            yield from _state(known)
            yield from _traffic(found, found.of_route, known)
    elif known.pinned:
        yield Because("pinned", "a rule of selection.pins has it installed whatever traffic it carries")


def _several(found: Explanation) -> str:
    if key(found.asked)[1] >= key_bits(found.family):
        return "routes longer than /64 are in its /64: all of that follows the default"
    if found.full.kind != "several":
        return "entries inside send some of its addresses elsewhere: ask for one"
    return f"the {found.hidden} more-specific routes inside may lead elsewhere: ask for one"


def _by_entry(found: Explanation, entry: EntrySeen, known: Circumstances) -> Iterator[Because]:
    if entry.hardware == "refused":
        yield Because("refused", f"the hardware refused the entry {entry.prefix}")
    elif entry.hardware == "no":
        yield Because("not-offloaded", f"the entry {entry.prefix} is in the kernel, but not in the hardware")
    if entry.kind == "foreign":
        yield Because("foreign", f"the kernel's route {entry.prefix} is not ARM's, which leaves it alone")
    elif entry.kind == "guard":
        above = known.over
        text = f"the guard {entry.prefix} has it follow the default"
        if above is not None:
            text += f", so that the entry {above} above cannot take its traffic elsewhere"
        yield Because("guarded", text)
    elif found.verdict == "astray":
        text = f"the entry {entry.prefix} hides a more specific route: the strategy `top` cannot avoid that"
        yield Because("astray", text + "; with another one, a change is on its way to the kernel")
    elif found.verdict == "served":
        yield Because("installed", f"the entry {entry.prefix} ({entry.kind}) sends it where the table says")
    elif found.verdict == "detour" or found.route is None:
        yield Because("follows-default", f"the entry {entry.prefix} leads where the default does")


def _routing(found: Explanation, known: Circumstances) -> Iterator[Because]:
    route = found.route
    if route is None:
        if found.full.kind in ("default", "nowhere") and found.entry is None:
            yield Because("not-routed", "the BGP table has no route to it but the default")
    elif known.denied:
        yield Because(
            "denied", f"a rule of selection.denials keeps {route.prefix} out: it follows the default"
        )
    elif known.dead:
        yield Because(
            "dead-peer", f"BIRD has lost the peer {route.next_hop}: it follows the default until then"
        )
    elif not known.reachable:
        yield Because(
            "unreachable",
            f"the next hop {route.next_hop} is in no connected network: BIRD resolves it by the default",
        )
    elif found.full.kind == "default":
        yield Because("follows-default", "the default route leads to the same next hop: no entry is needed")


def _on_its_way(found: Explanation, known: Circumstances) -> Iterator[Because]:
    if known.pinned:
        yield Because(
            "pinned", "a rule of selection.pins wants it installed; there may be no room for all pins"
        )
    if found.coming is None:
        return
    prefix = found.coming.prefix
    if found.coming.announced:
        yield Because("missing", f"the entry {prefix} is announced, but the kernel does not show it (yet)")
    else:
        yield Because("waiting", f"the entry {prefix} is chosen, and waits for its turn or for room")
    if known.blocked:
        yield Because("import-limit", "BIRD lets nothing new in: its import limit was hit")


def _state(known: Circumstances) -> Iterator[Because]:
    if known.state in _STATES:
        yield Because(known.state.value, _STATES[known.state])
    for text, seconds in known.frozen:
        yield Because("frozen", f"the choice has been frozen for {seconds:.0f} s: {text}")


def _traffic(found: Explanation, measured: Measured | None, known: Circumstances) -> Iterator[Because]:
    if found.coming is not None or measured is None:
        return
    if measured.weight <= 0.0:
        yield Because("no-traffic", "no sample of its traffic has come lately")
    elif measured.weight < known.minimum:
        text = f"it is worth {amount(measured.weight)} a second"
        text += f", selection.minimum_rate asks for {amount(known.minimum)}"
        yield Because("below-minimum-rate", text)
    elif found.rank is None:
        yield Because("new", "it has traffic, but no choice has been made with it yet")
    else:
        text = (
            f"an entry costs more than it carries: it is worth {amount(measured.weight)} a second, rank "
            f"{found.rank} of {found.active} with traffic, for {found.capacity} entries there is room"
        )
        if known.least is not None:
            text += f"; the least of the {found.chosen} chosen is worth {amount(known.least)}"
        if found.hidden:
            text += f"; its {found.hidden} more-specific routes may need guards, which take room too"
        yield Because("no-room", text)


def amount(worth: float) -> str:
    """Three digits, or as many as there are before the point."""
    return f"{worth:,.0f}" if worth >= 100.0 else f"{worth:.3g}"
