"""The running daemon at full scale without a lab: real tables, drawn traffic, and a BIRD that does told."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arm import config
from arm.app import Arm
from arm.fib.kernelpicture import Routes
from arm.fib.routemessage import RTPROT_BIRD, RouteMessage
from arm.model import AsPathSegment, Attributes, Family, KernelRoute, Prefix, Route
from arm.rib.hoptable import HopTable, Keys
from arm.rib.prefixmap import text
from arm.sflow.destinations import Destinations
from arm.stalls import Stalls
from lab.options import LabOptions, arm_configuration
from tests.bench import scenario
from tests.bench.scenario import EIGHT, Traffic

TABLE = {Family.IPV4: "2026", Family.IPV6: "2026v6"}
ACTIVE = {Family.IPV4: 38_000, Family.IPV6: 36_000}  # prefixes, so that 20,000 entries of each are too few
SHARE = {Family.IPV4: 0.6, Family.IPV6: 0.4}  # of the samples
WINDOW = 300.0  # seconds that traffic is remembered: what suits 10,000 samples a second
CHANGES = {Family.IPV4: 16, Family.IPV6: 14}  # routes a second, as on a real day
_WITHDRAWN = 0.1  # share of these that are, until the next second
_ATTRIBUTES = 200_000  # distinct sets of a full table
TURN = 20  # commands that BIRD takes at a time
_RATE, _SIZE = 4096.0, 800.0  # of sampling; octets of a packet
_METRIC = 512
_ADDRESSES = {True: "127.0.0.2", False: "127.0.0.1"}  # ARM's, by whether it sent


def next_hop(family: Family, number: int) -> str:
    """Number 0 is the default's."""
    return f"10.0.{number + 1}.2" if family is Family.IPV4 else f"2001:db8:{number + 1}::2"


def connected(family: Family) -> list[Prefix]:
    """The networks of all next hops."""
    form = "10.0.{}.0/30" if family is Family.IPV4 else "2001:db8:{}::/64"
    return [Prefix(form.format(number)) for number in range(1, len(EIGHT) + 1)]


@dataclass(frozen=True, slots=True)
class Side:
    """One family: its routes, and traffic to them."""

    table: HopTable
    traffic: Traffic
    upto: NDArray[np.float64]  # weights, added up

    def draw(self, samples: int, chance: np.random.Generator) -> tuple[Keys, NDArray[np.int64]]:
        """Addresses, ascending, with their samples."""
        rows = np.searchsorted(self.upto, chance.random(samples) * self.upto[-1], "right")
        rows, counts = np.unique(rows, return_counts=True)
        return self.traffic.keys[rows], counts.astype(np.int64)


def side(family: Family, active: int) -> Side:
    """From ARM_TEST_DATA."""
    origins = scenario.load(TABLE[family])
    hops = scenario.next_hops(origins.origins, EIGHT)
    table = HopTable(origins.bits, origins.starts, origins.lengths, hops)
    traffic = scenario.traffic(origins, active)
    return Side(table, traffic, np.cumsum(traffic.weights))


class World:
    """ARM as app.py wires it. ExaBGP, BIRD and the kernel are what this class makes of its commands."""

    def __init__(self, directory: Path, entries: int, strategy: str, many: int, now: float) -> None:
        """Room for so many entries of each family; `many` times as many active prefixes as usual."""
        options = LabOptions(capacity=entries, capacity6=entries, strategy=strategy, window=WINDOW)
        path = directory / "arm.toml"
        path.write_text(arm_configuration(options).replace('"/run/arm"', f'"{directory}"'))
        self.arm = Arm(config.load(path), path, False, now, Stalls())
        self.sides = {family: side(family, many * ACTIVE[family]) for family in Family}
        self._chance = np.random.default_rng(3)
        self._commands: deque[str] = deque()
        self._withdrawn: dict[Family, list[int]] = {family: [] for family in Family}
        self._keep(self.arm._exabgp, "send", self._commands.append)
        self._keep(self.arm._collector, "take", lambda _: (self.second(), 1.0))

    @staticmethod
    def _keep(owner: object, name: str, method: Any) -> None:
        setattr(owner, name, method)

    def learn(self, now: float) -> None:
        """Both tables, the kernel's defaults, sessions that are up, and the traffic of one window."""
        arm = self.arm
        paths = [AsPathSegment("as-sequence", (64500, 1 + number)) for number in range(_ATTRIBUTES)]
        attributes = [Attributes(as_path=(path,)) for path in paths]
        for family, each in self.sides.items():
            table, dropped = arm._feed.table(family), family.bits - each.table.bits
            for number, (start, length, hop) in enumerate(each.table.rows()):
                prefix = text(family, start << dropped, length)
                table.set(Route(prefix, next_hop(family, hop), attributes[number % _ATTRIBUTES]))
            loop = arm._loops[family]
            loop.connected(connected(family))
            default = KernelRoute(family.default, (next_hop(family, 0),), RTPROT_BIRD)
            arm._kernel._picture.replace(family, Routes(defaults={_METRIC: default}))
            nothing = np.empty(0)
            loop.meter.add(np.empty(0, np.uint64), nothing, nothing, nothing, None, 0.0, now - WINDOW)
            samples = int(10_000 * SHARE[family] * WINDOW)
            keys, counts = each.draw(samples, self._chance)
            packets = counts.astype(np.float64) * _RATE
            loop.meter.add(keys, packets * _SIZE, packets, counts, None, samples / WINDOW, now - 1.0)
            loop.settle(table, 0.0)
        arm._feed.up = True
        for name in arm._routing.down_since:
            arm._routing.down_since[name] = None
        arm._speaker.session(True, now)

    def second(self) -> Destinations:
        """10,000 samples."""
        parts = {
            family: each.draw(int(10_000 * SHARE[family]), self._chance)
            for family, each in self.sides.items()
        }
        keys = np.concatenate([keys for keys, _ in parts.values()])
        samples = np.concatenate([counts for _, counts in parts.values()])
        numbers = np.repeat([family.number for family in parts], [len(keys) for keys, _ in parts.values()])
        low = np.where(numbers == 4, keys, 0).astype(np.uint64)
        high = np.where(numbers == 6, keys, 0).astype(np.uint64)
        packets = samples.astype(np.float64) * _RATE
        octets = packets * _SIZE
        squares = packets * _RATE * _SIZE**2
        return Destinations(numbers.astype(np.uint8), high, low, octets, packets, samples, squares)

    # --- BIRD, in both directions -------------------------------------------------------------------

    def change_routes(self) -> None:
        """One second's routing changes."""
        lines = []
        for family, each in self.sides.items():
            rows = self._chance.integers(0, len(each.table), CHANGES[family]).tolist()
            gone = rows[: round(_WITHDRAWN * len(rows))]
            label = f"{family.label} unicast"
            for row in [*rows[len(gone) :], *self._withdrawn[family]]:
                hop = next_hop(family, int(self._chance.choice(len(EIGHT), p=EIGHT)))
                lines.append(_update(False, announce={label: {hop: [self._prefix(family, row)]}}))
            lines.append(_update(False, withdraw={label: [self._prefix(family, row) for row in gone]}))
            self._withdrawn[family] = gone
        self.arm._on_lines(lines)

    def obey(self) -> None:
        """Answer some of ARM's commands, and do what they say."""
        for _ in range(min(TURN, len(self._commands))):
            self.arm._on_lines(list(self._carry_out(self._commands.popleft())))

    def _carry_out(self, command: str) -> Iterator[bytes]:
        yield b"done"
        new = " announce " in command
        for part in command.split(" ; "):
            before, _, listed = part.partition(" nlri ")
            if listed:  # else it is an end-of-RIB
                yield from self._set(new, before, [Prefix(word) for word in listed.split()])

    def _set(self, new: bool, before: str, prefixes: list[Prefix]) -> Iterator[bytes]:
        family = Family.of(prefixes[0])
        label = f"{family.label} unicast"
        gateways = (next_hop(family, 0),)
        if new:
            hop = before.partition(" next-hop ")[2].split(" ", 1)[0]
            gateways = (hop,) if hop != family.guard_next_hop else gateways
            yield _update(True, announce={label: {hop: prefixes}})
        else:
            yield _update(True, withdraw={label: prefixes})
        kernel = self.arm._kernel
        for prefix in prefixes:
            route = KernelRoute(prefix, gateways, RTPROT_BIRD) if new else kernel.routes[family].get(prefix)
            if route is not None:
                kernel._picture.apply(RouteMessage(new, family, route, _METRIC, True, new))

    def _prefix(self, family: Family, row: int) -> Prefix:
        table = self.sides[family].table
        return text(family, int(table.starts[row]) << (family.bits - table.bits), int(table.lengths[row]))


def _update(sent: bool, **update: Any) -> bytes:
    neighbor = {
        "address": {"local": _ADDRESSES[sent], "peer": "127.0.0.1"},
        "direction": "send" if sent else "receive",
        "message": {"update": {"attribute": {"origin": "igp"}, **update}},
    }
    return json.dumps({"exabgp": "5.0.0", "type": "update", "neighbor": neighbor}).encode()
