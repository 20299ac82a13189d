"""A command with several sets of attributes, refused: one of them is the reason, the others are not."""

from __future__ import annotations

import pytest

from arm.model import NO_ATTRIBUTES, Attributes, Entry, Family, Prefix
from arm.rib.prefixmap import PrefixMap
from tests.announce.daemon import HOPS, PLACES, Daemon, started
from tests.announce.world import changes

families = pytest.mark.parametrize("family", Family)
BAD = 13  # the MED that this ExaBGP does not take


def wanted(family: Family, count: int) -> PrefixMap[Entry]:
    """Each with attributes of its own."""
    prefixes = [Prefix(each) for each in PLACES[family][:count]]
    return PrefixMap(
        family, {each: Entry(each, HOPS[family][0], Attributes(med=n)) for n, each in enumerate(prefixes)}
    )


def fussy(daemon: Daemon) -> dict[Prefix, list[str]]:
    """ExaBGP does all but what has the bad MED in it; returns the lines that said something, by prefix."""
    said: dict[Prefix, list[str]] = {}
    for _ in range(100):
        daemon.now += 0.3
        for line in daemon.speaker.next(daemon.now):
            bad = f"med {BAD} " in line
            if " eor " not in line:
                for prefix in changes(line):
                    said.setdefault(prefix, []).append(line)
            daemon.pipe.append((daemon.now, line))
            daemon.refuse = 1.0 if bad else 0.0
            daemon.exabgp_reads()
        daemon.refuse = 0.0
        daemon.heard()
    return said


def right(daemon: Daemon, entries: PrefixMap[Entry]) -> None:
    assert daemon.kernel == {prefix: entry.next_hop for prefix, entry in entries.items()}
    assert daemon.speaker.idle()


@families
def test_only_what_is_refused_alone_loses_its_attributes(family: Family) -> None:
    daemon, entries = started(family), wanted(family, 20)
    daemon.speaker.want(family, entries)
    said = fussy(daemon)
    right(daemon, entries)
    for med, prefix in enumerate(entries):
        assert (f"med {med} " in said[prefix][-1]) == (med != BAD), prefix
    bad = said[Prefix(PLACES[family][BAD])]
    assert [len(changes(line)) for line in bad] == [16, 1, 1], "in company, alone, and without attributes"
    assert max(map(len, said.values())) == 3


@families
def test_repairs_that_are_refused_together_are_made_one_by_one(family: Family) -> None:
    daemon, entries = started(family), wanted(family, 16)
    plain = {prefix: Entry(prefix, HOPS[family][1], NO_ATTRIBUTES) for prefix, entry in entries.items()}
    daemon.speaker.want(family, PrefixMap(family, plain))
    daemon.settle()
    daemon.speaker.freeze(family, True)
    for prefix, entry in entries.items():
        daemon.speaker.correct(prefix, entry)
        daemon.speaker.amend(prefix, entry)
    said = fussy(daemon)
    daemon.speaker.freeze(family, False)
    daemon.settle()
    right(daemon, entries)
    assert {prefix: len(lines) for prefix, lines in said.items()} == {
        prefix: 3 if entry.attributes.med == BAD else 2 for prefix, entry in entries.items()
    }


@families
def test_what_was_alone_once_is_not_for_ever(family: Family) -> None:
    daemon, entries = started(family), wanted(family, 16)
    daemon.speaker.want(family, entries)
    fussy(daemon)
    moved = PrefixMap(
        family,
        {prefix: Entry(prefix, HOPS[family][1], entry.attributes) for prefix, entry in entries.items()},
    )
    daemon.speaker.want(family, moved)
    said = fussy(daemon)
    right(daemon, moved)
    assert {len(lines) for lines in said.values()} == {1}
    assert len({*(lines[0] for lines in said.values())}) == 1, "one command for all"
