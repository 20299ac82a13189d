"""Of each reason that an explanation can give, one case."""

from __future__ import annotations

import pytest

from arm.family import Valuation
from arm.freeze.reasons import Reason
from arm.lifecycle import State
from arm.model import AsPathSegment, Attributes, Family, Prefix
from arm.selection.policy import Policy, Rule
from tests.explaining import Asked, host
from tests.familyworld import address, neighbour, prefix

FAMILIES = pytest.mark.parametrize("family", Family)


def names(asked: Asked, where: Prefix, sizes: dict[str, float] | None = None) -> list[str]:
    return [reason.name for reason in asked.ask(where, sizes).reasons]


@FAMILIES
def test_installed(family: Family) -> None:
    asked, where = Asked(family), prefix(family, 1)
    community = Attributes(
        as_path=(AsPathSegment("as-sequence", (64500, 64501)),),
        communities=((64500, 7),),
        large_communities=((64500, 1, 2),),
    )
    asked.around.announce(where, 2, community)
    asked.install(where, 2, offloaded=True)
    asked.active = [(prefix(family, 9), 3.0), (where, 2.0)]
    found = asked.ask(host(family, where), {address(where): 100.0})
    assert [reason.name for reason in found.reasons] == ["installed"]
    assert (found.verdict, found.rank, found.active) == ("served", 2, 2)
    assert found.entry is not None
    assert (found.entry.kind, found.entry.hardware, found.entry.since) == ("route", "yes", 1e9)
    assert found.entry.gateways == (neighbour(family, 2),) == (found.entry.next_hop,)
    assert found.route is not None
    assert found.route.as_path == "64500 64501"
    assert found.route.communities == ("64500:7", "64500:1:2")


@FAMILIES
def test_a_guard_names_what_it_guards_from(family: Family) -> None:
    asked, outer, inner = Asked(family), prefix(family, 1), prefix(family, 1, 2)
    asked.around.announce(outer, 2)
    asked.around.announce(inner, 3)
    asked.install(outer, 2)
    asked.install(inner, None)
    found = asked.ask(host(family, inner), {address(inner): 100.0})
    assert (found.verdict, found.reasons[0].name) == ("detour", "guarded")
    assert outer in found.reasons[0].text
    assert found.entry is not None
    assert (found.entry.kind, found.entry.next_hop) == ("guard", None)
    assert found.kernel.kind == "default"


@FAMILIES
def test_a_guard_below_what_is_not_ours(family: Family) -> None:
    asked, outer, middle, inner = Asked(family), prefix(family), prefix(family, 1), prefix(family, 1, 2)
    asked.around.announce(inner, 1)
    asked.around.fixed = {outer: (neighbour(family, 3),)}
    asked.around.install(outer, 3)
    asked.install(middle, None)
    asked.install(inner, None)
    found = asked.ask(host(family, inner))
    assert [reason.name for reason in found.reasons] == ["guarded", "follows-default"]
    assert f"the entry {outer} above" in found.reasons[0].text


@FAMILIES
def test_what_is_coming_above_changes_nothing_here(family: Family) -> None:
    asked, outer, inner = Asked(family), prefix(family, 1), prefix(family, 1, 2)
    for where in (outer, inner):
        asked.around.announce(where, 2)
    asked.want(outer, 2)
    asked.install(inner, 2)
    assert asked.ask(host(family, inner)).coming is None
    coming = asked.ask(host(family, outer)).coming
    assert coming is not None
    assert (coming.prefix, coming.wanted, coming.announced, coming.in_kernel) == (outer, True, False, False)


@FAMILIES
def test_what_leads_astray(family: Family) -> None:
    asked, outer, inner = Asked(family), prefix(family, 1), prefix(family, 1, 2)
    asked.around.announce(outer, 2)
    asked.around.announce(inner, 3)
    asked.install(outer, 2)
    assert asked.ask(host(family, inner)).verdict == "astray"
    assert names(asked, host(family, inner))[0] == "astray"
    assert asked.ask(outer).verdict == "several"
    assert "1 more-specific routes inside" in asked.ask(outer).reasons[0].text


@FAMILIES
def test_entries_inside_may_lead_elsewhere(family: Family) -> None:
    asked, outer = Asked(family), prefix(family, 1)
    asked.around.announce(outer, 2)
    asked.install(outer, 2)
    asked.install(prefix(family, 1, 2), None)
    found = asked.ask(outer)
    assert (found.full.kind, found.kernel.kind, found.verdict) == ("next hop", "several", "several")
    assert [reason.name for reason in found.reasons] == ["several"]
    assert found.reasons[0].text.startswith("entries inside")


@FAMILIES
def test_the_hardware(family: Family) -> None:
    asked, full, slow = Asked(family), prefix(family, 1), prefix(family, 2)
    for where, failed in ((full, True), (slow, False)):
        asked.around.announce(where, 2)
        asked.install(where, 2, failed=failed)
    assert names(asked, full)[0] == "refused"
    assert names(asked, slow)[0] == "not-offloaded"


@FAMILIES
def test_a_route_that_is_not_ours(family: Family) -> None:
    asked, where = Asked(family), prefix(family, 1)
    asked.around.fixed = {where: (neighbour(family, 3),)}
    asked.around.install(where, 3)
    found = asked.ask(host(family, where))
    assert found.entry is not None
    assert (found.entry.kind, found.entry.gateways) == ("foreign", (neighbour(family, 3),))
    assert [reason.name for reason in found.reasons] == ["foreign"]


@FAMILIES
def test_routing_says_why(family: Family) -> None:
    where, other = prefix(family, 1), prefix(family, 2)
    asked = Asked(family, policy=Policy(denials=[Rule(prefix=where)]))
    asked.around.announce(where, 2)
    asked.around.announce(other, 1)
    assert names(asked, where) == ["denied"]
    assert names(asked, other) == ["follows-default"]
    assert names(asked, prefix(family, 3)) == ["not-routed"]
    asked.around.announce(other, 2)
    asked.around.loop.peers_lost(frozenset({neighbour(family, 2)}))
    assert names(asked, other) == ["dead-peer"]
    asked.around.loop.peers_lost(frozenset())
    asked.around.loop.connected([])
    assert names(asked, other) == ["unreachable"]


@FAMILIES
def test_without_a_default_the_rest_goes_nowhere(family: Family) -> None:
    asked, where = Asked(family), prefix(family, 1)
    asked.around.default, asked.state = None, State.NO_DEFAULT
    asked.around.announce(where, 2)
    assert asked.ask(prefix(family, 2)).full.kind == "nowhere"
    assert names(asked, prefix(family, 2)) == ["not-routed"]
    assert names(asked, where, {address(where): 1.0}) == ["no-default", "new"]


@FAMILIES
@pytest.mark.parametrize("state", [State.OFF, State.STOPPED, State.LEARNING, State.OBSERVING])
def test_the_state_says_why(family: Family, state: State) -> None:
    asked, where = Asked(family), prefix(family, 1)
    asked.around.announce(where, 2)
    asked.state = state
    assert names(asked, where) == [state.value, "no-traffic"]


@FAMILIES
def test_frozen_since_and_because(family: Family) -> None:
    asked, where = Asked(family), prefix(family, 1)
    asked.around.announce(where, 2)
    asked.state, asked.reasons = State.FROZEN, [Reason("sflow-silent", "no sFlow", "look", 58.0, None)]
    because = asked.ask(where).reasons[0]
    assert (because.name, because.text) == ("frozen", "the choice has been frozen for 42 s: no sFlow")


@FAMILIES
def test_on_its_way(family: Family) -> None:
    asked, chosen, told = Asked(family), prefix(family, 1), prefix(family, 2)
    for where in (chosen, told):
        asked.around.announce(where, 2)
    asked.want(chosen, 2)
    asked.tell(told, 2)
    assert names(asked, chosen) == ["waiting"]
    assert names(asked, host(family, told)) == ["missing"]
    asked.blocked = True
    assert names(asked, chosen) == ["waiting", "import-limit"]


@FAMILIES
def test_traffic_says_why(family: Family) -> None:
    busy, idle, chosen = (prefix(family, number) for number in (1, 2, 3))
    asked = Asked(family)
    for where in (busy, idle, chosen):
        asked.around.announce(where, 2)
    asked.around.announce(prefix(family, 1, 1), 3)
    asked.install(chosen, 2)
    sizes = {address(busy): 100.0, address(chosen): 900.0}
    assert names(asked, idle, sizes) == ["no-traffic"]
    assert names(asked, host(family, busy), sizes) == ["new"]
    asked.active = [(chosen, 900.0), (busy, 100.0)]
    reason = asked.ask(host(family, busy), sizes).reasons[-1]
    assert reason.name == "no-room"
    assert "rank 2 of 2 with traffic, for 10 entries there is room" in reason.text
    assert "the least of the 1 chosen is worth 900; its 1 more-specific" in reason.text
    few = Asked(family, Valuation(60.0, minimum_rate=1e6))
    few.around.announce(busy, 2)
    assert names(few, busy, sizes) == ["below-minimum-rate"]


@FAMILIES
def test_a_pin_says_so(family: Family) -> None:
    where, other = prefix(family, 1), prefix(family, 2)
    asked = Asked(family, policy=Policy(pins=[Rule(prefix=where)]))
    asked.around.announce(where, 2)
    asked.around.announce(other, 2)
    assert names(asked, where) == ["pinned", "no-traffic"]
    asked.install(where, 2)
    asked.install(other, 2)
    assert names(asked, where) == ["installed", "pinned"]
    assert names(asked, other) == ["installed"]


def test_ipv6_routes_longer_than_keys() -> None:
    asked, block = Asked(Family.IPV6), prefix(Family.IPV6, 1, 2, 3)
    asked.around.announce(block, 2)
    asked.around.announce(prefix(Family.IPV6, 1, 2, 3, 4), 3)
    found = asked.ask(host(Family.IPV6, prefix(Family.IPV6, 1, 2, 3, 4)))
    assert found.route is not None
    assert found.route.prefix == prefix(Family.IPV6, 1, 2, 3, 4)
    assert found.covering == (block,)
    assert (found.full.kind, found.verdict, found.reasons[0].name) == ("several", "detour", "several")
