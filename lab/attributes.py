"""What routes carry besides their prefix, shared the way the Internet shares it.

A route's attributes are its origin AS and an `Upstreams`: how the three neighbours reach that origin. A few
hundred of these serve any number of origins, so many prefixes have equal attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arm.model import AsPathSegment, Attributes
from lab.plan import EXCHANGE, NEIGHBOURS, TRANSIT1, TRANSIT2, Neighbour

# Routes with an AS_SET: rare in the Internet, so all have the same upstreams, the first.
AS_SET = 0
_ROUTE_TARGET = 0x0002 << 48  # RFC 4360: two-octet AS specific, route target


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Paths between the neighbours and an origin, and what is attached on the way."""

    paths: dict[str, tuple[int, ...]]  # neighbour → ASes between it and the origin; absent: no route there
    best: str  # the neighbour that the switch's BIRD prefers
    origin: str = "igp"
    repeat: int = 1  # how often the origin AS is in the path
    med: int | None = None
    communities: tuple[tuple[int, int], ...] = ()
    large_communities: tuple[tuple[int, int, int], ...] = ()
    extended_communities: tuple[tuple[int, int], ...] = ()  # route targets AS:value
    as_set: bool = False  # at transit1, the origin is an AS_SET

    def attributes(self, neighbour: Neighbour, asn: int) -> Attributes:
        """What the switch receives from `neighbour` for a prefix that `asn` originates."""
        path = [AsPathSegment("as-sequence", (neighbour.asn, *self.paths[neighbour.name]))]
        if self.as_set and neighbour == TRANSIT1:
            path.append(AsPathSegment("as-set", as_set(asn)))
        else:
            path = [AsPathSegment("as-sequence", path[0].numbers + (asn,) * self.repeat)]
        return Attributes(
            origin=self.origin,
            as_path=tuple(path),
            med=self.med,
            communities=self.communities,
            large_communities=self.large_communities,
            extended_communities=tuple(
                _ROUTE_TARGET | high << 32 | low for high, low in self.extended_communities
            ),
        )


def as_set(asn: int) -> tuple[int, ...]:
    """The members of the AS_SET that stands for origin `asn`."""
    return (asn, asn + 1, asn + 2)


def preferred(paths: dict[str, tuple[int, ...]]) -> str:
    """BIRD's choice: the exchange has local preference 200; then path length, then router id."""
    if EXCHANGE.name in paths:
        return EXCHANGE.name
    return min(paths, key=lambda name: (len(paths[name]), name))


def as_numbers(count: int, rng: np.random.Generator) -> list[int]:
    """Distinct public AS numbers; private and documentation ones are between the two ranges."""
    low = rng.choice(np.arange(1000, 64000), min(count // 2, 60_000), replace=False)
    high = rng.choice(np.arange(131_072, 420_000), count - len(low), replace=False)
    numbers: list[int] = np.concatenate([low, high]).tolist()
    return numbers


def make_upstreams(count: int, exchange_share: float, rng: np.random.Generator) -> list[Upstreams]:
    """`count` upstreams; the first is the one with the AS_SET, `exchange_share` of the others are peers."""
    carriers = as_numbers(60, rng)
    first = {TRANSIT1.name: (carriers[0],), TRANSIT2.name: tuple(carriers[1:4])}
    made = [Upstreams(first, TRANSIT1.name, as_set=True)]
    for number in range(1, max(count, 2)):
        # Evenly spread, so that the shares hold for small tables too.
        peer = int(number * exchange_share) != int((number - 1) * exchange_share)
        made.append(_one(carriers, peer, rng))
    return made


def _one(carriers: list[int], peer: bool, rng: np.random.Generator) -> Upstreams:
    length = int(rng.choice(4, p=(0.1, 0.4, 0.35, 0.15))) + 1
    other = max(0, length + int(rng.choice([-1, 0, 1], p=(0.48, 0.1, 0.42))))
    lengths = {TRANSIT1: length, TRANSIT2: other}
    if peer:
        lengths[EXCHANGE] = max(0, length - 2)
    paths = {
        neighbour.name: tuple(int(asn) for asn in rng.choice(carriers, lengths[neighbour], replace=False))
        for neighbour in NEIGHBOURS
        if neighbour in lengths
    }
    tags = [int(asn) for asn in rng.choice([asn for asn in carriers if asn < 65536], int(rng.integers(0, 4)))]
    return Upstreams(
        paths,
        preferred(paths),
        origin=str(rng.choice(["igp", "incomplete", "egp"], p=(0.9, 0.09, 0.01))),
        repeat=int(rng.choice([1, 2, 4], p=(0.85, 0.1, 0.05))),
        med=int(rng.integers(0, 500)) if rng.random() < 0.25 else None,
        communities=tuple(sorted({(asn, int(rng.integers(0, 5000))) for asn in tags})),
        large_communities=((carriers[-1], 1, int(rng.integers(0, 100))),) if rng.random() < 0.2 else (),
        extended_communities=((64512, int(rng.integers(0, 100))),) if rng.random() < 0.05 else (),
    )
