"""The newest picture of everything: what room 7 reads."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from arm import __version__, picture_curve, picture_map
from arm.announce.speaker import Speaker
from arm.exabgp.process import Exabgp
from arm.explain import Known, explain, look
from arm.explain_seen import Explanation
from arm.family import FamilyLoop
from arm.fib.compare import Books, Differences, Reconciler
from arm.fib.hardware import Hardware
from arm.fib.netlink import KernelRoutes
from arm.freeze.learning import Learning, Progress
from arm.health import Change, Health
from arm.history import History
from arm.history_figures import Totals, resident
from arm.history_log import EventLog
from arm.history_record import Record
from arm.history_shares import Shares
from arm.lifecycle import Lifecycle, State
from arm.model import ActiveRoute, AgentCounters, Entry, Family, Operated, Prefix, Status
from arm.picture import Watched, active_routes, agent_counters, family_status
from arm.picture_entries import EntryRow, entry_rows
from arm.picture_findings import Outside, findings
from arm.picture_peers import PeersSeen, peers_seen
from arm.picture_proof import Proof
from arm.picture_rows import Rows
from arm.plan import FamilyPlan
from arm.rib.feed import Feed
from arm.rib.prefixmap import PrefixMap
from arm.sflow.collector import Collector
from arm.sflow.intake import Intake
from arm.stalls import Stalls


@dataclass(frozen=True, slots=True)
class Rooms:
    """Where the figures come from."""

    strategy: Callable[[], str]
    config: Callable[[], str]  # its fingerprint
    configuration: Callable[[], str]  # as TOML
    record: Record
    capacity: Mapping[Family, int]
    exabgp: Exabgp
    intake: Intake
    collector: Collector
    feed: Feed
    loops: Mapping[Family, FamilyLoop]
    lifecycles: Mapping[Family, Lifecycle]
    speaker: Speaker
    kernel: KernelRoutes
    stalls: Stalls  # of the event loop
    operated: Callable[[], Operated] = lambda: Operated("active")
    peers: Callable[[], PeersSeen] = lambda: peers_seen(None, None, (), {})
    plan: Callable[[], Awaitable[Sequence[FamilyPlan]]] | None = None  # None: nothing is chosen here
    hardware: Hardware = field(default_factory=Hardware)


class Board:
    """Publishes a picture every tick; the page is handed the last one. It is a `StatusSource`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._health = Health()
        self._started = time.time()
        self._fib_changes = dict.fromkeys(Family, 0)  # since the start
        self._wanted: dict[Family, PrefixMap[Entry]] = {family: PrefixMap(family) for family in Family}
        self._installed_since: dict[Prefix, float] = {}  # Unix time at which the kernel first showed it
        self._active: dict[Family, Sequence[tuple[Prefix, float]]] = dict.fromkeys(Family, ())
        self._status: Status  # published before anybody can ask
        self._watched: Mapping[Family, Watched] = {}
        self._taken = 0.0  # when the picture was, in event-loop time
        self._routes: Sequence[ActiveRoute] | None = ()  # None: nobody has asked since the last picture
        self._entries: Sequence[EntryRow] | None = ()  # likewise
        self._proofs = {family: Proof() for family in Family}
        self._reconcilers = {family: Reconciler() for family in Family}
        self._progress = {family: Progress() for family in Family}
        self._agents: Sequence[AgentCounters] = ()

    def status(self) -> Status:
        return self._status

    def routes(self) -> Sequence[ActiveRoute]:
        """The first who asks after a picture was taken gets what is there now, and all others the same."""
        if self._routes is None:
            frozen, since = [each.frozen() for each in self._watched.values()], self._installed_since.copy()
            self._routes = Rows(lambda: [row for each in frozen for row in active_routes(each, since)])
        return self._routes

    def entries(self) -> Sequence[EntryRow]:
        """Likewise: what ARM wants, and who has it."""
        if self._entries is None:
            frozen, since = [each.frozen() for each in self._watched.values()], self._installed_since.copy()
            now = self._taken
            self._entries = Rows(lambda: [row for each in frozen for row in entry_rows(each, since, now)])
        return self._entries

    def peers(self) -> PeersSeen:
        """BIRD's sessions."""
        return self._rooms.peers()

    async def plan(self) -> Sequence[FamilyPlan]:
        """What the next choice would change."""
        return await self._rooms.plan() if self._rooms.plan is not None else ()

    def explain(self, asked: Prefix) -> Callable[[], Explanation]:
        """What makes the explanation of a prefix, or of an address as one of full length, in any thread."""
        rooms, family = self._rooms, Family.of(asked)
        known = Known(
            self._watched[family],
            rooms.kernel.defaults[family],
            rooms.speaker.standing(family),
            self._installed_since,
            family in rooms.speaker.blocked(),
            self._taken,
        )
        return partial(explain, look(known, asked))

    def curve(self, family: Family, entries: int | None) -> Callable[[], picture_curve.CurveSeen]:
        """What makes the coverage by number of entries, in any thread."""
        return picture_curve.look(self._watched[family], entries, time.time())

    def map(self, family: Family, prefix: Prefix, order: int) -> Callable[[], picture_map.MapSeen]:
        """What makes the map of a prefix, in any thread."""
        return picture_map.look(self._rooms.loops[family], prefix, order)

    def status_line(self) -> str:
        """For the service manager: a word on each family."""
        words = (
            f"{each.family.title} {each.state}, {each.installed} installed" for each in self._status.families
        )
        return "; ".join(words)

    def learning(self) -> Mapping[Family, Learning]:
        """Families whose tables are being learned, and how far that is."""
        seen = {family: watched.learning for family, watched in self._watched.items()}
        return {family: learning for family, learning in seen.items() if learning is not None}

    def agents(self) -> Sequence[AgentCounters]:
        return self._agents

    def active(self, family: Family, active: Sequence[tuple[Prefix, float]]) -> None:
        """The prefixes that carry traffic, those first that are worth most, with what each is worth."""
        self._active[family] = active

    def history(self) -> History:
        return self._rooms.record.history

    def log(self) -> EventLog:
        return self._rooms.record.log

    def shares(self) -> Shares:
        return self._rooms.record.shares

    def configuration(self) -> str:
        return self._rooms.configuration()

    def kernel(self, prefix: Prefix, present: bool) -> None:
        """The kernel shows, or no longer shows, an entry."""
        self._fib_changes[Family.of(prefix)] += 1
        if present:
            self._installed_since[prefix] = time.time()
        else:
            self._installed_since.pop(prefix, None)

    def hardware_unknown(self) -> None:
        """The platform does not tell any more what its hardware has."""
        for reconciler in self._reconcilers.values():
            reconciler.hardware_unknown()

    def publish(self, outside: Outside, now: float) -> Change:
        """Take a new picture; gives what is new about health. `now` in event-loop time."""
        rooms = self._rooms
        watched = {family: self._watch(family, now) for family in Family}
        change = self._report(watched, outside)
        self._watched, self._taken = watched, now
        self._routes = self._entries = None
        self._agents = tuple(agent_counters(rooms.intake.counters, now))
        unseen = rooms.intake.loss.unseen
        self._status = Status(
            version=__version__,
            time=time.time(),
            started=self._started,
            strategy=rooms.strategy(),
            concerns=self._health.concerns,
            families=tuple(
                family_status(each, unseen, rooms.hardware.shown(family, now))
                for family, each in watched.items()
            ),
            sessions={name: name not in outside.sessions_down for name in ("reflector", "target")},
            datagrams=rooms.collector.datagrams,
            malformed=dict(rooms.intake.malformed),
            unseen=unseen,
            counters=self._counters(),
            config=rooms.config(),
            reload_failed=bool(outside.reload_faults),
            operated=rooms.operated(),
            stall=rooms.stalls.longest(now),
        )
        self._remember(change, now)
        return change

    def _remember(self, change: Change, now: float) -> None:
        """The past, as the page shows it."""
        rooms, moment = self._rooms, self._status.time
        rooms.record.log.concerns(moment, change.raised, change.cleared)
        for family in Family:
            wanted, before = rooms.speaker.wanted(family), self._wanted[family]
            if wanted is not before:
                self._wanted[family] = wanted
                rooms.record.log.chosen(moment, family, wanted.keys(), before.keys())
        totals = Totals(rooms.feed.changes, self._fib_changes, time.process_time(), resident())
        rankings = {family: loop.flows.rankings() for family, loop in rooms.loops.items()}
        rooms.record.take(self._status, totals, rankings, now)

    def _report(self, watched: Mapping[Family, Watched], outside: Outside) -> Change:
        found = findings(
            watched, outside, strategy=self._rooms.strategy(), sflow_dropped=self._rooms.collector.dropped
        )
        return self._health.report(found, time.time())

    def _counters(self) -> dict[str, int]:
        """Totals since start, by metric name."""
        rooms, loss = self._rooms, self._rooms.intake.loss.totals
        return {
            "sflow_datagrams_dropped": rooms.collector.dropped,
            "sflow_datagrams_refused": rooms.collector.refused + rooms.intake.refused,
            "sflow_datagrams_relayed": rooms.collector.relayed,
            "sflow_datagrams_lost": loss.datagrams_lost,
            "sflow_datagrams_repeated": loss.datagrams_repeated,
            "sflow_samples": loss.samples,
            "sflow_samples_lost": loss.samples_lost,
            "sflow_samples_dropped": loss.samples_dropped,
            "sflow_samples_repeated": rooms.intake.repeated,
            "sflow_samples_unusable": rooms.intake.unusable,
            "sflow_packets_discarded": rooms.intake.discarded,
            "sflow_agent_restarts": loss.restarts,
            "route_changes": sum(rooms.feed.changes.values()),
            "commands": rooms.speaker.commands,
            "commands_refused": rooms.speaker.errors,
            "exabgp_restarts": rooms.exabgp.restarts,
            "kernel_route_events": rooms.kernel.events,
            "kernel_overruns": rooms.kernel.overruns,
            "loop_stalls": rooms.stalls.count,
        }

    def _learning(self, family: Family, state: State, now: float) -> Learning | None:
        progress, rooms = self._progress[family], self._rooms
        if state is not State.LEARNING:
            progress.over()
            return None
        return progress.look(rooms.feed.routes(family), rooms.lifecycles[family].routes, now)

    def _watch(self, family: Family, now: float) -> Watched:
        rooms, loop, state = self._rooms, self._rooms.loops[family], self._rooms.lifecycles[family].state
        proven = None
        # Unless it is known where traffic should go, there is nothing to compare with.
        if state in (State.OFF, State.LEARNING) or not len(rooms.feed.table(family)):
            self._proofs[family] = Proof()
        else:
            proven = self._proofs[family].look(loop.installed, loop.full, loop.fixed_table(), now)
        kernel, told = rooms.kernel.routes[family], rooms.speaker.told(family)
        differences = Differences([], [], [])
        if rooms.kernel.lost_since is None:  # else it is not known
            default = rooms.kernel.defaults[family]
            gateways = default.gateways if default is not None else None
            standing = rooms.speaker.standing(family)  # what BIRD kept from the session before as well
            told_anew, shown_anew = rooms.speaker.touched(family), rooms.kernel.touched[family]
            expected = partial(loop.leads_to, default=gateways)
            leaving = rooms.speaker.leaving(family)
            books = Books(standing, leaving, kernel, expected, told_anew | shown_anew)
            told_anew.clear()
            shown_anew.clear()
            differences = self._reconcilers[family].compare(books, now)
        return Watched(
            loop=loop,
            active=self._active[family],
            state=state,
            capacity=rooms.capacity[family],
            rib_routes=rooms.feed.routes(family),
            table=rooms.feed.table(family),
            default_route=rooms.kernel.defaults[family] is not None,
            wanted=rooms.speaker.wanted(family),
            told=told,
            kernel=kernel,
            installed=len(told) - len(rooms.speaker.absent(family)),
            differences=differences,
            reasons=rooms.lifecycles[family].reasons,
            ceiling=rooms.lifecycles[family].ceiling,
            proven=proven,
            learning=self._learning(family, state, now),
            never_came=rooms.speaker.never_came(family),
        )
