"""ExaBGP, BIRD and the kernel as the speaker experiences them, at their nastiest.

ExaBGP reads commands when it likes, answers them in order, and writes changes to the wire in any order. It
forgets what it has queued when the session ends, but not what it reads before the next one. BIRD hands
changes to the kernel late, in their order. While the session is down BIRD keeps what it had; after end-of-RIB
it drops what was not announced again. Nothing takes longer than LATEST at any stage.
"""

from __future__ import annotations

import random
from collections import deque

from arm.announce.speaker import Speaker
from arm.model import Attributes, Entry, Family, Prefix
from arm.rib.messages import EndOfRib, Update
from arm.rib.prefixmap import PrefixMap, key

LATEST = 0.4  # seconds


class World:
    """`family` is the one that is spoken of where only one is; the other may be, too."""

    def __init__(self, speaker: Speaker, family: Family, seed: int) -> None:
        self.speaker = speaker
        self.family = family
        self.random = random.Random(seed)
        self.now = 0.0
        self.pipe: deque[tuple[float, str]] = deque()
        self.queue: list[tuple[float, Prefix, str | None]] = []  # inside ExaBGP; None: withdraw
        self.ends: list[Family] = []
        self.bird: dict[Prefix, str] = {}
        self.stale: set[Prefix] = set()
        self.late: list[tuple[float, Prefix, str | None]] = []  # on their way from BIRD to the kernel
        self.kernel: dict[Prefix, str] = {}
        self.refuse = 0.0
        self.limited = False  # BIRD lets nothing new in

    # --- what the speaker is told -------------------------------------------------------------------

    def speak(self) -> None:
        self.pipe.extend((self.now, line) for line in self.speaker.next(self.now))

    def session(self, up: bool) -> None:
        if not up:
            self.queue, self.ends = [], []
            self.stale = set(self.bird)
        self.speaker.session(up, self.now)

    # --- what goes on outside -----------------------------------------------------------------------

    def exabgp_reads(self) -> None:
        if not self.pipe:
            return
        line = self.pipe.popleft()[1]
        ok = self.random.random() >= self.refuse
        if ok and " eor " in line:
            self.ends.append(next(family for family in Family if family.label in line))
        elif ok:
            self.queue += ((self.now, prefix, next_hop) for prefix, next_hop in changes(line).items())
        self.speaker.answer(ok, self.now)

    def exabgp_writes(self) -> None:
        """Any queued change may go first, even before an older one of its own prefix."""
        if not self.speaker.up:
            return
        if self.queue:
            _, prefix, next_hop = self.queue.pop(self.random.randrange(len(self.queue)))
            if next_hop is None:
                self._to_bird(prefix, None)
                sent = Update("", Family.of(prefix), True, Attributes(), (), (prefix,))
            else:
                self._to_bird(prefix, next_hop)
                sent = Update("", Family.of(prefix), True, Attributes(), ((next_hop, [prefix]),))
            self.speaker.echo(sent, self.now)
        elif self.ends:
            family = self.ends.pop(0)
            for prefix in [each for each in self.stale if Family.of(each) is family]:
                self._to_bird(prefix, None)
            self.speaker.echo(EndOfRib("", family, True), self.now)

    def _to_bird(self, prefix: Prefix, next_hop: str | None) -> None:
        self.stale.discard(prefix)
        if next_hop is None:
            if self.bird.pop(prefix, None) is not None:
                self.late.append((self.now, prefix, None))
        elif self.bird.get(prefix) != next_hop and (prefix in self.bird or not self.limited):
            self.bird[prefix] = next_hop
            self.late.append((self.now, prefix, next_hop))

    def kernel_follows(self) -> None:
        """BIRD's changes reach the kernel in their order."""
        if not self.late:
            return
        _, prefix, next_hop = self.late.pop(0)
        if next_hop is None:
            del self.kernel[prefix]
        elif prefix in self.kernel:
            self.kernel[prefix] = next_hop
            return  # no news: it has been there
        else:
            self.kernel[prefix] = next_hop
        self.speaker.kernel(Family.of(prefix), prefix, next_hop is not None)

    def taken(self, costs: tuple[int, ...]) -> int:
        """Slots that the kernel's entries take at such costs by length."""
        return sum(costs[key(prefix)[1]] for prefix in self.kernel)

    def step(self) -> None:
        self.now += self.random.random() * 0.2
        while self.pipe and self.now - self.pipe[0][0] > LATEST:
            self.exabgp_reads()
        while self.speaker.up and self.queue and self.now - min(self.queue)[0] > LATEST:
            self.exabgp_writes()
        while self.late and self.now - self.late[0][0] > LATEST:
            self.kernel_follows()
        action = self.random.choice((self.exabgp_reads, self.exabgp_writes, self.kernel_follows, self.speak))
        action()

    def settle(self) -> None:
        """Let everything that is under way arrive, with the same choice made again every second."""
        self.refuse = 0.0
        for round_ in range(2_000):
            self.now += 0.05
            if round_ % 20 == 19:
                for family in filter(self.speaker.may_speak, Family):
                    self.speaker.want(family, PrefixMap(family, self.speaker.wanted(family)))
            for action in (self.speak, self.exabgp_reads, self.exabgp_writes, self.kernel_follows):
                action()
            # What was withdrawn without the kernel ever having had it is settled by time alone.
            leaving = any(self.speaker.leaving(family) for family in Family)
            if self.speaker.idle() and not (self.pipe or self.queue or self.late or self.ends or leaving):
                return
        raise AssertionError("never comes to rest")


def changes(line: str) -> dict[Prefix, str | None]:
    """What a command changes: the next hop by prefix, None to withdraw."""
    found: dict[Prefix, str | None] = {}
    for part in line.split(";"):
        words = part.split()
        next_hop = words[words.index("next-hop") + 1] if "next-hop" in words else None
        found |= dict.fromkeys(map(Prefix, words[words.index("nlri") + 1 :]), next_hop)
    return found


def entry(prefix: str, next_hop: str = "10.0.0.1", attributes: Attributes | None = None) -> Entry:
    return Entry(Prefix(prefix), next_hop, attributes or ATTRIBUTES)


ATTRIBUTES = Attributes()
