"""The picture of the kernel's table, against a plain table of everything that ever came and went."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from arm.fib.kernelpicture import KernelPicture, Routes
from arm.fib.routemessage import RTPROT_BIRD, RouteMessage
from arm.model import Family, KernelRoute, Prefix

FAMILY = Family.IPV4
PREFIXES = [Prefix("20.0.0.0/8"), Prefix("20.1.0.0/16"), FAMILY.default]
METRICS = (0, 512)
Plain = dict[tuple[Prefix, int], tuple[KernelRoute, bool]]


@st.composite
def arrivals(draw: st.DrawFn) -> RouteMessage:
    """A route that comes in the place of what had its prefix and metric, as `ip route replace` has it."""
    prefix, unicast = draw(st.sampled_from(PREFIXES)), draw(st.booleans())
    protocol, metric = draw(st.sampled_from([(RTPROT_BIRD, 512), (4, 0), (4, 512), (4, 600)]))
    gateways = draw(st.sampled_from([("10.0.0.2",), ("10.0.0.2", "10.0.0.3")])) if unicast else ()
    route = KernelRoute(
        prefix, gateways, protocol, offloaded=draw(st.booleans()), offload_failed=draw(st.booleans())
    )
    return RouteMessage(True, FAMILY, route, metric, unicast, True)


steps = st.lists(
    arrivals() | st.tuples(st.sampled_from(PREFIXES), st.sampled_from((0, 512, 600))), max_size=25
)


def play(events: Iterable[RouteMessage | tuple[Prefix, int]], plain: Plain) -> Iterable[RouteMessage]:
    """The messages for `events`, a place standing for "what is there goes"; `plain` is kept up to date."""
    for event in events:
        if isinstance(event, RouteMessage):
            plain[event.route.prefix, event.metric] = (event.route, event.unicast)
            yield event
        elif event in plain:
            route, unicast = plain.pop(event)
            yield RouteMessage(False, FAMILY, route, event[1], unicast, False)


def dumped(plain: Plain) -> list[RouteMessage]:
    return [
        RouteMessage(True, FAMILY, route, metric, unicast, False)
        for (_, metric), (route, unicast) in plain.items()
    ]


class Told:
    """What the picture tells, put together again."""

    def __init__(self) -> None:
        self.present: set[Prefix] = set()
        self.route: dict[Prefix, KernelRoute] = {}
        self.calls = 0
        self.gone: set[Prefix] = set()

    def on_change(self, _family: Family, prefix: Prefix, present: bool) -> None:
        assert (prefix in self.present) != present, "told twice"
        (self.present.add if present else self.present.discard)(prefix)

    def on_route(self, _family: Family, prefix: Prefix, route: KernelRoute | None) -> None:
        assert self.route.get(prefix) != route, "told of no change"
        self.calls += 1
        if route is None:
            del self.route[prefix]
            self.gone.add(prefix)
        else:
            self.route[prefix] = route


def agrees(picture: KernelPicture, told: Told, plain: Plain) -> None:
    """Everything that is shown and told is what the plain table says."""
    for prefix in PREFIXES[:-1]:
        places = [(metric, *found) for (p, metric), found in plain.items() if p == prefix]
        mine = [route for _, route, unicast in places if unicast and route.protocol == RTPROT_BIRD]
        others = [each for each in sorted(places, key=lambda each: each[0]) if each[1] not in mine]
        assert picture.routes[FAMILY].get(prefix) == (mine[0] if mine else None)
        assert picture.others[FAMILY].get(prefix) == (others[0][1] if others else None)
        best = min(places, key=lambda each: each[0], default=None)
        assert told.route.get(prefix) == (best[1] if best else None)
        assert (prefix in told.present) == bool(mine)
    shown = picture.routes[FAMILY].values()
    assert picture.accepted[FAMILY] == {route.prefix for route in shown if route.offloaded}
    assert picture.refused[FAMILY] == {route.prefix for route in shown if route.offload_failed}
    defaults = {m: r for (p, m), (r, unicast) in plain.items() if p == FAMILY.default and unicast}
    assert picture.defaults[FAMILY] == (defaults[min(defaults)] if defaults else None)


@given(steps)
def test_events_are_followed(events: list[RouteMessage | tuple[Prefix, int]]) -> None:
    plain: Plain = {}
    told = Told()
    picture = KernelPicture(told.on_change, told.on_route)
    for message in play(events, plain):
        picture.apply(message)
        agrees(picture, told, plain)


@given(steps, steps)
def test_a_dump_replaces_the_picture(
    before: list[RouteMessage | tuple[Prefix, int]], missed: list[RouteMessage | tuple[Prefix, int]]
) -> None:
    plain: Plain = {}
    told = Told()
    picture = KernelPicture(told.on_change, told.on_route)
    for message in play(before, plain):
        picture.apply(message)
    was = dict(plain)
    list(play(missed, plain))
    told.calls, told.gone = 0, set()
    picture.replace(FAMILY, Routes.of(dumped(plain)))
    agrees(picture, told, plain)
    assert told.calls <= len(PREFIXES), "once per prefix at most"
    assert not told.gone & {prefix for prefix, _ in plain}, "what is there is not told to be gone"
    if plain == was:
        assert told.calls == 0
    assert picture.replace(FAMILY, Routes.of(dumped(plain))) == 0


@given(steps, steps)
def test_a_dump_in_part_takes_nothing_away(
    before: list[RouteMessage | tuple[Prefix, int]], found: list[RouteMessage | tuple[Prefix, int]]
) -> None:
    plain: Plain = {}
    told = Told()
    picture = KernelPicture(told.on_change, told.on_route)
    for message in play(before, plain):
        picture.apply(message)
    told.gone = set()
    shown, default = set(picture.routes[FAMILY]), picture.defaults[FAMILY]
    others: Plain = {}
    list(play(found, others))
    picture.replace(FAMILY, Routes.of(dumped(others)), complete=False)
    assert not told.gone
    assert shown <= picture.routes[FAMILY].keys()
    assert default is None or picture.defaults[FAMILY] is not None


@given(steps, steps, st.sets(st.sampled_from(PREFIXES)))
def test_what_was_touched_since_stays(
    before: list[RouteMessage | tuple[Prefix, int]],
    older: list[RouteMessage | tuple[Prefix, int]],
    touched: set[Prefix],
) -> None:
    plain: Plain = {}
    told = Told()
    picture = KernelPicture(told.on_change, told.on_route)
    for message in play(before, plain):
        picture.apply(message)
    shown = {prefix: told.route.get(prefix) for prefix in touched}
    default = picture.defaults[FAMILY]
    old: Plain = {}
    list(play(older, old))
    picture.replace(FAMILY, Routes.of(dumped(old)), touched)
    assert {prefix: told.route.get(prefix) for prefix in touched} == shown
    assert FAMILY.default not in touched or picture.defaults[FAMILY] == default


def test_a_way_becomes_a_black_hole_in_two_messages() -> None:
    """IPv6, when the default goes and when it comes back: the new route comes before the old one goes."""
    told = Told()
    picture = KernelPicture(told.on_change, told.on_route)
    way, hole = (KernelRoute(PREFIXES[0], gateways, RTPROT_BIRD) for gateways in (("10.0.0.2",), ()))
    for old, new in ((None, way), (way, hole), (hole, way)):
        picture.apply(RouteMessage(True, FAMILY, new, 512, True, False))
        if old is not None:
            picture.apply(RouteMessage(False, FAMILY, old, 512, True, False))
        assert picture.routes[FAMILY] == {PREFIXES[0]: new}
        assert told.route == {PREFIXES[0]: new}
    assert told.present == {PREFIXES[0]}
    picture.apply(RouteMessage(False, FAMILY, way, 512, True, False))
    assert picture.routes[FAMILY] == {}
