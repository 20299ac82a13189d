"""The daemon: the only file that knows every room. It reads as the data flows.

    sFlow ─► collector ─► FamilyLoop.measure ─► .choose ─► Speaker ─► ExaBGP ─► BIRD ─► kernel
    BIRD ─► ExaBGP ─► Parser ─► Feed ─┘  │                    ▲                           │
                                         └─ repair ───────────┴──── KernelRoutes ◄────────┘

One event loop. Routing changes are acted on when they arrive; everything else waits for the tick.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pwd
import signal
from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path

import structlog

from arm import __version__
from arm.announce.speaker import Speaker
from arm.board import Board, Outside, Rooms
from arm.config import Config
from arm.config import Session as SessionOptions
from arm.exabgp.config import Session
from arm.exabgp.config import Speaker as SpeakerOptions
from arm.exabgp.process import Exabgp
from arm.family import FamilyLoop
from arm.fib import bird
from arm.fib.interfaces import connected
from arm.fib.netlink import KernelRoutes
from arm.health import Change
from arm.lifecycle import Facts, Lifecycle, State
from arm.log import RateLimit
from arm.model import ArmError, Entry, Family, Prefix
from arm.rib.feed import Feed
from arm.rib.messages import Answer, EndOfRib, MessageError, Parser, SessionChange, Update
from arm.sflow.collector import Collector
from arm.sflow.direction import Direction
from arm.sflow.intake import Intake
from arm.web.server import serve

log = structlog.get_logger("arm")

TICK = 1.0  # seconds
ASK_BIRD = 5.0  # seconds between looks at BIRD's return session
RESYNC = 60.0  # seconds between full reads of the kernel's routes, in case an event was missed


def run(config: Config, path: Path) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. ArmError if it cannot start."""
    log.info("starting", version=__version__, config=str(path))
    asyncio.run(Arm(config).run())
    return 0


class Arm:
    """All rooms, wired."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._capacity = {Family.IPV4: config.capacity.ipv4, Family.IPV6: config.capacity.ipv6}
        reflector, target = _session("reflector", config.reflector), _session("target", config.target)
        self._sessions = {session.local_ip: session.name for session in (reflector, target)}
        self._down_since: dict[str, float | None] = dict.fromkeys(self._sessions.values(), 0.0)
        self._exabgp = Exabgp(
            SpeakerOptions(
                reflector,
                target,
                config.bgp.port,
                config.bgp.hold_time,
                config.bgp.restart_time,
                pwd.getpwuid(os.geteuid()).pw_name,
            ),
            config.state.directory,
            self._on_lines,
            self._on_exabgp_down,
        )
        self._intake = Intake(
            Direction(config.sflow.direction),
            [ip_address(agent).packed for agent in config.sflow.agents],
        )
        self._collector = Collector(
            self._intake,
            [(each.address, each.port) for each in config.sflow.listen],
            config.sflow.sources,
            [(each.address, each.port) for each in config.sflow.relay],
        )
        self._parser = Parser()
        self._feed = Feed()
        chosen = config.selection
        self._loops = {
            family: FamilyLoop(family, chosen.window or 300.0, chosen.hysteresis, chosen.minimum_rate)
            for family in Family
        }
        self._lifecycles = {family: Lifecycle(chosen.window or 300.0) for family in Family}
        self._speaker = Speaker(target.selector, config.target.asn, self._capacity)
        self._kernel = KernelRoutes(config.fib.table, self._on_kernel)
        self._board = Board(
            Rooms(
                strategy=chosen.strategy,
                capacity=self._capacity,
                exabgp=self._exabgp,
                intake=self._intake,
                collector=self._collector,
                feed=self._feed,
                loops=self._loops,
                lifecycles=self._lifecycles,
                speaker=self._speaker,
                kernel=self._kernel,
            )
        )
        self._rate_limit = RateLimit(10.0)
        self._bird_error: ArmError | None = None
        self._import_limit_hit = False
        self._speaking = False
        self._chosen_at = -chosen.interval

    # --- start and stop, in order -------------------------------------------------------------------

    async def run(self) -> None:
        """Start from the kernel outwards, tick, and stop in reverse. Installed routes stay."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._down_since = dict.fromkeys(self._down_since, loop.time())
        self._make_directory()
        await self._ask_bird()
        if self._bird_error is not None:
            raise self._bird_error
        async with AsyncExitStack() as running:
            running.callback(self._kernel.stop)
            self._kernel.start()
            await self._learn_connected()
            running.callback(self._collector.stop)
            self._collector.start(loop.time())
            first = self._publish(loop.time())
            listen = self._config.web.listen
            url = await running.enter_async_context(serve(self._board, listen.address, listen.port))
            # Stopped first, and without a NOTIFICATION: BIRD keeps our routes from there on.
            running.push_async_callback(self._exabgp.stop)
            await self._exabgp.start()
            log.info("running", page=url)
            _log_health(first)  # not before: who cannot start says why, and nothing else
            await self._tick_until(stop)
            log.info("stopping, installed routes stay")

    def _make_directory(self) -> None:
        directory = self._config.state.directory
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            probe = directory / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ArmError(
                f"cannot write to {directory} ({error.strerror})",
                "set state.directory to a directory that this user may write to",
            ) from None

    async def _tick_until(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        asked = resynced = due = loop.time()
        background: asyncio.Task[None] | None = None
        while not stop.is_set():
            now = loop.time()
            self._tick(now)
            if now - asked >= ASK_BIRD and (background is None or background.done()):
                asked, background = now, asyncio.create_task(self._ask_bird(), name="ask BIRD")
            if now - resynced >= RESYNC:
                resynced = now
                self._kernel.resync()
                await self._learn_connected()
            due = max(due + TICK, loop.time())  # a late tick is not made up for by hurried ones
            try:
                await asyncio.wait_for(stop.wait(), due - loop.time())
            except TimeoutError:
                continue
        if background is not None:
            await background

    # --- events -------------------------------------------------------------------------------------

    def _on_lines(self, lines: list[bytes]) -> None:
        """ExaBGP wrote."""
        now = asyncio.get_running_loop().time()
        for line in lines:
            try:
                events = self._parser.parse(line)
            except MessageError as error:
                self._complain("line from ExaBGP not understood", "line", now, reason=str(error))
                continue
            for event in events:
                if isinstance(event, Answer):
                    refused = self._speaker.answer(event.ok, now)
                    if refused:
                        self._complain("ExaBGP refused entries", "refused", now, prefixes=refused[:5])
                elif isinstance(event, SessionChange):
                    self._on_session(event, now)
                elif event.sent:
                    self._speaker.echo(event, now)
                elif self._sessions.get(event.local_ip) == "reflector":
                    self._on_route(event)
        self._speak_soon()

    def _on_session(self, change: SessionChange, now: float) -> None:
        name = self._sessions.get(change.local_ip)
        if name is None:
            return
        self._down_since[name] = None if change.up else now
        log.info("session up" if change.up else "session down", session=name, reason=change.reason)
        if name == "reflector":
            self._feed.session(change)
        else:
            self._speaker.session(change.up, now)

    def _on_route(self, event: Update | EndOfRib) -> None:
        """BIRD's table changed: correct what is installed at once, whatever the traffic says."""
        if isinstance(event, Update):
            wanted = self._speaker.wanted(event.family)
            for prefix in self._feed.update(event):
                if prefix in wanted:
                    self._repair(event.family, prefix)
            return
        self._feed.end_of_rib(event)
        gc.freeze()  # a million routes are not garbage: going through them would stall everything
        table = self._feed.table(event.family)
        log.info("table learned", family=event.family.label, routes=len(table))
        # Whatever was withdrawn while the session was away.
        for prefix in [p for p in self._speaker.wanted(event.family) if table.get(p) is None]:
            self._repair(event.family, prefix)

    def _repair(self, family: Family, prefix: Prefix) -> None:
        route = self._feed.latest(family, prefix)
        entry = Entry(prefix, route.next_hop, route.attributes) if route is not None else None
        self._speaker.repair(family, prefix, entry)

    def _on_exabgp_down(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        self._speaker.restart(now)
        for local_ip, name in self._sessions.items():
            if self._down_since[name] is None:
                self._on_session(SessionChange(local_ip, False, reason), now)

    def _on_kernel(self, family: Family, prefix: Prefix, present: bool) -> None:
        self._speaker.kernel(family, prefix, present)
        self._loops[family].kernel(prefix, present)
        self._board.kernel(prefix, present)
        self._speak_soon()

    def _speak_soon(self) -> None:
        """Once per round of the event loop, however many events it brings."""
        if not self._speaking:
            self._speaking = True
            asyncio.get_running_loop().call_soon(self._speak)

    def _speak(self) -> None:
        self._speaking = False
        for line in self._speaker.next(asyncio.get_running_loop().time()):
            self._exabgp.send(line)

    async def _ask_bird(self) -> None:
        command = f"show protocols all {self._config.fib.bird_protocol}"
        try:
            lines = await bird.ask(str(self._config.fib.bird_socket), command)
        except ArmError as error:
            self._bird_error = error
        else:
            self._bird_error = None
            self._import_limit_hit = any("[HIT]" in line for line in lines)

    async def _learn_connected(self) -> None:
        prefixes = await asyncio.to_thread(connected)
        for loop in self._loops.values():
            loop.connected(prefixes)

    # --- the tick -----------------------------------------------------------------------------------

    def _tick(self, now: float) -> None:
        traffic, seconds = self._collector.take(now)
        choosing = now - self._chosen_at >= self._config.selection.interval - TICK / 2
        if choosing:
            self._chosen_at = now
        for family, loop in self._loops.items():
            loop.measure(traffic, self._feed.table(family), seconds, now)
            self._advance(family, now)
        # The picture first: it shows the last choice as it turned out, not the next one half done.
        _log_health(self._publish(now))
        if choosing:
            for family in Family:
                self._choose(family, now)
        self._speak()

    def _advance(self, family: Family, now: float) -> None:
        lifecycle = self._lifecycles[family]
        before = lifecycle.state
        default = self._kernel.defaults[family] is not None
        facts = Facts(self._capacity[family], self._feed.learning(family), default)
        state = lifecycle.advance(facts, now)
        if state is not before:
            log.info("state", family=family.label, state=state.value, before=before.value)
            if state is State.WARMING and not self._speaker.wanted(family):
                # A restart: what the kernel still holds from the last run is where this one begins.
                self._loops[family].adopt(self._kernel.routes[family], self._feed.table(family), now)

    def _choose(self, family: Family, now: float) -> None:
        state = self._lifecycles[family].state
        if state is State.OFF:
            self._speaker.want(family, {}, now)
        elif state.may_announce:
            room = self._capacity[family] - int(self._capacity[family] * self._config.capacity.reserve)
            current = self._speaker.wanted(family)
            kernel = self._kernel.routes[family]
            wanted = self._loops[family].choose(
                self._feed.table(family).get, current, kernel.__contains__, room, state.may_withdraw
            )
            self._speaker.want(family, wanted, now)

    def _publish(self, now: float) -> Change:
        down = {name: now - since for name, since in self._down_since.items() if since is not None}
        return self._board.publish(Outside(down, self._bird_error, self._import_limit_hit), now)

    def _complain(self, text: str, key: str, now: float, **words: object) -> None:
        suppressed = self._rate_limit.allow(key, now)
        if suppressed is not None:
            log.warning(text, suppressed=suppressed, **words)


def _log_health(change: Change) -> None:
    for concern in change.raised:
        log.warning(concern.text, concern=concern.name, remedy=concern.remedy)
    for concern in change.cleared:
        log.info("over: " + concern.text, concern=concern.name)


def _session(name: str, options: SessionOptions) -> Session:
    return Session(name, options.ip, options.local_ip, options.asn, options.id)
