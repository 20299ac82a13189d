"""The choice of entries from tick to tick: asked for in another thread, acted on here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from copy import copy
from dataclasses import replace
from pathlib import Path
from weakref import WeakSet

import structlog

from arm.chooser import Answer, Chooser, Question
from arm.config import Config, pools
from arm.config_capacity import Capacity
from arm.lifecycle import Lifecycle
from arm.model import NO_ATTRIBUTES, Entry, Family, KernelRoute, Prefix
from arm.plan import FamilyPlan, compare, untaken
from arm.rhythm import Rhythm
from arm.rib.hoptable import HopTable, key_bits
from arm.rib.prefixmap import PrefixMap
from arm.rib.table import RouteTable
from arm.routing import Routing, Tables
from arm.selection.reproducer import pack
from arm.state.saved import SavedEntry, SavedFamily

log = structlog.get_logger("arm")

PLAN = 5.0  # seconds that a plan is good for: it takes as long as a choice, which then waits


class Choosing:
    """Asks, checks the answer against what has happened since, and wants it."""

    def __init__(
        self,
        config: Config,
        tables: Tables,
        routing: Routing,
        lifecycles: Mapping[Family, Lifecycle],
        saved: Mapping[Family, SavedFamily],
        on_choice: Callable[[], None],
    ) -> None:
        self._tables = tables
        self._routing = routing
        self._lifecycles = lifecycles
        self._on_choice = on_choice
        self._saved = dict(saved)  # of an earlier run, until the first choice of this one
        self._task: asyncio.Task[None] | None = None
        self.active: dict[Family, Sequence[tuple[Prefix, float]]] = dict.fromkeys(Family, ())
        self.chosen: dict[Family, Mapping[Prefix, Entry]] = {}  # last, taken or not
        self.rhythm = Rhythm(config.selection.interval)
        self._chosen_from = WeakSet[RouteTable]()
        self._plan: asyncio.Task[list[FamilyPlan]] | None = None
        self._planned_at = 0.0  # loop time
        self.configure(config, config.capacity)

    def configure(self, config: Config, capacity: Capacity) -> None:
        """Take over options, now or later."""
        chosen = config.selection
        self.rhythm.interval = chosen.interval
        self.rhythm.hurry()
        self._pools = pools(capacity)
        self._chooser = Chooser(chosen.strategy, self._pools, chosen.hysteresis, capacity.reserve)
        self._directory = config.state.directory

    @property
    def busy(self) -> bool:
        """The answer to the last question has not come yet: the numbers it works with must stay."""
        return self._task is not None and not self._task.done()

    def begin(self) -> None:
        """Ask, unless the last answer is still awaited."""
        if self.busy:
            return
        questions = {}
        for family, lifecycle in self._lifecycles.items():
            if lifecycle.state.withdraws_all:
                self._tables.speaker.want(family, PrefixMap(family))
            elif lifecycle.state.may_choose:
                self._routing.note(family)
                questions[family] = self._question(family)
        if questions:
            self._task = asyncio.create_task(self._ask(questions), name="choose")

    async def finish(self) -> None:
        """Wait for the answer that is awaited."""
        if self._task is not None:
            await asyncio.wait([self._task])  # what a plan's may have failed of is no concern here

    def adopt(self, family: Family, kernel: Mapping[Prefix, KernelRoute]) -> None:
        """The table is known, for the first time: what the kernel holds from an earlier run is where this one
        begins."""
        speaker = self._tables.speaker
        if not speaker.may_speak(family):
            speaker.adopt(family, self._left_behind(family, kernel))
            speaker.want(family, PrefixMap(family, speaker.standing(family)))
            self._routing.doubt(family)

    def _question(self, family: Family) -> Callable[[], Question]:
        """As things are now; put in numbers where nobody waits, as 20,000 entries take a while."""
        loop, table = self._tables.loops[family], self._tables.feed.table(family)
        current = list(self._tables.speaker.wanted(family).values())
        saved = self._saved[family].entries if family in self._saved else ()
        dead, keeps_all = loop.dead, self._lifecycles[family].state.keeps_all
        demand, fresh = loop.demand(HopTable.of(key_bits(family), ())), table not in self._chosen_from

        def numbered() -> Question:
            standing, rows = loop.standing(current)
            before = [_entry(each) for each in saved if each.next_hop not in dead]
            incumbents = loop.incumbents([*before, *current]) if before else standing
            asked = replace(demand, incumbents=incumbents)
            return Question(loop, table, asked, current, standing, rows, keeps_all, fresh)

        return numbered

    async def _ask(self, asked: Mapping[Family, Callable[[], Question]]) -> None:
        taken, ceilings, chooser = self._taken(asked), self._ceilings(asked), self._chooser

        def answered() -> list[tuple[Family, Question, Answer, Set[Prefix]]]:
            began = time.thread_time()
            questions = {family: question() for family, question in asked.items()}
            answers = chooser.choose(questions, taken, ceilings)
            found: list[tuple[Family, Question, Answer, Set[Prefix]]] = [
                (family, questions[family], answer, questions[family].loop.diverting(answer.entries))
                for family, answer in answers.items()
            ]
            self.rhythm.took(time.thread_time() - began)
            return found

        try:
            answers = await asyncio.to_thread(answered)
        except Exception:  # a fault of ARM's own: what is there stays, and health says so
            log.exception("a choice failed")
            for family in asked:
                self._lifecycles[family].judge(set(), set(), proven=False)
            return
        for family, question, answer, diverting in answers:
            self._take(family, question, answer, diverting)
            await asyncio.sleep(0)  # two short stalls of the event loop, not one that is long
        self._on_choice()

    async def plan(self) -> Sequence[FamilyPlan]:
        """What the next choice would change, were it made now; what was found lately, if it was."""
        now = asyncio.get_running_loop().time()
        if self._plan is None or (self._plan.done() and now - self._planned_at > PLAN):
            self._plan = asyncio.create_task(self._rehearse(), name="plan")
            self._planned_at = now
        return await asyncio.shield(self._plan)

    async def _rehearse(self) -> list[FamilyPlan]:
        """Make a choice that nothing comes of."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])
        states = {family: lifecycle.state for family, lifecycle in self._lifecycles.items()}
        found = {
            family: untaken(family, state, self._tables.speaker.wanted(family).values())
            for family, state in states.items()
            if not state.may_choose
        }
        asked = {family: self._question(family) for family, state in states.items() if state.may_choose}
        taken, ceilings = self._taken(asked), self._ceilings(asked)
        chooser = copy(self._chooser)  # its prices stay what the last choice made them

        def answered() -> None:
            questions = {family: question() for family, question in asked.items()}
            for family, answer in chooser.choose(questions, taken, ceilings).items():
                found[family] = compare(questions[family], answer, states[family])

        async def answering() -> None:
            await asyncio.to_thread(answered)

        if asked:
            self._task = asyncio.create_task(answering(), name="rehearse")
            await asyncio.wait([self._task])
            self._task.result()
        return [found[family] for family in self._lifecycles if family in found]

    def _taken(self, asked: Collection[Family]) -> list[int]:
        """Slots of each pool that families which are not asked about hold."""
        wanted = {family: self._tables.speaker.wanted(family) for family in Family if family not in asked}
        return [
            sum(
                pool.cost(family, int(prefix.rpartition("/")[2]))
                for family, prefixes in wanted.items()
                for prefix in prefixes
            )
            for pool in self._pools
        ]

    def _ceilings(self, asked: Collection[Family]) -> dict[Family, int | None]:
        return {family: self._lifecycles[family].ceiling for family in asked}

    def _take(self, family: Family, question: Question, answer: Answer, diverting: Set[Prefix]) -> None:
        speaker, lifecycle = self._tables.speaker, self._lifecycles[family]
        if question.table is not self._tables.feed.table(family):
            return  # another one serves meanwhile; what has to change in this answer nobody knows
        self.active[family], self.chosen[family] = answer.active, answer.entries
        if answer.wrong:
            self._keep(family, question)
        # What follows the default is not missed: after a routing change it may be most of what there was.
        present = question.loop.diverting(speaker.wanted(family))
        if not lifecycle.judge(present, diverting, proven=not answer.wrong):
            return
        self._saved.pop(family, None)
        self._chosen_from.add(question.table)
        question.loop.misses.chosen, question.loop.weighed = answer.chosen, answer.weighed
        if dead := question.loop.dead:  # since the question
            for prefix, entry in [*answer.entries.items()]:
                if entry.next_hop in dead:
                    answer.entries[prefix] = Entry.guard(prefix)
        speaker.want(family, answer.entries)
        # The choice is as old as the question: what changed since is mended before anything leaves.
        self._routing.mend_noted(family)

    def _keep(self, family: Family, question: Question) -> None:
        """What led to a table that would misforward, for whoever mends ARM."""
        path: Path = self._directory / f"misforwarding-{family.label}.npz"
        if path.exists():
            return
        try:
            path.write_bytes(pack({family: question.demand}, self._pools))
        except OSError as error:
            log.error("a table that would misforward was held back", not_kept=error.strerror)
        else:
            log.error("a table that would misforward was held back", reproducer=str(path))

    def _left_behind(self, family: Family, kernel: Mapping[Prefix, KernelRoute]) -> list[Entry]:
        """The entries of an earlier run, as they can be announced again."""
        loop, table = self._tables.loops[family], self._tables.feed.table(family)
        return [
            loop.entry(prefix, loop.hop(route.gateways), table)
            for prefix, route in kernel.items()
            if route.gateways
        ]


def _entry(saved: SavedEntry) -> Entry:
    return Entry(saved.prefix, saved.next_hop, NO_ATTRIBUTES, saved.kind)
