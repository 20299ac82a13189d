"""What the kernel's table looks like, from its route messages. Pure.

Three kinds of routes: BIRD's, which ARM may have asked for; the default; and everybody else's (connected,
static, another daemon's, and whatever is thrown away on purpose, be it by BIRD), which are fixed for ARM.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from arm.fib.routemessage import RTPROT_BIRD, RouteMessage
from arm.model import Family, KernelRoute, Prefix

T = TypeVar("T")

_ByMetric = dict[int, KernelRoute]


@dataclass(slots=True)
class Routes:
    """One family's routes at one moment."""

    bird: dict[Prefix, KernelRoute] = field(default_factory=dict)
    bird_metric: int = 0  # BIRD gives all its routes the same (KERNEL_METRIC)
    others: dict[Prefix, _ByMetric] = field(default_factory=dict)
    defaults: _ByMetric = field(default_factory=dict)

    @staticmethod
    def of(dumped: Iterable[RouteMessage]) -> Routes:
        """The routes that a dump lists."""
        routes = Routes()
        for message in dumped:
            routes.take(message)
        return routes

    def take(self, message: RouteMessage) -> None:
        """A route came, changed or went."""
        _, family, route, metric, unicast, replaces = message
        prefix = route.prefix
        if prefix == family.default:
            _update(self.defaults, message, keep=unicast)
        elif unicast and route.protocol == RTPROT_BIRD:
            if message.new:
                self.bird[prefix], self.bird_metric = route, metric
                if replaces:
                    self._forget(prefix, metric)
            elif (left := _without(self.bird.get(prefix), route)) is not None:
                self.bird[prefix] = left
            else:
                self.bird.pop(prefix, None)
        elif message.new:
            _update(self.others.setdefault(prefix, {}), message)
            if replaces and metric == self.bird_metric:
                self.bird.pop(prefix, None)
        elif prefix in self.others:
            _update(self.others[prefix], message)
            if not self.others[prefix]:
                del self.others[prefix]

    def best(self, prefix: Prefix) -> KernelRoute | None:
        """What the kernel forwards by: the lowest metric."""
        mine, others = self.bird.get(prefix), self.others.get(prefix)
        if others is None:
            return mine
        metric = min(others)
        return mine if mine is not None and self.bird_metric < metric else others[metric]

    def _forget(self, prefix: Prefix, metric: int) -> None:
        others = self.others.get(prefix)
        if others is not None and others.pop(metric, None) is not None and not others:
            del self.others[prefix]


def _update(routes: _ByMetric, message: RouteMessage, *, keep: bool = True) -> None:
    if message.new and keep:
        routes[message.metric] = message.route
    elif message.new:
        if message.replaces:
            routes.pop(message.metric, None)
    elif (left := _without(routes.get(message.metric), message.route)) is not None:
        routes[message.metric] = left
    else:
        routes.pop(message.metric, None)


def _without(known: KernelRoute | None, gone: KernelRoute) -> KernelRoute | None:
    """What is left of a route: IPv6 takes the gateways of an ECMP group away one by one."""
    if known is None or known.gateways == gone.gateways:
        return None
    if not set(known.gateways) & set(gone.gateways):
        return (
            known  # it came in the place of the one that goes: a black hole and a way change in two messages
        )
    left = tuple(gateway for gateway in known.gateways if gateway not in gone.gateways)
    return replace(known, gateways=left) if left else None


class KernelPicture:
    """The newest picture of both families, and who is told of its changes.

    `on_change(family, prefix, present)`: a route of BIRD's came or went. `on_route(family, prefix, route)`:
    what the kernel does with a prefix, whoever's route it is. The default is in neither.
    """

    def __init__(
        self,
        on_change: Callable[[Family, Prefix, bool], None],
        on_route: Callable[[Family, Prefix, KernelRoute | None], None],
    ) -> None:
        self._on_change = on_change
        self._on_route = on_route
        self._now = {family: Routes() for family in Family}
        self.routes: dict[Family, dict[Prefix, KernelRoute]] = {f: self._now[f].bird for f in Family}
        self.others: dict[Family, dict[Prefix, KernelRoute]] = {family: {} for family in Family}
        self.defaults: dict[Family, KernelRoute | None] = dict.fromkeys(Family)
        self.touched: dict[Family, set[Prefix]] = {family: set() for family in Family}  # since last cleared
        self.accepted: dict[Family, set[Prefix]] = {family: set() for family in Family}  # by the hardware
        self.refused: dict[Family, set[Prefix]] = {family: set() for family in Family}
        self._held: dict[Family, set[Prefix]] = {family: set() for family in Family}  # see `hardware`

    def apply(self, message: RouteMessage) -> None:
        """One message of the kernel's."""
        family, prefix, now = message.family, message.route.prefix, self._now[message.family]
        before, had = now.best(prefix), prefix in now.bird
        if prefix in self._held[family] and message.route.protocol == RTPROT_BIRD:
            message = message._replace(route=replace(message.route, offloaded=True))
        now.take(message)
        self._show(family, prefix, before, had)

    def hardware(self, family: Family, came: Iterable[Prefix], went: Iterable[Prefix] = ()) -> None:
        """The hardware has these, and has those no longer: as good as the kernel's own flags, for platforms
        that do not set them."""
        now, held = self._now[family].bird, self._held[family]
        for prefixes, holds, note in ((went, False, held.discard), (came, True, held.add)):
            for prefix in prefixes:
                note(prefix)
                route = now.get(prefix)
                if route is not None and route.offloaded is not holds:
                    before = self._now[family].best(prefix)
                    now[prefix] = replace(route, offloaded=holds)
                    self._show(family, prefix, before, True)

    def hardware_unknown(self) -> None:
        """Nobody tells any more what the hardware has."""
        for family, held in self._held.items():
            self.hardware(family, (), tuple(held))

    def replace(
        self, family: Family, found: Routes, touched: Collection[Prefix] = (), *, complete: bool = True
    ) -> int:
        """Take a dump, by its differences; returns their number.

        `touched` have changed since the dump began: what was heard of them is newer. A dump that is not
        complete is no proof that anything has gone.
        """
        now, changes = self._now[family], 0
        for prefix in self._held[family] & found.bird.keys():
            found.bird[prefix] = replace(found.bird[prefix], offloaded=True)
        places = {prefix for prefix, route in found.bird.items() if route != now.bird.get(prefix)}
        places |= {prefix for prefix, routes in found.others.items() if routes != now.others.get(prefix)}
        if complete:
            places |= (now.bird.keys() - found.bird.keys()) | (now.others.keys() - found.others.keys())
        if found.bird:
            now.bird_metric = found.bird_metric
        for prefix in places.difference(touched):
            mine, others = found.bird.get(prefix), found.others.get(prefix)
            before, had = now.best(prefix), prefix in now.bird
            _put(now.bird, prefix, mine if mine is not None or complete else now.bird.get(prefix))
            _put(now.others, prefix, others if others is not None or complete else now.others.get(prefix))
            changes += 1
            self._show(family, prefix, before, had)
        default = family.default
        if default not in touched and found.defaults != now.defaults and (complete or found.defaults):
            now.defaults = found.defaults
            changes += 1
            self._show(family, default, None, False)
        return changes

    def _show(self, family: Family, prefix: Prefix, before: KernelRoute | None, had: bool) -> None:
        now = self._now[family]
        self.touched[family].add(prefix)
        if prefix == family.default:
            self.defaults[family] = now.defaults[min(now.defaults)] if now.defaults else None
            return
        mine = now.bird.get(prefix)
        for places, said in (
            (self.accepted, mine is not None and mine.offloaded),
            (self.refused, mine is not None and mine.offload_failed),
        ):
            (places[family].add if said else places[family].discard)(prefix)
        others, after = now.others.get(prefix), now.best(prefix)
        _put(self.others[family], prefix, others[min(others)] if others else None)
        if before != after:
            self._on_route(family, prefix, after)
        if had != (prefix in now.bird):
            self._on_change(family, prefix, not had)


def _put(place: dict[Prefix, T], prefix: Prefix, value: T | None) -> None:
    if value is None:
        place.pop(prefix, None)
    else:
        place[prefix] = value
