"""A speaker for one family and its surroundings, which do at once what they are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from arm.announce.speaker import Speaker
from arm.model import Entry, Family, Pool
from arm.rib.prefixmap import PrefixMap
from tests.announce.world import World, changes, entry

PLACES = {
    Family.IPV4: [f"20.{n}.0.0/16" for n in range(40)],
    Family.IPV6: [f"2a00:{n:x}::/32" for n in range(1, 41)],
}
HOPS = {Family.IPV4: ("10.0.0.1", "10.0.0.2"), Family.IPV6: ("2001:db8::1", "2001:db8::2")}


def some(family: Family, numbers: Iterable[int], hop: int = 0) -> PrefixMap[Entry]:
    entries = [entry(PLACES[family][number], HOPS[family][hop]) for number in numbers]
    return PrefixMap(family, {each.prefix: each for each in entries})


class Daemon(World):
    """The world around a speaker for one family, everything done at once."""

    def __init__(self, family: Family, slots: int = 100, pace: float = 1000.0) -> None:
        pools = [Pool("lpm", slots, {each: (1,) * (each.bits + 1) for each in Family})]
        super().__init__(Speaker("neighbor 127.0.0.1 local-ip 127.0.0.2", 65000, pools, pace), family, 1)

    def want(self, numbers: Iterable[int], hop: int = 0) -> None:
        self.speaker.want(self.family, some(self.family, numbers, hop))

    def left(self, numbers: Iterable[int]) -> None:
        """Entries of an earlier run."""
        for each in some(self.family, numbers).values():
            self.bird[each.prefix] = self.kernel[each.prefix] = each.next_hop
            self.stale.add(each.prefix)
            self.speaker.kernel(self.family, each.prefix, True)

    def says(self) -> dict[str, str | None]:
        """What is told now, by prefix, None to withdraw; "eor" for the end-of-RIB. Not heard by anybody."""
        lines = self.speaker.next(self.now)
        self.pipe.extend((self.now, line) for line in lines)
        return told(lines)

    def heard(self) -> None:
        """ExaBGP, BIRD and the kernel do all that they have been told."""
        while self.pipe:
            self.exabgp_reads()
        while self.queue or self.ends:
            self.exabgp_writes()
        while self.late:
            self.kernel_follows()

    def places(self, numbers: Iterable[int]) -> set[str]:
        return {PLACES[self.family][number] for number in numbers}


def told(lines: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for line in lines:
        if " eor " in line:
            found["eor"] = ""
        else:
            found.update((prefix, hop) for prefix, hop in changes(line).items())
    return found


def started(family: Family, numbers: Iterable[int] = (), slots: int = 100, pace: float = 1000.0) -> Daemon:
    """A session that has been told everything."""
    daemon = Daemon(family, slots, pace)
    daemon.want(numbers)
    daemon.session(up=True)
    daemon.settle()
    return daemon


def refused(daemon: Daemon) -> dict[str, str | None]:
    """What is told now, and refused."""
    lines = daemon.speaker.next(daemon.now)
    for _ in lines:
        daemon.speaker.answer(False, daemon.now)
    return told(lines)
