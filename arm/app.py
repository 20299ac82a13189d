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
import time
from contextlib import AsyncExitStack
from ipaddress import ip_address
from pathlib import Path

import structlog

from arm import __version__
from arm.announce.speaker import Speaker
from arm.board import Board, Outside, Rooms
from arm.chooser import Answer as Chosen
from arm.chooser import Chooser, Question, entry_for
from arm.config import Config, pools
from arm.config import Session as SessionOptions
from arm.exabgp.config import Session
from arm.exabgp.config import Speaker as SpeakerOptions
from arm.exabgp.process import Exabgp
from arm.family import FamilyLoop, Valuation
from arm.fib import bird
from arm.fib.interfaces import connected
from arm.fib.netlink import KernelRoutes
from arm.health import Change
from arm.lifecycle import Facts, Lifecycle, State
from arm.log import RateLimit
from arm.model import ArmError, Entry, Family, KernelRoute, Kind, Prefix
from arm.rib.feed import Feed
from arm.rib.hoptable import DEFAULT
from arm.rib.messages import Answer, EndOfRib, MessageError, Parser, SessionChange, Update
from arm.rib.prefixmap import PrefixMap
from arm.selection.policy import Policy, Rule
from arm.selection.repair import repair
from arm.selection.reproducer import pack
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
        policy = Policy(*([Rule(**dict(rule)) for rule in rules] for rules in (chosen.pins, chosen.denials)))
        valuation = Valuation(chosen.window, chosen.weight == "packets", chosen.minimum_rate, chosen.factors)
        self._loops = {family: FamilyLoop(family, valuation, policy) for family in Family}
        self._lifecycles = {family: Lifecycle(chosen.window or 300.0) for family in Family}
        self._pools = pools(config.capacity)
        self._chooser = Chooser(chosen.strategy, self._pools, chosen.hysteresis, config.capacity.reserve)
        self._changed: dict[Family, set[Prefix]] = {family: set() for family in Family}  # since the question
        self._choosing: asyncio.Task[None] | None = None
        self._adopted: dict[Family, list[Entry]] = {}
        self._refused: dict[Family, bool] = dict.fromkeys(Family, False)
        self._hops: dict[Family, PrefixMap[int]] = {family: PrefixMap(family) for family in Family}
        self._speaker = Speaker(target.selector, config.target.asn, self._capacity)
        self._kernel = KernelRoutes(config.fib.table, self._on_kernel, self._on_kernel_route)
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
        for task in (background, self._choosing):
            if task is not None:
                await task

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
            for prefix in self._feed.update(event):
                self._changed[event.family].add(prefix)
                self._repair(event.family, prefix)
            return
        self._feed.end_of_rib(event)
        gc.freeze()  # a million routes are not garbage: going through them would stall everything
        table = self._feed.table(event.family)
        log.info("table learned", family=event.family.label, routes=len(table))
        # Whatever changed while the session was away.
        for prefix in list(self._speaker.wanted(event.family)):
            self._changed[event.family].add(prefix)
            self._repair(event.family, prefix, whole=True)

    def _repair(self, family: Family, prefix: Prefix, whole: bool = False) -> None:
        """Routing changed at a prefix: set right at once what is installed there."""
        loop, table, wanted = self._loops[family], self._feed.table(family), self._speaker.wanted(family)
        route = self._feed.latest(family, prefix)
        if self._config.selection.strategy == "top" or self._feed.learning(family):
            if prefix in wanted and wanted[prefix].kind is Kind.ROUTE:
                entry = Entry(prefix, route.next_hop, route.attributes) if route is not None else None
                self._speaker.repair(family, prefix, entry)
            return
        known = wanted.get(prefix)
        if known is not None and known.kind is Kind.ROUTE and route is not None:
            routes = table.inside(prefix)
            if len({loop.hop_of(each) for each in routes}) == 1:
                self._speaker.repair(family, prefix, entry_for(loop, prefix, 0, Kind.ROUTE, route))
                self._hops[family][prefix] = loop.hop_of(route)
        entries, fixed = self._hops[family], loop.fixed_hops()
        for place, hop in repair(prefix, table, loop.hop_of, entries, lambda hop: hop, fixed, whole=whole):
            own = table.get(place)
            kind = Kind.GUARD if hop == 0 else Kind.SYNTHESISED
            if own is not None and hop != 0 and loop.hop_of(own) == hop:
                kind = Kind.ROUTE
            if kind is not Kind.ROUTE:
                own = None
            self._speaker.repair(family, place, entry_for(loop, place, hop, kind, own))
            self._hops[family][place] = hop

    def _on_exabgp_down(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        self._speaker.restart(now)
        for local_ip, name in self._sessions.items():
            if self._down_since[name] is None:
                self._on_session(SessionChange(local_ip, False, reason), now)

    def _on_kernel_route(self, family: Family, prefix: Prefix, route: KernelRoute | None) -> None:
        self._loops[family].kernel(prefix, route)

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
        rate = float(traffic.samples.sum()) / seconds if seconds > 0 else 0.0
        for family, loop in self._loops.items():
            for table in self._feed.tables(family):
                loop.settle(table, time.time())
            if self._choosing is None:  # else the numbers are being used
                self._refresh(family)
            learned = len(self._feed.table(family)) > 0
            loop.measure(traffic, seconds, rate, learned, now)
            self._advance(family, now)
        # The picture first: it shows the last choice as it turned out, not the next one half done.
        _log_health(self._publish(now))
        if choosing and self._choosing is None:
            self._choosing = asyncio.create_task(self._choose(now), name="choose")
        self._speak()

    def _refresh(self, family: Family) -> None:
        loop, table = self._loops[family], self._feed.table(family)
        others = self._kernel.others[family].items()
        loop.set_fixed({prefix: route.gateways for prefix, route in others}, table)
        loop.refresh(table, self._kernel.defaults[family], time.time())

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
                self._adopted[family] = self._left_behind(family)

    def _left_behind(self, family: Family) -> list[Entry]:
        """The entries of an earlier run, as far as they can be announced again."""
        loop, table, found = self._loops[family], self._feed.table(family), []
        for prefix, shown in self._kernel.routes[family].items():
            route, hop = table.get(prefix), loop.hop(shown.gateways)
            if route is not None and loop.hop_of(route) == hop and hop != DEFAULT:
                found.append(entry_for(loop, prefix, hop, Kind.ROUTE, route))
            elif hop == DEFAULT or shown.gateways:
                kind = Kind.GUARD if hop == DEFAULT else Kind.SYNTHESISED
                found.append(entry_for(loop, prefix, hop, kind, None))
        return found

    async def _choose(self, now: float) -> None:
        """Ask for a choice in another thread, and act on it."""
        try:
            questions = {}
            for family, lifecycle in self._lifecycles.items():
                if lifecycle.state is State.OFF:
                    self._speaker.want(family, {}, now)
                elif lifecycle.state.may_announce:
                    questions[family] = self._question(family)
            if questions:
                await self._ask_chooser(questions)
        finally:
            self._choosing = None

    def _question(self, family: Family) -> Question:
        self._changed[family].clear()
        loop, wanted = self._loops[family], self._speaker.wanted(family)
        current = list(wanted.values()) or self._adopted.pop(family, [])
        state = self._lifecycles[family].state
        demand = loop.demand(loop.incumbents(current))
        return Question(loop, self._feed.table(family), demand, current, state.may_withdraw)

    async def _ask_chooser(self, questions: dict[Family, Question]) -> None:
        taken = [
            sum(
                pool.cost(family, int(prefix.rpartition("/")[2]))
                for family in Family
                if family not in questions
                for prefix in self._speaker.wanted(family)
            )
            for pool in self._pools
        ]
        answers = await asyncio.to_thread(self._chooser.choose, questions, taken)
        now = asyncio.get_running_loop().time()
        for family, answer in answers.items():
            self._take(family, questions[family], answer, now)
        self._speak()

    def _take(self, family: Family, question: Question, answer: Chosen, now: float) -> None:
        loop = self._loops[family]
        self._board.active(family, answer.active)
        self._refused[family] = len(answer.wrong) > 0
        if answer.wrong:
            self._dump(family, question)
            return
        if self._kernel.defaults[family] is None or not self._lifecycles[family].state.may_announce:
            return  # so much may have changed since the question
        self._speaker.want(family, answer.entries, now)
        hops = ((prefix, loop.entry_hop(entry)) for prefix, entry in answer.entries.items())
        self._hops[family] = PrefixMap(family, dict(hops))
        # The choice is as old as the question: what changed since is repaired before anything leaves.
        for prefix in self._changed[family]:
            self._repair(family, prefix)

    def _dump(self, family: Family, question: Question) -> None:
        """Keep what led to a table that would misforward; the table before it stays."""
        path = self._config.state.directory / f"misforwarding-{family.label}.npz"
        if not path.exists():
            path.write_bytes(pack({family: question.demand}, self._pools))
            log.error("a table that would misforward was held back", reproducer=str(path))

    def _publish(self, now: float) -> Change:
        down = {name: now - since for name, since in self._down_since.items() if since is not None}
        held_back = [family for family, refused in self._refused.items() if refused]
        outside = Outside(down, self._bird_error, self._import_limit_hit, held_back)
        return self._board.publish(outside, now)

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
