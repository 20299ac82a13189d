"""The daemon: the only file that knows every room. It reads as the data flows.

    sFlow ─► collector ─► FamilyLoop.measure ─► Choosing ─► Speaker ─► ExaBGP ─► BIRD ─► kernel
    BIRD ─► ExaBGP ─► Routing ─► Feed ─┘            │          ▲                           │
                         └─ mend ───────────────────┴──────────┴──── KernelRoutes ◄────────┘

One event loop. Routing changes are acted on when they arrive (routing.py); all else waits for the tick.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import structlog

from arm import __version__, assembly
from arm.allocator import return_large_pieces
from arm.announce.speaker import Speaker
from arm.beside import beside
from arm.board import Board, Rooms
from arm.choosing import Choosing
from arm.config import Config, pools
from arm.config_text import effective, fingerprint
from arm.family import FamilyLoop, Traffic
from arm.fib import bird, platforms
from arm.fib.bird import BirdWatch
from arm.fib.birdview import BirdView
from arm.fib.hardware import Hardware, Reading
from arm.fib.interfaces import connected
from arm.fib.netlink import KernelRoutes
from arm.fib.platforms import HardwareWatch
from arm.freeze.reasons import Vitals
from arm.health import Change
from arm.keeping import Keeper
from arm.lifecycle import Facts, Lifecycle, State
from arm.log import RateLimit
from arm.log import configure as configure_log
from arm.model import ArmError, Family, KernelRoute, Prefix
from arm.operating import Operator, Wiring
from arm.picture_connection import remedy
from arm.picture_findings import Outside
from arm.picture_peers import PeersSeen, peers_seen
from arm.reload import Outcome, read_again
from arm.rib.feed import Feed
from arm.routing import REFLECTOR, Routing, Tables
from arm.stalls import Selector, Stalls
from arm.systemd import Systemd
from arm.traffic.interval import Interval
from arm.traffic.record import Recorder
from arm.web.server import serve

log = structlog.get_logger("arm")

TICK = 1.0  # seconds
TURN = 0.0005  # seconds that the event loop waits for another thread whenever the kernel has kept it
LATE = 5.0  # seconds from telling BIRD to the kernel's route: longer is a fault, not a delay
BACKLOG = 1 << 20  # octets that ExaBGP has not read
PROGRESS = 5.0  # seconds between lines in the log about a table that is being learned
RESYNC = 60.0  # seconds between full reads of the kernel's routes, in case an event was missed


def run(config: Config, path: Path, *, fixed_level: bool = False) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. ArmError if it cannot start.

    `path` is read again at SIGHUP; `fixed_level`: its log level does not count.
    """
    return_large_pieces()
    sys.setswitchinterval(TURN)
    faulthandler.enable()  # a watchdog that ends ARM shall show where it hung
    log.info("starting", version=__version__, config=str(path))
    stalls = Stalls()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector(stalls))) as runner:
        runner.run(_run(config, path, fixed_level, stalls))
    return 0


async def _run(config: Config, path: Path, fixed_level: bool, stalls: Stalls) -> None:
    await Arm(config, path, fixed_level, asyncio.get_running_loop().time(), stalls).run()


class Arm:
    """All rooms, wired."""

    def __init__(self, config: Config, path: Path, fixed_level: bool, now: float, stalls: Stalls) -> None:
        self._config, self._fingerprint = config, fingerprint(config)
        self._path = path
        self._fixed_level = fixed_level
        self._systemd = Systemd(os.environ)
        assembly.make_directory(config.state.directory)
        self._keeper = Keeper(config.state.directory, config.state.save_interval)
        chosen = config.selection
        self._capacity = {Family.IPV4: config.capacity.ipv4, Family.IPV6: config.capacity.ipv6}
        self._exabgp = assembly.exabgp(config, self._on_lines, self._on_exabgp_down)
        self._intake = assembly.intake(config)
        self._collector = assembly.collector(config, self._intake)
        self._operator = Operator(
            config.state.directory,
            Wiring(
                lambda: self._config,
                self._apply_rules,
                self._reload,
                lambda prefix: self._feed.table(Family.of(prefix)).get(prefix) is not None,
                self._keeper.record.log,
            ),
        )
        valuation, policy = assembly.valuation(config), assembly.policy(config, self._operator.orders)
        self._loops = {family: FamilyLoop(family, valuation, policy) for family in Family}
        window, limits = assembly.window(config), assembly.limits(config)
        self._lifecycles = {
            family: Lifecycle(window, limits, self._keeper.routes(family)) for family in Family
        }
        self._feed = Feed()
        reflector, target = assembly.sessions(config)
        self._speaker = Speaker(
            target.selector, config.target.asn, pools(config.capacity), chosen.changes_per_second
        )
        self._kernel = KernelRoutes(config.fib.table, self._on_kernel, self._on_kernel_route)
        self._hardware = Hardware()
        self._tables = Tables(self._feed, self._loops, self._speaker)
        self._own = (reflector, target)
        self._sessions = {session.local_ip: session.name for session in self._own}
        self._routing = Routing(self._tables, self._sessions, chosen.strategy, self._shrinks, now, beside)
        saved = self._keeper.found.families if self._keeper.found is not None else {}
        self._choosing = Choosing(
            config, self._tables, self._routing, self._lifecycles, saved, self._speak_soon
        )
        self._keeper.restore(self._tables, now)
        self._watch = BirdWatch(
            str(config.fib.bird_socket), config.fib.bird_protocol, self._on_bird, self._on_bird_error
        )
        self._board = Board(
            Rooms(
                strategy=lambda: self._config.selection.strategy,
                config=lambda: self._fingerprint,
                configuration=lambda: effective(self._config),
                record=self._keeper.record,
                capacity=self._capacity,
                exabgp=self._exabgp,
                intake=self._intake,
                collector=self._collector,
                feed=self._feed,
                loops=self._loops,
                lifecycles=self._lifecycles,
                speaker=self._speaker,
                kernel=self._kernel,
                stalls=stalls,
                operated=self._operator.summary,
                peers=self._peers,
                plan=self._choosing.plan,
                hardware=self._hardware,
            )
        )
        self._recorder: Recorder | None = None
        self._bird_error: ArmError | None = None
        self._bird_view: BirdView | None = None
        self._import_limits: dict[Family, int] = {}  # BIRD's: hitting one blocks even guards
        self._hardware_limits: dict[Family, int] = {}
        self._reload_faults: tuple[str, ...] = ()
        self._rate_limit = RateLimit(PROGRESS)
        self._speaking = False

    # --- start and stop, in order -------------------------------------------------------------------

    async def run(self) -> None:
        """Start from the kernel outwards, tick, and stop in reverse. Installed routes stay."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        fib = self._config.fib
        platform = await asyncio.to_thread(platforms.platform, fib.hardware)
        await bird.unused(str(fib.bird_socket), fib.bird_protocol)  # no BIRD: no start
        async with AsyncExitStack() as running:
            running.callback(self._kernel.stop)
            self._kernel.start()
            await self._learn_connected()
            running.callback(self._collector.stop)
            self._collector.start(loop.time())
            if self._config.selection.record is not None:
                self._recorder = Recorder(self._config.selection.record, self._config.selection.record_limit)
                running.callback(self._recorder.close)
            first = self._publish(loop.time())
            listen = self._config.web.listen
            gate = assembly.gate(self._config)
            url = await running.enter_async_context(
                serve(self._board, listen.address, listen.port, gate=gate, operates=self._operator)
            )
            # Stopped first, and without a NOTIFICATION: BIRD keeps our routes from there on.
            running.push_async_callback(self._exabgp.stop)
            await self._exabgp.start()
            watching = asyncio.create_task(self._watch.run(), name="watch BIRD")
            running.callback(watching.cancel)
            if platform is not None:
                self._hardware.platform = platform.name
                asking = HardwareWatch(platform, self._on_hardware, self._on_hardware_error)
                running.callback(asyncio.create_task(asking.run(), name="ask the hardware").cancel)
            loop.add_signal_handler(signal.SIGHUP, self._reload)
            log.info("running", page=url)
            self._keeper.record.log.started(time.time(), __version__)
            _log_health(first)  # not before: who cannot start says why, and nothing else
            self._systemd.ready("learning")
            await self._tick_until(stop)
            self._systemd.stopping()
            await self._keeper.finish(self._tables)
            log.info("stopping, installed routes stay")

    async def _tick_until(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        resynced = due = loop.time()
        while not stop.is_set():
            now = loop.time()
            for _ in self._tick(now):
                await asyncio.sleep(0)  # sockets get their turn
            if now - resynced >= RESYNC:
                resynced = now
                self._kernel.resync()
                await self._learn_connected()
            due = max(due + TICK, loop.time())  # a late tick is not made up for by hurried ones
            try:
                await asyncio.wait_for(stop.wait(), due - loop.time())
            except TimeoutError:
                continue
        await self._choosing.finish()

    # --- events -------------------------------------------------------------------------------------

    def _on_lines(self, lines: list[bytes]) -> None:
        self._routing.lines(lines, asyncio.get_running_loop().time())
        self._speak_soon()

    def _on_exabgp_down(self, reason: str) -> None:
        self._routing.exabgp_down(reason, asyncio.get_running_loop().time())

    def _on_kernel_route(self, family: Family, prefix: Prefix, route: KernelRoute | None) -> None:
        self._loops[family].kernel(prefix, route)
        self._speaker.hardware(family, prefix, route is not None and route.offloaded)
        self._speak_soon()

    def _on_kernel(self, family: Family, prefix: Prefix, present: bool) -> None:
        self._speaker.kernel(family, prefix, present)
        self._board.kernel(prefix, present)
        self._speak_soon()

    def _speak_soon(self) -> None:
        """Once per round of the event loop, however many events it brings."""
        if not self._speaking:
            self._speaking = True
            asyncio.get_running_loop().call_soon(self._speak)

    def _speak(self) -> None:
        self._speaking = False
        if self._exabgp.backlog > BACKLOG:
            return  # it does not read: the next tick tries again
        for line in self._speaker.next(asyncio.get_running_loop().time()):
            self._exabgp.send(line)
        if self._speaker.goes_on:
            self._speak_soon()

    def _on_bird(self, view: BirdView) -> None:
        self._bird_error, self._bird_view = None, view
        self._routing.recovering = view.recovering
        own = {each.name for each in view.sessions if each.neighbour in self._sessions}
        dead = view.dead(own)
        if dead != self._routing.dead:
            lost, back = dead - self._routing.dead, self._routing.dead - dead
            log.info("peers", lost=sorted(lost), back=sorted(back))
            self._keeper.record.log.peers(time.time(), lost, back)
            self._routing.peers_lost(dead)
        limits: dict[Family, int] = {}
        for family in Family:
            channel = view.channel(self._config.fib.bird_protocol, family)
            self._speaker.block(family, channel is not None and channel.limit_hit)
            if channel is not None and channel.import_limit is not None:
                limits[family] = channel.import_limit
        if limits != self._import_limits:
            self._import_limits = limits
            self._configure(self._config)
        self._speak_soon()

    def _on_bird_error(self, error: ArmError) -> None:
        self._bird_error = error

    @property
    def _seen(self) -> BirdView:
        return self._bird_view or BirdView()

    def _peers(self) -> PeersSeen:
        now = asyncio.get_running_loop().time()
        down = {name: None if at is None else now - at for name, at in self._routing.down_since.items()}
        error = None if self._bird_error is None else self._bird_error.problem
        return peers_seen(self._bird_view, error, self._sessions, down)

    def _on_hardware(self, reading: Reading) -> None:
        if self._hardware.tells and not reading.tells:
            self._hardware_unknown()
        installed = {family: len(routes) for family, routes in self._kernel.routes.items()}
        self._hardware.take(reading, installed, asyncio.get_running_loop().time())
        for family in Family:
            self._kernel.hardware(family, reading.came.get(family, ()), reading.went.get(family, ()))
        before, self._hardware_limits = self._hardware_limits, self._hardware.limits()
        rooms = (
            assembly.capacity(self._config, self._import_limits, limits)
            for limits in (before, self._hardware_limits)
        )
        if len({(each.ipv4, each.ipv6) for each in rooms}) > 1:
            self._configure(self._config)

    def _on_hardware_error(self, error: ArmError) -> None:
        if self._hardware.tells:
            self._hardware_unknown()
        self._hardware.fail(error)

    def _hardware_unknown(self) -> None:
        self._kernel.hardware_unknown()
        self._board.hardware_unknown()

    def _shrinks(self, family: Family, routes: int) -> bool:
        return self._lifecycles[family].shrinks(routes)

    def _reload(self) -> Outcome:
        """SIGHUP, or an operator: take over what can change while running; a faulty file changes nothing."""
        now = asyncio.get_running_loop().time()
        self._systemd.reloading(now)
        outcome = read_again(self._config, self._path)
        for line in outcome.lines():
            (log.info if outcome.ok else log.error)("reload", what=line)
        self._keeper.record.log.reloaded(time.time(), outcome.ok, outcome.lines())
        self._reload_faults = outcome.faults
        if outcome.ok:
            self._configure(outcome.config)
        self._systemd.ready("reloaded" if outcome.ok else "reload failed")
        return outcome

    def _apply_rules(self) -> None:
        """Pins and denials are others than before."""
        policy = assembly.policy(self._config, self._operator.orders)
        for loop in self._loops.values():
            loop.configure(assembly.valuation(self._config), policy)
        self._choosing.rhythm.hurry()

    def _configure(self, config: Config) -> None:
        self._config, self._fingerprint = config, fingerprint(config)
        chosen = config.selection
        room = assembly.capacity(config, self._import_limits, self._hardware_limits)
        self._capacity |= {Family.IPV4: room.ipv4, Family.IPV6: room.ipv6}
        self._speaker.resize(pools(room), chosen.changes_per_second)
        self._routing.strategy = chosen.strategy
        self._choosing.configure(config, room)
        if not self._fixed_level:
            configure_log(config.log.level)
        self._keeper.interval = config.state.save_interval
        self._intake.allow(assembly.agents(config))
        self._apply_rules()
        for lifecycle in self._lifecycles.values():
            lifecycle.configure(assembly.window(config), assembly.limits(config))

    async def _learn_connected(self) -> None:
        prefixes = await asyncio.to_thread(connected)
        for loop in self._loops.values():
            loop.connected(prefixes)

    # --- the tick -----------------------------------------------------------------------------------

    def _tick(self, now: float) -> Iterator[None]:
        """In pieces that each take a part of what the event loop may do without looking at its sockets."""
        self._operator.tick()
        traffic, seconds = self._collector.take(now)
        rate = float(traffic.samples.sum()) / seconds if seconds > 0 else 0.0
        self._routing.look_again(now, self._config.freeze.patience)
        for family, loop in self._loops.items():
            for table in self._feed.tables(family):
                yield from loop.settling(table, time.time())
            if not self._choosing.busy:  # else the numbers are being used
                self._refresh(family, now)
            yield
            learned = len(self._feed.table(family)) > 0
            sources = self._intake.sources
            self._record(family, loop.measure(traffic, seconds, rate, learned, now, sources), seconds)
            self._advance(family, rate if seconds > 0 else None, now)
            self._find_lost(family, now)
            self._board.active(family, self._choosing.active[family])
            yield
        # The picture first: it shows the last choice as it turned out, not the next one half done.
        _log_health(self._publish(now))
        for family, learning in self._board.learning().items():
            if learning.per_second > 0.0 and self._rate_limit.allow(family, now) is not None:
                log.info("learning", family=family.label, progress=str(learning))
        yield
        if any(self._loops[each].newcomers for each in Family if self._lifecycles[each].state.may_announce):
            self._choosing.rhythm.hurry()
        if not self._choosing.busy and self._choosing.rhythm.due(now + TICK / 2, self._speaker.far_behind()):
            self._choosing.begin()
        self._speak()
        awaited = self._bird_error is None and self._seen.awaits(self._sessions)
        self._exabgp.look(None in self._routing.down_since.values(), awaited, now)
        self._keeper.tick(self._tables, now)
        self._systemd.alive({"ExaBGP's supervision": self._exabgp.supervised}, self._board.status_line())

    def _refresh(self, family: Family, now: float) -> None:
        loop, table = self._loops[family], self._feed.table(family)
        fixed = {prefix: route.gateways for prefix, route in self._kernel.others[family].items()}
        for prefix in self._speaker.foreign(family, now):
            fixed[prefix] = self._kernel.routes[family][prefix].gateways
        if loop.set_fixed(fixed, table):
            self._routing.doubt(family)
        loop.refresh(table, self._kernel.defaults[family], time.time())
        self._speaker.fixed(family, loop.fixed_hops())
        self._routing.settle_doubts(family)
        self._routing.pictured(family)

    def _record(self, family: Family, traffic: Traffic, seconds: float) -> None:
        if self._recorder is None or seconds <= 0:
            return
        error = self._recorder.write(
            Interval(
                time.time(), family, seconds, traffic.keys, traffic.octets, traffic.packets, traffic.samples
            )
        )
        if error is not None:
            log.error("recording ends", reason=error.problem, remedy=error.remedy)

    def _advance(self, family: Family, rate: float | None, now: float) -> None:
        lifecycle = self._lifecycles[family]
        before = lifecycle.state
        table, kernel = self._feed.table(family), self._kernel.routes[family]
        facts = Facts(
            capacity=self._capacity[family],
            learning=self._feed.learning(family),
            default_route=self._kernel.defaults[family] is not None,
            observe=self._operator.mode == "observe",
            stop=self._operator.mode == "withdraw",
            vitals=Vitals(
                silent=self._collector.silent(now),
                sample_rate=rate,
                reflector=self._routing.heard(REFLECTOR),
                netlink=self._kernel.lost_since is None,
                routes=len(table) or None,
                refused=len(self._kernel.refused[family]),
                accepted=len(self._kernel.accepted[family]),
            ),
        )
        state = lifecycle.advance(facts, now)
        if state is not before:
            reasons = [reason.name for reason in lifecycle.reasons]
            log.info("state", family=family.label, state=state.value, before=before.value, reasons=reasons)
            self._keeper.record.log.state(time.time(), family, state.value, before.value, reasons)
            self._choosing.rhythm.hurry()
        self._speaker.freeze(family, not (state.may_announce or state.withdraws_all))
        if state is not State.LEARNING:
            self._choosing.adopt(family, kernel)

    def _find_lost(self, family: Family, now: float) -> None:
        """Entries that have no effect are no entries: what they guarded must be looked at."""
        if self._kernel.lost_since is not None or not self._lifecycles[family].state.may_repair:
            return
        told = self._speaker.told_at(family)
        lost = [prefix for prefix in self._speaker.absent(family) if now - told[prefix] > LATE]
        lost += [prefix for prefix in self._kernel.refused[family] if prefix in told]
        if self._speaker.lost(family, lost, now):
            self._routing.doubt(family)

    def _publish(self, now: float) -> Change:
        down = {name: now - at for name, at in self._routing.down_since.items() if at is not None}
        blocked, error = self._speaker.blocked(), self._keeper.error
        shortages = tuple(self._hardware.shortages(assembly.configured(self._config)))
        outside = Outside(
            down,
            self._bird_error,
            blocked,
            self._reload_faults,
            error,
            self._hardware.error,
            shortages,
            {each.name: remedy(each, self._config.bgp.port, self._seen) for each in self._own},
        )
        return self._board.publish(outside, now)


def _log_health(change: Change) -> None:
    for concern in change.raised:
        log.warning(concern.text, concern=concern.name, remedy=concern.remedy)
    for concern in change.cleared:
        log.info("over: " + concern.text, concern=concern.name)
